/* What the fuzz targets share. A target checks what must hold of any input and calls BUG where
 * it does not: libFuzzer keeps the input then. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond)                                \
	do {                                      \
		if (!(cond))                      \
			BUG("not so: %s", #cond); \
	} while (0)

/* Takes the first byte away: which of several ways an input goes. 0 from an empty one. */
static inline unsigned fuzz_byte(struct slice *s)
{
	if (s->n == 0)
		return 0;
	unsigned char c = (unsigned char)*s->p++;
	s->n--;
	return c;
}

#endif
