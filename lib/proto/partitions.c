#include "proto/partitions.h"

#include <stdlib.h>

#include "base/mem.h"

void partitions_fini(struct partitions *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].topic);
	free(p->v);
	*p = (struct partitions){ 0 };
}

struct partition *partitions_add(struct partitions *p, struct slice topic, int32_t partition)
{
	struct partition *there = partitions_find(p, topic, partition);

	if (there)
		return there;
	mem_reserve(&p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n] = (struct partition){ .topic = mem_dup(topic.p, topic.n), .partition = partition };
	return &p->v[p->n++];
}

struct partition *partitions_find(const struct partitions *p, struct slice topic, int32_t partition)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].partition == partition && slice_is(topic, p->v[i].topic))
			return &p->v[i];
	return NULL;
}
