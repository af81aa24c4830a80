#ifndef SKETCH_HLL_INTERNAL_H
#define SKETCH_HLL_INTERNAL_H

#include "sketch/hll.h"

/* An entry is a register in use: index << 6 | rank. It is never 0, for a rank is at least 1. */
enum { HLL_RANK_BITS = 6, HLL_FEW = 4 };

struct hll {
	union {
		uint32_t few[HLL_FEW]; /* n entries, unordered */
		uint32_t *table;       /* 2^bits entries or 0 (hll.c) */
		uint8_t *dense;        /* a rank for each register */
	};
	uint16_t n;   /* registers in use */
	uint8_t form; /* FEW, DENSE, else the bits of the table */
};
enum { HLL_IS_FEW = 0, HLL_IS_DENSE = 255 };

/* Raises the register to rank (1 .. HLL_RANK_MAX). */
void hll_put(struct hll *h, uint32_t index, uint32_t rank);

/* Makes room for n registers in use in all. Needed before many are put in order of their index:
 * see hll.c. */
void hll_reserve(struct hll *h, size_t n);

/* The entries in order of their index; out has room for h->n. */
void hll_entries(const struct hll *h, uint32_t *out);

#endif
