/* How many different things were added: exactly up to and with 10,000, beyond that within 0.8 %
 * (a HyperLogLog of the same hashes).
 *
 * The state is a function of the set of hashes: order, repetition and grouping of additions
 * change nothing, merging is exact, and a set that has become a HyperLogLog never comes back.
 * "Exactly" but for hashes that are equal by chance: of 10,000 things with a probability of 3e-12.
 *
 * Memory: up to 2 hashes in the handle's 24 bytes, then 11 to 22 bytes a hash and 128 KiB at most,
 * as a HyperLogLog 16 KiB.
 *
 * Stored form: byte 1, then the hashes as 8 bytes big-endian each, ascending; or byte 2, then the
 * bytes of hll_encode. Equal sets have equal bytes. */
#ifndef SKETCH_HASHSET_H
#define SKETCH_HASHSET_H

#include <stdint.h>
#include "base/str.h"

enum { HASHSET_EXACT_MAX = 10000 };

struct hashset;

struct hashset *hashset_new(void);
void hashset_free(struct hashset *s);
/* empty again; gives its memory back */
void hashset_clear(struct hashset *s);

/* hash_murmur64a of the element's bytes */
void hashset_add(struct hashset *s, uint64_t hash);
/* Asks for the memory that hashset_add with that hash will touch, and does not wait for it. */
void hashset_prefetch(const struct hashset *s, uint64_t hash);
void hashset_merge(struct hashset *into, const struct hashset *from);

uint64_t hashset_count(const struct hashset *s);
bool hashset_is_exact(const struct hashset *s);
/* memory held, the handle included */
size_t hashset_bytes(const struct hashset *s);

/* Appends the stored form. */
void hashset_encode(const struct hashset *s, struct buf *out);
/* A new set (the caller frees it), or NULL where the bytes are not of the form. */
struct hashset *hashset_decode(struct slice bytes);

#endif
