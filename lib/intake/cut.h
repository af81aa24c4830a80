/* Cuts the body of a request into events: one line each, as the scanner (scan/scan.h) wants them.
 *
 * A body is one object, an array of events, {"events":[..]}, or lines of JSON. It is copied, byte
 * for byte at the same distance, so that the place of a line in the body is known; what stands
 * between the events becomes \n, newlines within an event become spaces.
 *
 * What is cut from valid JSON are the elements of the array, whatever they are. Of anything else
 * the same is true up to the first wrong byte: the line that holds it is no valid JSON, or it is
 * `fault`. So a body is valid if every line is and there is no fault. Pure; any bytes will do. */
#ifndef INTAKE_CUT_H
#define INTAKE_CUT_H

#include <stdbool.h>

#include "base/str.h"

/* Forms of a body, and sets of them. */
enum cut_form {
	CUT_ONE = 1,     /* one value */
	CUT_ARRAY = 2,   /* [..] */
	CUT_WRAPPED = 4, /* {"events":[..]}, and no other member */
	CUT_LINES = 8, /* a value a line; stands alone in a set: such bodies have their own type */
};

#define CUT_NO_FAULT SIZE_MAX

/* {0} is an empty one; reuse it for the next body. */
struct cut {
	enum cut_form form;
	struct slice lines;     /* each ends in \n; SCAN_PAD readable bytes stand around */
	size_t offset;          /* of lines.p in the body */
	uint32_t pieces;        /* elements of an array, blank ones too; else 0 */
	bool too_many;          /* there are more than max, and nothing else is told */
	size_t fault;           /* offset in the body of what ends an array wrongly */
	const char *fault_text; /* what is expected there */
	char *room;             /* owned */
	size_t cap;
};

enum cut_engine { CUT_AUTO, CUT_PORTABLE, CUT_AVX2 };

void cut_fini(struct cut *c);

/* The body is of the first of `forms` that it begins like, else it is CUT_ONE. It is shorter than
 * 4 GiB. max: elements of an array. engine: CUT_AUTO but in tests. */
void cut_body(struct cut *c, struct slice body, unsigned forms, uint32_t max,
	      enum cut_engine engine);

/* Where a line, or a byte of one, stands in the body. */
static inline size_t cut_offset(const struct cut *c, const char *at)
{
	return c->offset + (size_t)(at - c->lines.p);
}

/* Whether this machine has it. */
bool cut_has(enum cut_engine engine);

#endif
