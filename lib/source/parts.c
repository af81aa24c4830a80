#include "source/input.h"

#include <stdlib.h>

#include "base/mem.h"

void log_parts_fini(struct log_parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].topic);
	free(p->v);
	*p = (struct log_parts){ 0 };
}

struct log_part *log_parts_add(struct log_parts *p, struct slice topic, int32_t partition)
{
	struct log_part *there = log_parts_find(p, topic, partition);

	if (there)
		return there;
	mem_reserve(&p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n] = (struct log_part){ .topic = mem_dup(topic.p, topic.n), .partition = partition };
	return &p->v[p->n++];
}

struct log_part *log_parts_find(const struct log_parts *p, struct slice topic, int32_t partition)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].partition == partition && slice_is(topic, p->v[i].topic))
			return &p->v[i];
	return NULL;
}
