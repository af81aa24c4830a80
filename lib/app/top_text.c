/* A pipeline for people: the sentence with its state, a line of facts, and a row a stage. Rates and
 * shares are of the time between two samples; without an earlier one, of the time since the stage
 * began. Of a stage that has ended the time stops at its last touch, so that its rates do not fade
 * while the picture stays. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "app/top.h"
#include "read/grid.h"

static uint64_t stage_sum(const struct counters *p, enum counter a, enum counter b)
{
	return p->counter[a] + p->counter[b];
}

/* From the earlier sample on, else from the start: how long, and what there was then (NULL:
 * nothing). */
static double time_since(const struct top *t, const struct counters_view *v,
			 const struct top *before, const struct counters **then)
{
	int64_t end = v->alive ? t->now_us : v->counters.touched_us;

	*then = top_before(before, &v->counters);
	return (double)(end - (*then ? before->now_us : v->counters.started_us)) / TM_S;
}

static void cell_count(struct grid *g, uint64_t n)
{
	char text[32];

	if (n < 10000000)
		snprintf(text, sizeof(text), "%" PRIu64, n);
	else if (n < 10000000000)
		snprintf(text, sizeof(text), "%.1fM", (double)n / 1e6);
	else
		snprintf(text, sizeof(text), "%.1fG", (double)n / 1e9);
	grid_cellz(g, text);
}

static void cell_rate(struct grid *g, double units, double seconds)
{
	char text[32] = "-";

	if (seconds > 0.001)
		snprintf(text, sizeof(text), units / seconds < 10 ? "%.1f" : "%.0f",
			 units / seconds);
	grid_cellz(g, text);
}

/* A share of the time in percent: what passed since the last time that the stage counted is in
 * neither sample. */
static void cell_share(struct grid *g, double us, double seconds)
{
	char text[32] = "-";
	double share = seconds > 0.001 ? us / 1e4 / seconds : 0;

	if (seconds > 0.001)
		snprintf(text, sizeof(text), "%.0f%%", share > 100 ? 100 : share);
	grid_cellz(g, text);
}

static void stage_row(struct grid *g, const struct top *t, const struct counters_view *v,
		      const struct top *before)
{
	const struct counters *p = &v->counters, *then;
	double s = time_since(t, v, before, &then);
	uint64_t in = stage_sum(p, COUNTER_RECORDS_IN, COUNTER_ROWS_IN),
		 was_in = then ? stage_sum(then, COUNTER_RECORDS_IN, COUNTER_ROWS_IN) : 0;
	static const struct counters none;
	struct buf state = { 0 };

	then = then ? then : &none;
	top_stage_state(v, &state);
	grid_cellz(g, p->program);
	grid_cellu(g, p->pid);
	grid_cell(g, buf_slice(&state));
	cell_count(g, in);
	cell_count(g, stage_sum(p, COUNTER_RECORDS_OUT, COUNTER_ROWS_OUT));
	cell_rate(g, (double)(in - was_in), s);
	cell_rate(g, (double)(p->counter[COUNTER_BYTES_IN] - then->counter[COUNTER_BYTES_IN]) / 1e6,
		  s);
	cell_count(g, p->counter[COUNTER_DEAD]);
	cell_count(g, p->counter[COUNTER_LATE]);
	cell_share(
		g,
		(double)(p->counter[COUNTER_BLOCKED_IN_US] - then->counter[COUNTER_BLOCKED_IN_US]),
		s);
	cell_share(g,
		   (double)(p->counter[COUNTER_BLOCKED_OUT_US] -
			    then->counter[COUNTER_BLOCKED_OUT_US]),
		   s);
	cell_share(g, (double)(p->counter[COUNTER_STORE_US] - then->counter[COUNTER_STORE_US]), s);
	cell_count(g, p->counter[COUNTER_RETRIES]);
	grid_cellz(g, p->detail);
	buf_fini(&state);
}

static struct grid *text_stages(const struct top *t, const struct top_pipeline *p,
				const struct top *before)
{
	static const char *const right[] = { "in",   "out",  "in/s",    "MB/s",  "dead",
					     "late", "idle", "blocked", "store", "retries" };
	struct grid *g = grid_new();

	grid_column(g, "stage", GRID_LEFT);
	grid_column(g, "pid", GRID_RIGHT);
	grid_column(g, "state", GRID_LEFT);
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		grid_column(g, right[i], GRID_RIGHT);
	grid_column(g, "detail", GRID_SHRINKS);
	for (size_t i = 0; i < p->n; i++)
		stage_row(g, t, p->stage[i], before);
	return g;
}

static void put_sentence(const struct top_pipeline *p, bool utf8, struct buf *out)
{
	struct buf text = { 0 };

	top_name(p, &text);
	buf_printf(&text, ": %s%s", top_states[p->state], p->why);
	grid_add(buf_slice(&text), UINT32_MAX, utf8, out);
	buf_addc(out, '\n');
	buf_fini(&text);
}

/* Event time that the windows have seen, and what is under way. */
static void put_facts(const struct top_pipeline *p, struct buf *out)
{
	uint64_t mark = 0, groups = 0, ahead = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct counters *counters = &p->stage[i]->counters;

		mark = counters->counter[COUNTER_WATERMARK_US] > mark
			       ? counters->counter[COUNTER_WATERMARK_US]
			       : mark;
		groups += counters->counter[COUNTER_GROUPS];
		ahead += counters->counter[COUNTER_AHEAD];
	}
	if (!mark && !p->source)
		return;
	buf_addz(out, "  ");
	if (p->source)
		buf_printf(out,
			   "partitions %" PRIu64 ", epochs acknowledged %" PRIu64
			   ", in flight %" PRIu64 ", ",
			   p->source->counter[COUNTER_PARTITIONS],
			   p->source->counter[COUNTER_EPOCHS_ACKED],
			   p->source->counter[COUNTER_EPOCHS_IN_FLIGHT]);
	if (groups)
		buf_printf(out, "groups %" PRIu64 ", ", groups);
	buf_addz(out, "watermark ");
	if (mark)
		out->n += tm_text((int64_t)mark, buf_room(out, TM_TEXT_BYTES));
	else
		buf_addz(out, "none yet");
	if (ahead)
		buf_printf(out, ", too far ahead %" PRIu64, ahead);
	buf_addc(out, '\n');
}

void top_text(const struct top *t, const struct top *before, unsigned width, bool utf8,
	      struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct top_pipeline *p = &t->pipe[i];
		struct grid *g = text_stages(t, p, before);

		if (i)
			buf_addc(out, '\n');
		put_sentence(p, utf8, out);
		put_facts(p, out);
		grid_print(g, 2, width, utf8, out);
		grid_free(g);
	}
}
