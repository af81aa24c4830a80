/* Times of a batch's lines against what is known of them: the records' own timestamp (a
 * limit), or the order of lines (ahead.h), which also tells what is late on a plain stream. Nearly
 * every batch needs its highest time only, and one comparison. */
#include "agg/engine_internal.h"

#include <string.h>

#include "base/num.h"
#include "base/tm.h"
#include "proto/ctl.h"
#include "proto/pos.h"

void engine_from(struct engine *w, int64_t time_us, struct ahead *order, struct buf *times)
{
	int64_t bound_us = w->plan->common.max_ahead_us;

	time_us = ctl_at_time(time_us);
	if (time_us == 0 || __builtin_add_overflow(time_us, bound_us, &w->limit_us))
		w->limit_us = INT64_MAX;
	w->order = order ? order : w->lateness_us == ENGINE_NO_LATENESS ? NULL : &w->own;
	w->times = w->plan->common.max_ahead_us == AHEAD_OFF ? NULL : times;
}

void engine_records(struct engine *w, const int64_t *us, bool each)
{
	w->record_us = us;
	w->record_each = each;
}

bool engine_wants_records(const struct engine *w)
{
	return w->plan->common.log_time;
}

uint64_t engine_take_record_times(struct engine *w, uint64_t lines)
{
	uint64_t good = 0;

	for_each_line(i, lines)
	{
		int64_t us = w->record_us[w->record_each ? i : 0];

		w->time_us[i] = us;
		good |= (uint64_t)(us > 0 && us < TM_MAX_US) << i;
	}
	if (w->record_each)
		w->record_us += w->batch.lines;
	w->twice = w->skipped = 0;
	return good;
}

/* Nearly always all lines are good: nothing but loads and comparisons then. */
static int64_t highest(const struct engine *w, uint64_t live)
{
	int64_t high = POS_NONE;

	if (live == UINT64_MAX) {
		for (unsigned i = 0; i < SCAN_BATCH; i++)
			high = w->time_us[i] > high ? w->time_us[i] : high;
		return high;
	}
	for_each_line(i, live) high = w->time_us[i] > high ? w->time_us[i] : high;
	return high;
}

static int64_t lowest(const struct engine *w, uint64_t live)
{
	int64_t low = INT64_MAX;

	if (live == UINT64_MAX) {
		for (unsigned i = 0; i < SCAN_BATCH; i++)
			low = w->time_us[i] < low ? w->time_us[i] : low;
		return low;
	}
	for_each_line(i, live) low = w->time_us[i] < low ? w->time_us[i] : low;
	return low;
}

static void count_ahead(struct engine *w, uint64_t n, int64_t us)
{
	w->counts.ahead += n;
	if (n && us > w->counts.ahead_us)
		w->counts.ahead_us = us;
}

/* ---- by the order of lines */

/* Of each time in `live`, the end of the window that closes first, whatever the metric. */
static void earliest_ends(const struct engine *w, const int64_t us[SCAN_BATCH], uint64_t live,
			  int64_t end_us[SCAN_BATCH])
{
	for_each_line(i, live) end_us[i] = INT64_MAX;
	for (size_t i = 0; i < w->plan->n_keys; i++) {
		const struct window_spec *s = &w->plan->key[i].m->window;

		s->kind->ends(s, us, live, end_us);
	}
}

/* Of lines up to high_us not even the oldest can be late, whatever their order. */
static bool none_is_late(struct engine *w, uint64_t live, int64_t high_us)
{
	int64_t mark = high_us > w->order->highest_us ? high_us : w->order->highest_us;
	int64_t oldest[SCAN_BATCH], end[SCAN_BATCH];

	if (!live)
		return false;
	oldest[0] = lowest(w, live);
	earliest_ends(w, oldest, BIT(0), end);
	return end[0] > mark - w->lateness_us;
}

/* Lines that are more than the lateness behind mark: where no mark is higher, no other is late. */
static uint64_t find_old(const struct engine *w, uint64_t live, int64_t mark)
{
	uint64_t old = 0;

	for_each_line(i, live) if (w->time_us[i] < mark - w->lateness_us) old |= BIT(i);
	return old;
}

