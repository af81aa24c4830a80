#include "proto/pos.h"

#include <stdlib.h>

#include "base/mem.h"

/* One compare function for both kinds of set: topic bytes, then partition. */
static int cmp(struct slice a, int32_t a_partition, struct slice b, int32_t b_partition)
{
	int c = slice_cmp(a, b);
	return c ? c : (a_partition > b_partition) - (a_partition < b_partition);
}

void ranges_fini(struct ranges *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].topic);
	free(s->v);
	*s = (struct ranges){ 0 };
}

struct range *ranges_find(const struct ranges *s, struct slice topic, int32_t partition)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].partition == partition && slice_is(topic, s->v[i].topic))
			return &s->v[i];
	return NULL;
}

struct range *ranges_add(struct ranges *s, struct slice topic, int32_t partition)
{
	struct range *r = ranges_find(s, topic, partition);
	if (r)
		return r;
	mem_reserve(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
	r = &s->v[s->n++];
	*r = (struct range){
		.topic = mem_dup(topic.p, topic.n), .partition = partition,
		.last = { .offset = -1, .time_us = POS_NONE }, .watermark_us = POS_NONE,
	};
	return r;
}

static int range_cmp(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return cmp(slice_z(x->topic), x->partition, slice_z(y->topic), y->partition);
}

void ranges_sort(struct ranges *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), range_cmp);
}

void positions_fini(struct positions *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].topic);
	free(s->v);
	*s = (struct positions){ 0 };
}

struct position *positions_find(const struct positions *s, struct slice topic, int32_t partition)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].partition == partition && slice_is(topic, s->v[i].topic))
			return &s->v[i];
	return NULL;
}

struct position *positions_add(struct positions *s, struct slice topic, int32_t partition)
{
	struct position *p = positions_find(s, topic, partition);
	if (p)
		return p;
	mem_reserve(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
	p = &s->v[s->n++];
	*p = (struct position){
		.topic = mem_dup(topic.p, topic.n), .partition = partition,
		.last = { .offset = -1, .time_us = POS_NONE }, .watermark_us = POS_NONE,
	};
	return p;
}

static int position_cmp(const void *a, const void *b)
{
	const struct position *x = a, *y = b;
	return cmp(slice_z(x->topic), x->partition, slice_z(y->topic), y->partition);
}

void positions_sort(struct positions *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), position_cmp);
}
