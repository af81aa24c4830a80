/* HyperLogLog: how many different things were added, within 0.8 % (standard error), in at most
 * 16 KiB.
 *
 * 2^14 registers with the index, rank and estimator of Redis (hyperloglog.c), so that for the
 * same elements registers, PFCOUNT and hll_count are equal. Order, repetition and grouping of
 * additions change nothing; merging is exact. Memory follows the number of registers in use: up
 * to 4 in the handle's 24 bytes, then a small table, 16 KiB from ~1,500 on.
 *
 * Three stored forms. All depend on the registers only, not on their history: equal sketches
 * have equal bytes.
 *   encode   ours, in rows. Below 4,096 registers in use: byte 1, then (index << 6 | rank) of
 *            each in 3 bytes, big-endian, sorted. From there on: byte 2, then all registers in 6
 *            bits each, the first in the lowest bits (12,288 bytes)
 *   redis    a string value: PFCOUNT, PFMERGE, PFADD work on it
 *   pg       type hll(14,5,-1,1) of postgresql-hll (its STORAGE.md, schema version 1): ranks
 *            above 31 become 31
 */
#ifndef SKETCH_HLL_H
#define SKETCH_HLL_H

#include <stdint.h>
#include "base/str.h"

enum { HLL_BITS = 14, HLL_REGISTERS = 1 << HLL_BITS, HLL_RANK_MAX = 64 - HLL_BITS + 1 };

struct hll;

struct hll *hll_new(void);
void hll_free(struct hll *h);
/* empty again; gives its memory back */
void hll_clear(struct hll *h);

/* hash_murmur64a of the element's bytes */
void hll_add(struct hll *h, uint64_t hash);
/* Asks for the memory that hll_add with that hash will touch, and does not wait for it: for
 * callers that add to many sketches in turn. */
void hll_prefetch(const struct hll *h, uint64_t hash);
void hll_merge(struct hll *into, const struct hll *from);
/* the estimate; 0 for an empty one */
uint64_t hll_count(const struct hll *h);
/* memory held, the handle included */
size_t hll_bytes(const struct hll *h);
void hll_registers(const struct hll *h, uint8_t out[HLL_REGISTERS]);

/* The writers append. The readers return a new sketch (the caller frees it), or NULL where the
 * bytes are not of the form. */
void hll_encode(const struct hll *h, struct buf *out);
struct hll *hll_decode(struct slice bytes);

/* Redis' sparse form up to 100 registers in use (merging it is slow there), else its dense one;
 * the cached estimate is marked stale. */
void hll_to_redis(const struct hll *h, struct buf *out);
/* The sparse form of more registers, a tenth of the dense one's bytes: merging it into a dense
 * one costs no more. False, and nothing is added: it would not be smaller, or a rank is above
 * 32, which it cannot hold. */
bool hll_to_redis_sparse(const struct hll *h, struct buf *out);
/* Elements of 8 bytes whose hashes set just the registers in use: PFADD of them is the merge,
 * and for a few registers far cheaper. False, and nothing is added: more than `most` are in use.
 * (MurmurHash64A of 8 bytes is a bijection.) */
bool hll_to_elements(const struct hll *h, size_t most, struct buf *out);
struct hll *hll_from_redis(struct slice bytes);

/* The bytes of the type: what COPY binary and hll_send have, what follows \x in its text.
 * EXPLICIT ones are read, not written. */
void hll_to_pg(const struct hll *h, struct buf *out);
struct hll *hll_from_pg(struct slice bytes);

#endif
