/* Counts in logarithmic buckets, for quantiles: within 0.55 % of the value at the rank, in memory
 * that follows the buckets in use.
 *
 * The base is 2^(1/64): bucket i of the positive values holds (base^i, base^(i+1)], as in an
 * exponential histogram of OpenTelemetry with scale 6 and a native histogram of Prometheus with
 * schema 6 (where it is bucket i + 1). Negative values are counted by their magnitude, zero has a
 * bucket of its own. The bucket of a value is exact: it is decided in integers, no value is
 * rounded, and no machine differs.
 *
 * All buckets stand in one order, that of their values, and are named by their place in it:
 *     negative i  6214 - i      zero  8129      positive i  10044 + i      (i from -1914 to 6214)
 *
 * At most LOGBUCKET_MOST are in use: beyond that the lowest are merged into the lowest that is
 * kept, so the state is a function of the multiset of values. Order and grouping of additions
 * change nothing, merging is exact. A bucket's count stays at LOGBUCKET_COUNT_MAX once it is
 * there.
 *
 * Stored form: byte 1, then each bucket in use in ascending order as a varint (LEB128) of
 * count << 1 | gap, where gap says that at least one empty place lies between it and its
 * predecessor (before the first: place 0); their number follows then as a varint. Equal sketches
 * have equal bytes. */
#ifndef SKETCH_LOGBUCKET_H
#define SKETCH_LOGBUCKET_H

#include <stdint.h>
#include "base/dec.h"

enum {
	LOGBUCKET_ZERO = 8129, /* the place of zero */
	LOGBUCKET_PLACES = 2 * LOGBUCKET_ZERO + 1,
	LOGBUCKET_MOST = 4096,
};
#define LOGBUCKET_COUNT_MAX ((uint64_t)INT64_MAX)

struct logbucket;

struct logbucket *logbucket_new(void);
void logbucket_free(struct logbucket *s);
/* empty again; gives its memory back */
void logbucket_clear(struct logbucket *s);

/* The place of a value's bucket, of any dec. */
unsigned logbucket_place(dec v);
void logbucket_places(const dec *v, size_t n, uint64_t *place);

void logbucket_add(struct logbucket *s, dec v);
/* `count` values to a bucket; 0: nothing. */
void logbucket_put(struct logbucket *s, unsigned place, uint64_t count);
/* For those who add to many sketches in turn: a value to the bucket of place[i] in each sketch[i],
 * which are struct logbucket. The memory of all is asked for first. */
void logbucket_add_each(void *const *sketch, const uint64_t *place, size_t n);
/* two different sketches */
void logbucket_merge(struct logbucket *into, const struct logbucket *from);

/* how many values were added, at most LOGBUCKET_COUNT_MAX */
uint64_t logbucket_count(const struct logbucket *s);
/* memory held, the handle included */
size_t logbucket_bytes(const struct logbucket *s);

/* Appends the quantile q, 0 to 1 as an exact decimal: the geometric middle of the bucket of rank
 * ceil(q * count), at least 1, as a decimal of at most six significant digits without an exponent
 * ("12.4", "-0.000105", "0"): the same text on every machine. False, and nothing is added: the
 * sketch is empty. */
bool logbucket_quantile(const struct logbucket *s, dec q, struct buf *out);
/* The same of a stored form. False, too, where the bytes are not of it; *empty tells which. */
bool logbucket_quantile_of(struct slice bytes, dec q, bool *empty, struct buf *out);
/* Appends the geometric middle of the bucket of that place, below LOGBUCKET_PLACES. */
void logbucket_middle(unsigned place, struct buf *out);

/* Appends the stored form. */
void logbucket_encode(const struct logbucket *s, struct buf *out);
/* A new sketch (the caller frees it), or NULL where the bytes are not of the form. */
struct logbucket *logbucket_decode(struct slice bytes);

#endif
