/* The groups of a table in the order of their rows: by window id, then dimension by dimension
 * as key_cmp has it. */
#ifndef AGG_ORDER_H
#define AGG_ORDER_H

#include "agg/table.h"

/* 12 bytes a group: all groups of a large input may be in one order. by: of the place that was
 * looked at last. */
struct __attribute__((packed, aligned(4))) order_entry {
	uint64_t by;
	uint32_t ref; /* table_ref */
};

/* entry[0..n): those that order_add put there. {0} is an empty one. */
struct order {
	struct order_entry *entry, *spare;
	size_t n, cap, cap_spare;
};

void order_clear(struct order *o, size_t expected);
void order_add(struct order *o, uint32_t ref);
/* dims: how many the keys have. All keys are different. */
void order_sort(struct order *o, const struct table *t, size_t dims);
void order_fini(struct order *o);

#endif
