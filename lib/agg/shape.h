/* Shapes of dimensions: what a rule makes of a field before it is part of a key. Fields in, fields
 * out; what is made has its text in an arena.
 *
 *   class 100        a number: its hundred and two x, 503 is 5xx; 99 is 0xx, -1 is -1xx
 *   ranges 10 50     a number: <10, 10..50 (50 is beyond it), >=50
 *   lower            a string: ASCII letters small, all others as they are
 *   max 64           a string: its first 64 bytes, cut between characters
 *   explode          an array: its elements, one by one
 *
 * Numbers are rounded to nine decimals, and may stand in strings, as everywhere. What is no string
 * is neither lowered nor cut; missing and null stay what they are. */
#ifndef AGG_SHAPE_H
#define AGG_SHAPE_H

#include "base/arena.h"
#include "base/dec.h"
#include "scan/scan.h"

enum { SHAPE_ELEMENTS_MAX = 64 };

struct shape {
	bool lower, explode;
	uint32_t bytes_max;  /* 0: no bound */
	uint32_t class_step; /* a power of ten; 0: none */
	dec *bound;          /* ascending; owned */
	size_t bounds;
};

void shape_copy(const struct shape *from, struct shape *to);
void shape_fini(struct shape *s);
bool shape_is_plain(const struct shape *s);
bool shape_same(const struct shape *a, const struct shape *b);

/* Appends the canonical text, " lower max 64"; nothing of a plain one. */
void shape_canonical(const struct shape *s, struct buf *out);
/* Appends members as a rule has them: ,"lower":true,"max":64 */
void shape_describe(const struct shape *s, struct buf *out);

/* What is kept from call to call: {0} at first. */
struct shape_texts {
	struct arena arena;
	struct buf decoded;
};
void shape_texts_fini(struct shape_texts *t);

enum shape_result { SHAPE_OK, SHAPE_CUT, SHAPE_NO_NUMBER };

/* *out has SCAN_PAD readable bytes behind its text, as *f has, which it may point into. A string
 * that no key can have, and what is not of the shape's type, stays as it is. */
enum shape_result shape_field(const struct shape *s, const struct field *f, struct shape_texts *t,
			      struct field *out);

/* The elements of a FIELD_ARRAY, one by one: *left is its text at first. False behind the last. */
bool shape_element(struct slice *left, struct field *out);

#endif
