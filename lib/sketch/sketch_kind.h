/* Kinds of sketches behind one table of functions, for those who keep, merge and store sketches
 * without knowing any: the group table, rows, stores.
 *
 * Of each kind the state is a function of the multiset of what was added, merging is commutative
 * and associative, and equal states have equal bytes. An item is what the kind makes of a value:
 * a bucket's place (logbucket.h), hash_murmur64a of an element (hll.h, hashset.h), or the address
 * of the slice of a candidate (held.h), which lasts until the call returns. */
#ifndef SKETCH_SKETCH_KIND_H
#define SKETCH_SKETCH_KIND_H

#include <stdint.h>
#include "base/str.h"

enum sketch_kind {
	SKETCH_QUANTILES,
	SKETCH_HLL,
	SKETCH_SET,
	SKETCH_LOWEST,
	SKETCH_HIGHEST,
	SKETCH_KINDS,
};

struct sketch_ops {
	void *(*new)(void);
	void (*free)(void *s);
	/* empty again; gives its memory back */
	void (*clear)(void *s);
	void (*add)(void *s, uint64_t item);
	/* Each item to the sketch of its place. The memory of all is asked for first. */
	void (*add_each)(void *const *s, const uint64_t *item, size_t n);
	/* two different sketches */
	void (*merge)(void *into, const void *from);
	/* memory held, the handle included */
	size_t (*bytes)(const void *s);
	/* Appends the stored form. */
	void (*encode)(const void *s, struct buf *out);
	/* A new sketch (the caller frees it), or NULL where the bytes are not of the form. */
	void *(*decode)(struct slice bytes);
};

/* by enum sketch_kind */
extern const struct sketch_ops sketch_ops[SKETCH_KINDS];

/* Appends the stored form of two merged. False, and nothing is added: one is not of the form. */
bool sketch_merge_bytes(enum sketch_kind kind, struct slice a, struct slice b, struct buf *out);

#endif
