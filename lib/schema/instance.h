/* A JSON value prepared to be judged: its nodes (json.h) with strings decoded and without the
 * members that a later one of the same name replaces. Values are equal as JSON Schema has it: 1
 * and 1.0, objects in any order of their members. */
#ifndef SCHEMA_INSTANCE_H
#define SCHEMA_INSTANCE_H

#include "base/arena.h"
#include "json/json.h"

/* {0} is an empty one; reuse it for the next text. In json: the text of a string (a name too) is
 * decoded and `escaped` is false; where it cannot be, since it has half of a surrogate pair, it is
 * as it was and `escaped` is true. A name that comes again later in its object is no longer a
 * JSON_STRING but JSON_NULL. */
struct instance {
	struct json json;
	struct arena arena;
	struct buf scratch;
	uint32_t *slot; /* of names, while an object is looked through */
	size_t slots;
};

void instance_fini(struct instance *in);

/* Exactly one value. EX_DATAERR as json_parse. The text must live as long as the instance. */
int instance_read(struct instance *in, struct slice text, struct err *err);

/* The value of the member of object `at` with this name; 0: none. */
uint32_t instance_member(const struct instance *in, uint32_t at, struct slice name);

/* Why a comparison came to no end; its result means nothing then. */
struct instance_doubt {
	uint64_t *fuel;    /* members looked at; less what was spent */
	bool costly;       /* the fuel did not do */
	bool text_missing; /* strings that cannot be decoded were to be compared */
};
bool instance_equal(const struct instance *a, uint32_t at, const struct instance *b, uint32_t bt,
		    struct instance_doubt *doubt);

/* Equal for equal values. */
uint64_t instance_hash(struct instance *in, uint32_t at);

/* Appends the JSON pointer (RFC 6901) of a node in any table; of a name: that of its value. */
void instance_pointer(const struct json *json, uint32_t at, struct buf *out);

#endif
