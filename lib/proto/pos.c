/* Ranges and positions are two kinds of one thing, an array of partitions found by
 * partition_index.h. */
#include "proto/pos.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- ranges */

void ranges_fini(struct ranges *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].topic);
	free(s->v);
	partition_index_fini(&s->index);
	*s = (struct ranges){ 0 };
}

struct range *ranges_find(const struct ranges *s, struct slice topic, int32_t partition)
{
	size_t i = partition_index_find(&s->index, s->v, sizeof(*s->v), s->n, topic, partition);

	return i < s->n ? &s->v[i] : NULL;
}

struct range *ranges_add(struct ranges *s, struct slice topic, int32_t partition)
{
	struct range *r = ranges_find(s, topic, partition);

	if (r)
		return r;
	mem_reserve(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
	r = &s->v[s->n++];
	*r = (struct range){
		.topic = mem_dup(topic.p, topic.n),
		.partition = partition,
		.last = { .offset = -1, .time_us = POS_NONE },
		.watermark_us = POS_NONE,
	};
	partition_index_added(&s->index, s->v, sizeof(*s->v), s->n);
	return r;
}

void ranges_sort(struct ranges *s)
{
	if (s->n < 2)
		return;
	qsort(s->v, s->n, sizeof(*s->v), partition_cmp);
	partition_index_moved(&s->index, s->v, sizeof(*s->v), s->n);
}

/* ---- positions */

void positions_fini(struct positions *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].topic);
	free(s->v);
	partition_index_fini(&s->index);
	*s = (struct positions){ 0 };
}

struct position *positions_find(const struct positions *s, struct slice topic, int32_t partition)
{
	size_t i = partition_index_find(&s->index, s->v, sizeof(*s->v), s->n, topic, partition);

	return i < s->n ? &s->v[i] : NULL;
}

struct position *positions_add(struct positions *s, struct slice topic, int32_t partition)
{
	struct position *p = positions_find(s, topic, partition);

	if (p)
		return p;
	mem_reserve(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
	p = &s->v[s->n++];
	*p = (struct position){
		.topic = mem_dup(topic.p, topic.n),
		.partition = partition,
		.last = { .offset = -1, .time_us = POS_NONE },
		.watermark_us = POS_NONE,
	};
	partition_index_added(&s->index, s->v, sizeof(*s->v), s->n);
	return p;
}

void positions_sort(struct positions *s)
{
	if (s->n < 2)
		return;
	qsort(s->v, s->n, sizeof(*s->v), partition_cmp);
	partition_index_moved(&s->index, s->v, sizeof(*s->v), s->n);
}

int64_t positions_mark(const struct positions *p)
{
	int64_t high = POS_NONE, low = INT64_MAX;

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].watermark_us > high)
			high = p->v[i].watermark_us;
		if (!p->v[i].idle && p->v[i].watermark_us < low)
			low = p->v[i].watermark_us;
	}
	return low == INT64_MAX ? high : low;
}