/* The highest time before a line decides whether it is late. Without a calm that may become one
 * that has waited since an earlier batch. */
static uint64_t find_late(struct engine *w, uint64_t live, bool calm, int64_t high_us)
{
	int64_t mark = w->order->highest_us, end[SCAN_BATCH];
	uint64_t late = 0, old = live;

	if (calm)
		old = find_old(w, live, high_us > mark ? high_us : mark);
	earliest_ends(w, w->time_us, old, end);
	for_each_line(i, live)
	{
		int64_t us = w->time_us[i];

		w->mark_us[i] = mark;
		if ((old >> i & 1) && us < mark && end[i] <= mark - w->lateness_us)
			late |= BIT(i);
		if (!calm) {
			ahead_event(w->order, us);
			mark = w->order->highest_us;
		} else if (us > mark) {
			mark = us;
		}
	}
	w->order->highest_us = mark;
	return late;
}

static uint64_t judge_by_order(struct engine *w, uint64_t live, int64_t high)
{
	struct ahead *order = w->order;
	uint64_t before = order->dropped, late = 0;
	bool calm = ahead_calm(order, high);

	if (calm && (w->lateness_us == ENGINE_NO_LATENESS || none_is_late(w, live, high)))
		order->highest_us = high > order->highest_us ? high : order->highest_us;
	else if (w->lateness_us != ENGINE_NO_LATENESS)
		late = find_late(w, live, calm, high);
	else
		for_each_line(i, live) ahead_event(order, w->time_us[i]);
	count_ahead(w, order->dropped - before, order->dropped_us);
	w->counts.watermark_us = order->highest_us;
	return late;
}

uint64_t engine_late_for(const struct engine *w, size_t metric, uint64_t late)
{
	const struct window_spec *s = &w->plan->metric[metric].def->m.window;
	uint64_t mine = 0;
	int64_t end[SCAN_BATCH];

	for_each_line(i, late) end[i] = INT64_MAX;
	s->kind->ends(s, w->time_us, late, end);
	for_each_line(i, late) if (end[i] <= w->mark_us[i] - w->lateness_us) mine |= BIT(i);
	return mine;
}

void engine_keep_times(const struct engine *w, uint64_t lines, struct buf *times)
{
	char *out = buf_room(times, SCAN_BATCH * sizeof(*w->time_us));

	for_each_line(i, lines) out = mempcpy(out, &w->time_us[i], sizeof(*w->time_us));
	times->n = (size_t)(out - times->p);
}

/* ---- by the records' own timestamp. Returns the lines that are too far ahead */

static uint64_t judge_by_limit(struct engine *w, uint64_t live, int64_t high)
{
	uint64_t ahead = 0;

	if (high > w->limit_us) {
		for_each_line(i, live) if (w->time_us[i] > w->limit_us) ahead |= BIT(i);
		count_ahead(w, (unsigned)__builtin_popcountll(ahead), high);
		high = highest(w, live & ~ahead);
	}
	if (high > w->counts.watermark_us)
		w->counts.watermark_us = high;
	return ahead;
}

uint64_t engine_judge_times(struct engine *w, uint64_t live)
{
	int64_t high = highest(w, live);
	uint64_t ahead;

	w->ahead = 0;
	if (w->order)
		return judge_by_order(w, live, high);
	if (w->times)
		engine_keep_times(w, live, w->times);
	ahead = judge_by_limit(w, live, high);
	if (w->plan->common.ahead_dead)
		w->ahead = ahead;
	return 0;
}

void engine_why_ahead(const struct engine *w, struct err *why)
{
	const struct metric_common *c = &w->plan->common;
	char ahead[32];

	ahead[num_duration_text(c->max_ahead_us, ahead)] = 0;
	err_set(why, EX_DATAERR,
		"metric %s: %s is more than %s ahead of the timestamp of its record "
		"(--max-ahead)",
		w->plan->metric[0].def->m.name, c->time.name, ahead);
}
