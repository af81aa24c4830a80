/* A value that is held for a group: of all candidates the lowest, or the highest (first, last,
 * arg_min, arg_max).
 *
 * A candidate is one byte string, made so that the order of its bytes (the shorter one first
 * where it is a prefix) is the order of comparison: (time, value), or (by, time, value). So the
 * state is the lowest or highest of a set of strings: order, repetition and grouping of additions
 * change nothing, and whoever merges compares bytes.
 *
 *   by       byte 0 where there is none, else the order of that value, a string with 0 behind it
 *   time     8 bytes, microseconds since 1970 + 2^63, most significant first
 *   value    its order; of a number its text follows, as it was written
 *
 *   order of a value   byte 2 false, 3 true, 4 a number, 5 a string: jq's order of types
 *     string           its bytes, decoded, UTF-8; no NUL
 *     number           byte 1 below zero, 2 zero, 3 above; unless zero, of 0.DDD x 10^E (the
 *                      first D and the last are not 0) E + 32768 in two bytes, most significant
 *                      first, the digits D in ASCII, 0; below zero these bytes are inverted
 *
 * So 1 and 1.0 are equal as what is chosen by; as values that are shown the bytes of their texts
 * decide, last. A stored form is the candidate. */
#ifndef SKETCH_HELD_H
#define SKETCH_HELD_H

#include "base/str.h"

/* Bytes of a string, decoded; characters of a number, as it is written and without an exponent.
 * A row of a store has each value several times over, and what people show of a group is a price,
 * a state or a name. */
enum { HELD_VALUE_MAX = 1024 };

enum held_type { HELD_NONE = 0, HELD_FALSE = 2, HELD_TRUE, HELD_NUMBER, HELD_STRING };

struct held_value {
	enum held_type type;
	/* of a string, decoded UTF-8 without NUL, at most HELD_VALUE_MAX bytes; of a number as it
	 * is written */
	struct slice text;
};

/* Whether a text is an RFC 8259 number within HELD_VALUE_MAX. */
bool held_number_ok(struct slice text);

/* Appends the candidate; by: HELD_NONE where there is none. False, and nothing is added: a number
 * is not held_number_ok. */
bool held_candidate(struct held_value by, int64_t time_us, struct held_value value,
		    struct buf *out);

/* Appends the value of a candidate as JSON: a number as it was written. False, and nothing is
 * added: the bytes are no candidate. */
bool held_json(struct slice candidate, struct buf *out);

struct held;

struct held *held_new(void);
void held_free(struct held *h);
/* empty again; gives its memory back */
void held_clear(struct held *h);
/* memory held, the handle included */
size_t held_bytes(const struct held *h);

/* The candidate is copied where it is the lowest, or the highest, so far. */
void held_lower(struct held *h, struct slice candidate);
void held_higher(struct held *h, struct slice candidate);

/* What is held; empty: nothing yet. Valid until the next call. */
struct slice held_peek(const struct held *h);
/* Appends it. */
void held_encode(const struct held *h, struct buf *out);
/* A new one (the caller frees it), or NULL where the bytes are no candidate. */
struct held *held_decode(struct slice candidate);

#endif
