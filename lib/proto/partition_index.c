/* Open addressing with linear probing over entry numbers: a slot is 0 or an entry's number + 1.
 *
 *	entries   0 t/0   1 t/1   2 u/0         of any struct that begins as struct partition does
 *	slots     [0][2][0][1][0][0][3][0]      2^k of them, at most half in use
 *
 * The entries stay an array in the owner's order, which is what all loops want; the index holds 4
 * bytes a slot and no copies of topics. Nothing is ever taken out, so there are no tombstones: an
 * array whose order changes is indexed anew. Up to LOOKED_THROUGH entries there is no table at all,
 * which is most jobs. Without a table an acknowledgement of n partitions would cost n^2
 * comparisons. */
#include "proto/partition_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "proto/partitions.h"

enum { LOOKED_THROUGH = 16, SLOTS_MIN = 64 };

/* The beginning of an entry, whatever its type. */
static struct partition entry_of(const void *v, size_t stride, size_t i)
{
	struct partition p;

	memcpy(&p.topic, (const char *)v + i * stride, sizeof(p.topic));
	memcpy(&p.partition, (const char *)v + i * stride + offsetof(struct partition, partition),
	       sizeof(p.partition));
	return p;
}

static size_t place_of(struct slice topic, int32_t number, size_t slots)
{
	return (hash_64(topic.p, topic.n) + (uint32_t)number * 0x9e3779b97f4a7c15u) >> 20 &
	       (slots - 1);
}

static bool is_entry(const void *v, size_t stride, size_t i, struct slice topic, int32_t number)
{
	struct partition p = entry_of(v, stride, i);

	return p.partition == number && slice_is(topic, p.topic);
}

void partition_index_fini(struct partition_index *x)
{
	free(x->slot);
	*x = (struct partition_index){ 0 };
}

size_t partition_index_find(const struct partition_index *x, const void *v, size_t stride, size_t n,
			    struct slice topic, int32_t number)
{
	size_t i = 0;

	if (!x->slots) {
		while (i < n && !is_entry(v, stride, i, topic, number))
			i++;
		return i;
	}
	for (i = place_of(topic, number, x->slots); x->slot[i]; i = (i + 1) & (x->slots - 1))
		if (is_entry(v, stride, x->slot[i] - 1, topic, number))
			return x->slot[i] - 1;
	return n;
}

static void put_entry(struct partition_index *x, const void *v, size_t stride, size_t entry)
{
	struct partition p = entry_of(v, stride, entry);
	size_t i = place_of(slice_z(p.topic), p.partition, x->slots);

	while (x->slot[i])
		i = (i + 1) & (x->slots - 1);
	x->slot[i] = (uint32_t)entry + 1;
}

void partition_index_moved(struct partition_index *x, const void *v, size_t stride, size_t n)
{
	size_t slots = x->slots ? x->slots : SLOTS_MIN;

	if (n <= LOOKED_THROUGH)
		return;
	while (slots < 2 * n)
		slots *= 2;
	if (slots != x->slots) {
		free(x->slot);
		x->slot = mem_array(slots, sizeof(*x->slot));
		x->slots = slots;
	} else {
		memset(x->slot, 0, slots * sizeof(*x->slot));
	}
	for (size_t i = 0; i < n; i++)
		put_entry(x, v, stride, i);
}

void partition_index_added(struct partition_index *x, const void *v, size_t stride, size_t n)
{
	if (n > LOOKED_THROUGH && 2 * n > x->slots)
		partition_index_moved(x, v, stride, n);
	else if (x->slots)
		put_entry(x, v, stride, n - 1);
}

int partition_cmp(const void *a, const void *b)
{
	struct partition x = entry_of(a, 0, 0), y = entry_of(b, 0, 0);
	int c = slice_cmp(slice_z(x.topic), slice_z(y.topic));

	return c ? c : (x.partition > y.partition) - (x.partition < y.partition);
}
