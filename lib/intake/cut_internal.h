/* What the files of the cutter share: the walk over an array. Not for others. */
#ifndef INTAKE_CUT_INTERNAL_H
#define INTAKE_CUT_INTERNAL_H

#include "intake/cut.h"

struct cut_walk {
	const char *body;
	size_t n;        /* of the body */
	char *text;      /* the copy, with SCAN_PAD writable bytes behind text[n] */
	size_t from;     /* offset of the first byte behind [ */
	uint32_t pieces; /* out */
	uint32_t max;
	size_t close; /* out: offset of the ], or where the walk ended */
};

/* Copies and cuts an array of objects or arrays. False, with nothing said: the array has other
 * elements, or is wrong, or has too many. */
bool cut_array_avx2(struct cut_walk *w);

#endif
