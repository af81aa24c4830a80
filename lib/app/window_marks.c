/* Watermarks of an acknowledged stream whose records have no timestamp of their own: a state
 * (ahead.h) a partition, kept across barriers. It goes with the process; the next one gets it back
 * from what the source says of the partition: the watermark in the sinks, and the last lines. */
#include "app/window_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/pos.h"

struct agg_mark {
	char *topic;
	int32_t partition;
	struct ahead order;
};

static struct ahead *find_window_marks(struct agg *a, struct slice topic, int32_t partition)
{
	for (size_t i = 0; i < a->n_marks; i++)
		if (a->mark[i].partition == partition && slice_is(topic, a->mark[i].topic))
			return &a->mark[i].order;
	return NULL;
}

static struct ahead *add_window_marks(struct agg *a, struct slice topic, int32_t partition)
{
	struct agg_mark *m;

	mem_reserve(&a->mark, &a->cap_marks, a->n_marks + 1, sizeof(*a->mark));
	m = &a->mark[a->n_marks++];
	*m = (struct agg_mark){ .topic = mem_dup(topic.p, topic.n), .partition = partition };
	ahead_init(&m->order, a->plan->common.max_ahead_us);
	return &m->order;
}

struct ahead *agg_order(struct agg *a, const struct origin *o)
{
	struct ahead *order;

	if (!workers_by_order(o) || a->plan->common.max_ahead_us == AHEAD_OFF)
		return NULL;
	order = find_window_marks(a, o->topic, o->partition);
	return order ? order : add_window_marks(a, o->topic, o->partition);
}

/* The event times of lines that were counted before. */
static void take_before(struct agg *a, struct ahead *order, struct slice lines)
{
	struct buf block = { 0 }, times = { 0 };

	memset(buf_room(&block, lines.n + 2 * SCAN_PAD), 0, lines.n + 2 * SCAN_PAD);
	memcpy(block.p + SCAN_PAD, lines.p, lines.n);
	engine_peek(a->window, slice(block.p + SCAN_PAD, lines.n), &times);
	ahead_before(order, (const int64_t *)(const void *)times.p, times.n / sizeof(int64_t));
	buf_fini(&block);
	buf_fini(&times);
}

int agg_marks_before(struct agg *a, const struct ctl *ctl, struct err *err)
{
	struct buf lines = { 0 };
	struct ctl_before b;
	struct ahead *order;
	int rc = 0;

	if (a->plan->common.max_ahead_us == AHEAD_OFF)
		return 0;
	if (ctl_before_read(ctl, &b, &lines, err)) {
		rc = -1;
	} else if ((order = find_window_marks(a, b.topic, b.partition))) {
		if (b.mark_us)
			ahead_known(order, b.mark_us);
	} else {
		order = add_window_marks(a, b.topic, b.partition);
		if (b.mark_us)
			ahead_known(order, b.mark_us);
		if (lines.n)
			take_before(a, order, buf_slice(&lines));
	}
	buf_fini(&lines);
	return rc;
}

void agg_judge(struct agg *a, const struct origin *o, const struct workers_times *times,
	       struct engine_counts *counts)
{
	struct ahead *order = agg_order(a, o);
	uint64_t before = order->dropped;

	if (ahead_calm(order, counts->watermark_us)) {
		if (counts->watermark_us > order->highest_us)
			order->highest_us = counts->watermark_us;
	} else {
		for (size_t i = 0; i < times->n; i++)
			ahead_event(order, times->us[i]);
	}
	counts->ahead = order->dropped - before;
	if (counts->ahead)
		counts->ahead_us = order->dropped_us;
	counts->watermark_us = order->highest_us;
}

static bool any_unknown(const struct agg *a)
{
	for (size_t i = 0; i < a->n_marks; i++)
		if (a->mark[i].order.highest_us == POS_NONE)
			return true;
	return false;
}

int agg_marks_barrier(struct agg *a, const struct ctl *bar, struct err *err)
{
	struct ctl_bar b;

	if (!any_unknown(a))
		return 0;
	if (ctl_bar_read(bar, &b, err))
		return -1;
	for (size_t i = 0; i < a->n_marks; i++) {
		struct agg_mark *m = &a->mark[i];
		const struct range *r = ranges_find(&b.ranges, slice_z(m->topic), m->partition);

		if (m->order.highest_us != POS_NONE || !r || !r->idle)
			continue;
		ahead_end(&m->order);
		if (m->order.highest_us != POS_NONE)
			stage_watermark(a->stage, slice_z(m->topic), m->partition,
					m->order.highest_us);
	}
	ranges_fini(&b.ranges);
	return 0;
}

uint64_t agg_marks_waiting(const struct agg *a)
{
	uint64_t n = 0;

	for (size_t i = 0; i < a->n_marks; i++)
		n += a->mark[i].order.n;
	return n;
}

void agg_marks_fini(struct agg *a)
{
	for (size_t i = 0; i < a->n_marks; i++)
		free(a->mark[i].topic);
	free(a->mark);
}
