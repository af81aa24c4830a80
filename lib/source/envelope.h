/* What a record's line is made of, beside or around its value.
 *
 *   -J           kcat's envelope, without the broker:
 *     {"topic":"events","partition":0,"offset":7,"tstype":"create","ts":1767225600000,
 *      "headers":["name","value"],"key":"k","payload":"{..}"}
 *     tstype (create, logappend) and ts, in milliseconds, only where the record has a timestamp,
 *     headers (names and values by turns) only where it has some. Key, payload and a header's value
 *     are strings or null. What is not UTF-8 is base64, and key_encoding, payload_encoding,
 *     headers_encoding (then of all names and values) says so.
 *   --key-field  the record, an object, with its key as a member: a string or null
 *
 * Pure: no I/O, no product. */
#ifndef SOURCE_ENVELOPE_H
#define SOURCE_ENVELOPE_H

#include "json/json.h"
#include "source/input.h"

/* What the command line said. {0}: lines are values. */
struct envelope_conf {
	bool json;             /* -J */
	bool json_payload;     /* a payload that is a JSON object stands as such */
	bool tombstones;       /* they have lines too; with json only */
	const char *key_field; /* NULL: none. UTF-8; not with json */
};

struct envelope {
	const struct envelope_conf *conf;
	struct json json; /* scratch */
};
void envelope_fini(struct envelope *e);

static inline bool envelope_is_wanted(const struct envelope_conf *c)
{
	return c->json || c->key_field;
}

/* Appends the record's line without its newline; a newline of an object that stands as it came is
 * left in it. -1: the record has no such line; *why says what is wrong with it, and nothing is
 * added. */
int envelope_write(struct envelope *e, const struct partition *part, const struct input_record *r,
		   const struct input_extra *x, struct buf *out, const char **why);

#endif
