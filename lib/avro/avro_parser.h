/* Reading a schema: texts and names out of its JSON. What the files of the parser share. */
#ifndef AVRO_AVRO_PARSER_H
#define AVRO_AVRO_PARSER_H

#include "avro/avro_internal.h"

struct avro_parser {
	struct avro_schema *schema;
	const struct json *json;
	struct err *err;
};

/* n elements of zeros in the schema's arena. */
void *avro_bytes(struct avro_parser *p, size_t n, size_t bytes);
/* A string in the arena, with a NUL behind it; NULL: it is none, or has a NUL inside. avro_text_of:
 * the same of a member of object `at`. */
const char *avro_text_at(struct avro_parser *p, uint32_t at);
const char *avro_text_of(struct avro_parser *p, uint32_t at, const char *key);

/* Letters, digits and _, no digit first; of a full name what is behind its last dot. All characters
 * beyond ASCII count as letters and namespaces are not looked at, as registries have it. */
bool avro_is_name(const char *name, bool full);
/* space.name; the name itself where it has a dot or there is no namespace. */
const char *avro_full_name(struct avro_parser *p, const char *space, const char *name);
/* The namespace of a full name, "" for none. */
const char *avro_space_of(struct avro_parser *p, const char *full);
struct avro_type *avro_find_named(const struct avro_schema *schema, const char *full);

/* `what` is named in errors. An array, and no more than AVRO_MANY elements; their number. */
int avro_need_array(struct avro_parser *p, uint32_t at, const char *what);
int avro_count_elements(struct avro_parser *p, uint32_t at, const char *what, size_t *n);
/* The strings of an array, each a name. */
int avro_parse_names(struct avro_parser *p, uint32_t at, const char *what, bool full,
		     struct avro_names *out);
/* The member "aliases" of object `at`, if there is one. */
int avro_parse_aliases(struct avro_parser *p, uint32_t at, bool full, struct avro_names *out);

#endif
