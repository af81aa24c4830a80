/* Synthetic events. The same settings give the same bytes, on every machine: one seeded
 * generator (xoshiro256**, Blackman and Vigna 2018), Zipf by Walker's alias method over weights
 * 1 / rank^s.
 *
 * Event i has the time start + i * step. Late events lie 10 to 60 minutes back, duplicates
 * repeat one of the last GEN_RECENT lines to the byte, bad lines are of GEN_BAD_KINDS kinds in
 * turn of chance: cut off, not JSON, no time, value of a wrong type, number out of range, bytes
 * that are no UTF-8. */
#ifndef APP_GEN_H
#define APP_GEN_H

#include <stddef.h>
#include <stdint.h>

enum { GEN_LINE_BYTES = 768, GEN_RECENT = 64, GEN_BAD_KINDS = 6 };
enum gen_schema { GEN_EVENTS, GEN_ORDERS, GEN_VIEWS };

struct gen_fields;

struct gen_conf {
	enum gen_schema schema;
	const struct gen_fields *fields; /* in place of the schema (gen_fields.h); NULL: none */
	uint64_t seed;
	uint64_t keys; /* customers beside the hot one, 1 .. 10 million */
	double zipf;   /* exponent, 0: uniform */
	double hot_prob, late_prob, dup_prob, bad_prob;
	int64_t jitter_us; /* event times are up to this much back, at random */
	int64_t start_us;
	/* microseconds between events, as a fraction: i * num / den */
	int64_t step_num, step_den;
};

struct gen;

struct gen *gen_new(const struct gen_conf *conf);
void gen_free(struct gen *g);

/* The bytes that a line may need; GEN_LINE_BYTES without conf.fields. */
size_t gen_room(const struct gen *g);
/* Writes the next line with its \n at out (gen_room of room); returns its length. */
size_t gen_line(struct gen *g, char *out);
int64_t gen_next_us(const struct gen *g); /* event time of the next line, before jitter */

#endif
