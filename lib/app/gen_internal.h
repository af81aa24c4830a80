/* What a made event is put together from: gen.c (events, orders, views) and gen_alias.c (Zipf
 * weights) have it, gen_fields_write.c (events of a file) takes it. Pieces are written at p, and
 * what is behind them is returned; up to GEN_SLACK bytes behind that may be written over. */
#ifndef APP_GEN_INTERNAL_H
#define APP_GEN_INTERNAL_H

#include "app/gen.h"

enum { GEN_SLACK = 64 };

/* Of a customer's Zipf weights, or those of any other numbers below n: Walker's alias. */
struct gen_alias {
	uint32_t cut, other;
};
/* s: the exponent, 0: uniform. free() */
struct gen_alias *gen_alias_new(uint64_t n, double s);

/* The upper half of the dice, as a number below n. */
static inline uint32_t gen_below(uint64_t dice, uint32_t n)
{
	return (uint32_t)((dice >> 32) * n >> 32);
}

static inline uint32_t gen_alias_draw(const struct gen_alias *a, uint32_t n, uint64_t column,
				      uint64_t toss)
{
	uint32_t i = gen_below(column, n);

	return (uint32_t)(toss >> 32) <= a[i].cut ? i : a[i].other;
}

uint64_t gen_dice(struct gen *g);
/* A probability in units of 2^-32: lower halves of dice below it have it. */
uint64_t gen_cut(double p);

char *gen_uuid(struct gen *g, char *p);
/* RFC 3339, milliseconds, UTC */
char *gen_stamp(struct gen *g, char *p, int64_t us);
/* c-00042, by the weights and the hot one's share that were asked for */
char *gen_customer(struct gen *g, char *p);

#endif
