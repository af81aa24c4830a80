#include "proto/partitions.h"

#include <stdlib.h>

#include "base/mem.h"

void partitions_fini(struct partitions *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].topic);
	free(p->v);
	partition_index_fini(&p->index);
	*p = (struct partitions){ 0 };
}

struct partition *partitions_add(struct partitions *p, struct slice topic, int32_t partition)
{
	struct partition *there = partitions_find(p, topic, partition);

	if (there)
		return there;
	mem_reserve(&p->v, &p->cap, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct partition){ .topic = mem_dup(topic.p, topic.n),
					   .partition = partition };
	partition_index_added(&p->index, p->v, sizeof(*p->v), p->n);
	return &p->v[p->n - 1];
}

struct partition *partitions_find(const struct partitions *p, struct slice topic, int32_t number)
{
	size_t i = partition_index_find(&p->index, p->v, sizeof(*p->v), p->n, topic, number);

	return i < p->n ? &p->v[i] : NULL;
}
