/* Values of JSON as values of Avro, one by one: what avro_encode.c walks with. Those that return a
 * text return NULL, or the reason why it is no such value. Slices are valid until the next call. */
#ifndef AVRO_AVRO_ENCODER_H
#define AVRO_AVRO_ENCODER_H

#include "avro/avro_internal.h"

/* Where a value stands: a list on the stack, innermost first. */
struct avro_place {
	const struct avro_place *up;
	struct slice member; /* p NULL: an element */
	size_t index;
};

struct avro_encoder {
	const struct json *json;
	enum avro_unknown unknown;
	bool is_default;
	unsigned depth;
	size_t left; /* values of a default */
	struct buf *out;
	struct buf text; /* a decoded string */
	struct err *err;
};

static inline bool avro_is_type(const struct avro_encoder *e, uint32_t at, enum json_type type)
{
	return e->json->node[at].type == type;
}

static inline enum avro_logical avro_logical_here(const struct avro_encoder *e,
						  const struct avro_type *type)
{
	return e->is_default ? AVRO_PLAIN : type->logical;
}

/* The decoded text of a string, or of a number as it is. False: it is neither, or half of a
 * surrogate pair. */
bool avro_text_of_value(struct avro_encoder *e, uint32_t at, struct slice *text);
/* What a string stands for as bytes: base64, in defaults code points up to 255. */
const char *avro_bytes_at(struct avro_encoder *e, uint32_t at, struct slice *bytes);
const char *avro_long_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			 int64_t *v);
/* The bytes of a decimal, as few as it has. */
const char *avro_decimal_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			    uint8_t out[AVRO_DECIMAL_BYTES], size_t *n);
/* The bytes of a fixed that has a logical type: as many as the type has. */
const char *avro_fixed_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			  uint8_t out[AVRO_DECIMAL_BYTES]);
const char *avro_string_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			   struct slice *text);
const char *avro_symbol_at(struct avro_encoder *e, const struct avro_type *type, uint32_t at,
			   size_t *symbol);

/* The first member of object `at` that no field has the name of, 0: none. */
uint32_t avro_unknown_member(const struct avro_encoder *e, const struct avro_type *type,
			     uint32_t at);
/* The branch of a union that takes a value; n: none. avro_named_branch: the one that {"full.Name":
 * value} names; *at becomes the value. */
size_t avro_branch_of(struct avro_encoder *e, const struct avro_type *u, uint32_t at);
size_t avro_named_branch(const struct avro_encoder *e, const struct avro_type *u, uint32_t *at);

#endif
