/* Where a filter above has left lines out, an `at` says the place of the next one: with every
 * fifth line gone there are four between two of them. As runs of their own they would cost a
 * window more than their records do, since lines are scanned and counted by the batch.
 *
 *   block        data data | at 300 | data data data | at 900 | data ... | bar
 *   one run      data data data data data data ..
 *   gaps         0: 100      1: 300           2: 900
 *
 * So the data of a block are copied together, as long as the lines between them are `at`s of one
 * form, and the offset of a line is looked up where somebody asks for it: for dead letters. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/stage_internal.h"

int64_t origin_gaps_offset(const struct origin *o, size_t at)
{
	const struct origin_gaps *g = o->gaps;
	size_t low = 0, high = g->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (g->v[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	return g->v[low].offset +
	       (int64_t)(o->bytes ? at - g->v[low].at
				  : str_lines(slice(g->block + g->v[low].at, at - g->v[low].at)));
}

int64_t stage_gaps_end(const struct run *run)
{
	return origin_gaps_offset(&run->origin, run->block.n);
}

void stage_takes_gaps(struct stage *st)
{
	if (!st->f->consumes)
		BUG("gaps are not passed on");
	st->gaps.taken = true;
}

void stage_gaps_fini(struct stage_gaps *g)
{
	ctl_at_form_fini(&g->read);
	ctl_at_form_fini(&g->written);
	buf_fini(&g->data);
	buf_fini(&g->topic);
	free(g->gaps.v);
}

/* ---- what is read */

void stage_gaps_learn(struct stage *st, const struct ctl_at *at)
{
	if (!st->gaps.taken || st->at.inexact || ctl_at_is_alone(at))
		ctl_at_form_clear(&st->gaps.read);
	else
		ctl_at_form_learn(&st->gaps.read, st->ctl.line, at->offset);
}

/* Whether an `at` of the form stands at k; *line without its \n. */
static bool find_at(const struct stage_gaps *g, struct slice block, size_t k, struct slice *line,
		    int64_t *offset)
{
	const char *p = block.p + k;

	if (k == block.n || !g->read.text.n)
		return false;
	*line = slice(p, (size_t)((const char *)memchr(p, '\n', block.n - k) - p));
	return ctl_at_form_read(&g->read, *line, offset);
}

static void add_gap(struct stage_gaps *g, int64_t offset)
{
	mem_reserve(&g->gaps.v, &g->gaps.cap, g->gaps.n + 1, sizeof(*g->gaps.v));
	g->gaps.v[g->gaps.n++] = (struct origin_gap){ g->data.n - LINES_PAD, offset };
}

/* room: of all data that may come */
static void begin_data(struct stage_gaps *g, size_t room, int64_t offset)
{
	g->data.n = 0;
	memset(buf_room(&g->data, LINES_PAD + room + LINES_PAD), 0, LINES_PAD);
	g->data.n = LINES_PAD;
	g->gaps.n = 0;
	add_gap(g, offset);
}

static void end_data(struct stage *st, struct run *run)
{
	struct stage_gaps *g = &st->gaps;

	memset(buf_room(&g->data, LINES_PAD), 0, LINES_PAD);
	run->block = slice(g->data.p + LINES_PAD, g->data.n - LINES_PAD);
	g->gaps.block = run->block.p;
	run->origin = st->at;
	run->origin.gaps = &g->gaps;
}

size_t stage_gaps_gather(struct stage *st, struct slice block, size_t k, struct run *run)
{
	struct stage_gaps *g = &st->gaps;
	struct slice line;
	int64_t offset;
	size_t used = 0;

	if (!find_at(g, block, k, &line, &offset))
		return 0;
	begin_data(g, block.n, st->at.offset);
	do {
		buf_add(&g->data, block.p + used, k - used);
		used = k + line.n + 1;
		add_gap(g, offset);
		k = used + ctl_find(&st->inc, block.p + used, block.n - used);
	} while (find_at(g, block, k, &line, &offset));
	buf_add(&g->data, block.p + used, k - used);
	end_data(st, run);
	return k;
}

/* ---- what is written */

static bool is_like_last(const struct stage_gaps *g, const struct ctl_at *place)
{
	const struct ctl_at *last = &g->place;

	return !ctl_at_is_alone(place) && place->partition == last->partition &&
	       place->time_us == last->time_us && place->inexact == last->inexact &&
	       slice_eq(place->topic, last->topic);
}

void stage_gaps_write_at(struct stage *st, const struct ctl_at *place)
{
	struct stage_gaps *g = &st->gaps;

	st->line.n = 0;
	if (is_like_last(g, place) && ctl_at_form_write(&g->written, place->offset, &st->line))
		return;
	ctl_at_write(&st->inc, place, &st->line);
	ctl_at_form_clear(&g->written);
	if (ctl_at_is_alone(place))
		return;
	ctl_at_form_learn(&g->written, buf_slice(&st->line), place->offset);
	g->topic.n = 0;
	buf_adds(&g->topic, place->topic);
	g->place = *place;
	g->place.topic = buf_slice(&g->topic);
}
