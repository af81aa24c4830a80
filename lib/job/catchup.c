/* A table of positions, partitions by sinks. A step of catch-up reads from the lowest position of
 * the first partition whose sinks differ up to the second lowest:
 *
 *              sink A  sink B  sink C
 *   events/0      120      80     100    steps: 80 to 100 (B), then 100 to 120 (B and C)
 *   events/1       40      40      40    none
 *
 * So every epoch is needed whole by some sinks and is known whole to the others, which answer that
 * they have applied it. A partition takes at most one step less than there are sinks; each looks
 * through the table once. To send everything from the lowest position would be one step, whose
 * epochs straddle the positions of the higher sinks: those could neither apply nor skip them.
 *
 * The watermark of a partition is that of the sinks of rows that stand lowest: they get all that
 * follows, and a higher one would close windows of theirs before their events came. Sinks of
 * records, above all windows, have none. */
#include "job/catchup.h"

#include <stdlib.h>

#include "base/mem.h"

void catchup_fini(struct catchup *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->v[i].topic);
		free(v->v[i].next);
	}
	free(v->v);
	*v = (struct catchup){ 0 };
}

static struct catchup_part *set_part(struct catchup *v, size_t i, const char *topic,
				     int32_t partition)
{
	v->v[i] = (struct catchup_part){ .topic = mem_strdup(topic),
					 .partition = partition,
					 .watermark_us = POS_NONE,
					 .next = mem_array(v->sinks, sizeof(*v->v[i].next)) };
	return &v->v[i];
}

void catchup_probed(struct catchup *v, const struct ctl_sink_state *sinks, size_t n,
		    const struct partitions *parts)
{
	catchup_fini(v);
	*v = (struct catchup){ .v = mem_array(parts->n ? parts->n : 1, sizeof(*v->v)),
			       .n = parts->n,
			       .sinks = n };
	for (size_t i = 0; i < parts->n; i++) {
		struct catchup_part *p = set_part(v, i, parts->v[i].topic, parts->v[i].partition);
		int64_t low = INT64_MAX;

		p->idle = true;
		for (size_t s = 0; s < n; s++) {
			const struct position *at = positions_find(&sinks[s].pos, slice_z(p->topic),
								   p->partition);
			if (!at)
				BUG("sink %s has no position of %s/%d", sinks[s].name, p->topic,
				    p->partition);
			if (!sinks[s].records &&
			    (at->next < low ||
			     (at->next == low && at->watermark_us < p->watermark_us))) {
				p->watermark_us = at->watermark_us;
				low = at->next;
			}
			p->next[s] = at->next;
			p->idle = p->idle && at->idle;
		}
	}
}

void catchup_started(struct catchup *v, const struct ranges *start)
{
	catchup_fini(v);
	*v = (struct catchup){ .v = mem_array(start->n ? start->n : 1, sizeof(*v->v)),
			       .n = start->n,
			       .sinks = 1 };
	for (size_t i = 0; i < start->n; i++)
		set_part(v, i, start->v[i].topic, start->v[i].partition)->next[0] = start->v[i]
											    .from;
}

void catchup_sent(struct catchup *v, const struct ranges *epoch)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct range *r = ranges_find(epoch, slice_z(v->v[i].topic),
						    v->v[i].partition);

		if (!r)
			continue;
		v->v[i].idle = r->idle;
		for (size_t s = 0; s < v->sinks; s++)
			if (v->v[i].next[s] < r->to)
				v->v[i].next[s] = r->to;
	}
}

int64_t catchup_lowest(const struct catchup_part *p, size_t sinks)
{
	int64_t low = p->next[0];

	for (size_t s = 1; s < sinks; s++)
		low = p->next[s] < low ? p->next[s] : low;
	return low;
}

static void add_start(struct ranges *start, const struct catchup_part *p, int64_t from, int64_t to)
{
	struct range *r = ranges_add(start, slice_z(p->topic), p->partition);

	r->from = from;
	r->to = to;
	r->idle = p->idle;
	r->watermark_us = p->watermark_us;
}

/* The position above the lowest one; the lowest where all agree. */
static int64_t second_lowest(const struct catchup_part *p, size_t sinks, int64_t low)
{
	int64_t up = INT64_MAX;

	for (size_t s = 0; s < sinks; s++)
		if (p->next[s] > low && p->next[s] < up)
			up = p->next[s];
	return up == INT64_MAX ? low : up;
}

bool catchup_step(const struct catchup *v, struct ranges *start)
{
	ranges_fini(start);
	for (size_t i = 0; i < v->n; i++) {
		int64_t low = catchup_lowest(&v->v[i], v->sinks),
			up = second_lowest(&v->v[i], v->sinks, low);

		if (up == low)
			continue;
		add_start(start, &v->v[i], low, up);
		return true;
	}
	for (size_t i = 0; i < v->n; i++)
		add_start(start, &v->v[i], v->v[i].next[0], INT64_MAX);
	return false;
}
