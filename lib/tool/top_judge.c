/* The state of a pipeline, and why, from its stages' pages now and at the sample before (top.h has
 * the rules).
 *
 *   a stage failed, or none lives                     stopped
 *   far behind and not nearer than before, a barrier
 *   that does not move, a silent stage                falling behind
 *   else                                              keeping up
 *
 * When a pipeline stops, nearly all of its stages fail, most of them because another one did. The
 * one that is named is the nearest to the cause by what its exit says (cause_distance), and among
 * equals the first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/top_internal.h"

/* Died, or left with another code than 0. */
static bool has_failed(const struct counters_view *v)
{
	return !v->alive && (v->counters.state != COUNTERS_ENDED || v->counters.exit_code != 0);
}

void top_stage_state(const struct counters_view *v, struct buf *out)
{
	if (v->alive)
		buf_addz(out, v->counters.state == COUNTERS_DRAINING ? "draining" : "up");
	else if (v->counters.state != COUNTERS_ENDED)
		buf_addz(out, "killed");
	else if (v->counters.exit_code)
		buf_printf(out, "exit %" PRIu64, v->counters.exit_code);
	else
		buf_addz(out, "done");
}

bool top_has(const struct top_pipeline *p, const struct counters *counters, enum counter c)
{
	switch (c) {
	case COUNTER_LAG_RECORDS:
	case COUNTER_LAG_US:
		return counters == p->source && counters->counter[c] != UINT64_MAX;
	case COUNTER_EPOCHS_OUT:
	case COUNTER_EPOCHS_IN_FLIGHT:
	case COUNTER_PARTITIONS:
		return counters == p->source;
	case COUNTER_EPOCHS_ACKED:
	case COUNTER_LAST_ACK_US:
		return p->acked;
	case COUNTER_WATERMARK_US:
		return counters->counter[c] != 0;
	default:
		return true;
	}
}

/* ---- why it stopped */

/* How far from the cause: 0 died, or a code and an error of its own, 1 what stood above was
 * gone, 2 what stood below was gone, 3 no error: it repeats another's `fail`. */
static int cause_distance(const struct counters_view *v)
{
	if (v->counters.state != COUNTERS_ENDED)
		return 0;
	if (!v->counters.error[0])
		return 3;
	return v->counters.exit_code == EX_PROTOCOL   ? 1
	       : v->counters.exit_code == EX_TEMPFAIL ? 2
						      : 0;
}

static const struct counters_view *first_failed(const struct top_pipeline *p)
{
	const struct counters_view *first = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct counters_view *v = p->stage[i];

		if (!has_failed(v))
			continue;
		if (!first || cause_distance(v) < cause_distance(first) ||
		    (cause_distance(v) == cause_distance(first) &&
		     v->counters.touched_us < first->counters.touched_us))
			first = v;
	}
	return first;
}

static void say_stopped(struct top_pipeline *p, int64_t now_us, struct buf *why)
{
	const struct counters_view *f = p->failed;

	if (p->alive) {
		buf_printf(why, ", %zu of %zu stages are on their way out", p->alive, p->n);
	} else {
		buf_addc(why, ' ');
		top_age(now_us - p->ended_us, why);
		buf_addz(why, " ago");
	}
	if (!f)
		buf_addz(why, p->acked ? ", everything was acknowledged" : ", all went well");
	else if (f->counters.state != COUNTERS_ENDED)
		buf_printf(why, ": %s was killed, or crashed", f->counters.program);
	else
		buf_printf(why, ": %s left with %" PRIu64 "%s%s", f->counters.program,
			   f->counters.exit_code, f->counters.error[0] ? ": " : "",
			   f->counters.error);
}

/* ---- how it runs */

static uint64_t counter_of(const struct counters *p, enum counter c)
{
	return p ? p->counter[c] : 0;
}

/* The last time that a barrier moved anywhere, or the pipeline began. */
static int64_t last_move(const struct top_pipeline *p)
{
	int64_t last = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct counters *counters = &p->stage[i]->counters;

		last = counters->started_us > last ? counters->started_us : last;
		last = (int64_t)counters->counter[COUNTER_LAST_ACK_US] > last
			       ? (int64_t)counters->counter[COUNTER_LAST_ACK_US]
			       : last;
	}
	return last;
}

static const struct counters *silent_stage(const struct top_pipeline *p, int64_t now_us)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->stage[i]->alive && now_us - p->stage[i]->counters.touched_us >= TOP_STUCK_US)
			return &p->stage[i]->counters;
	return NULL;
}

static void say_lag(const struct top_pipeline *p, struct buf *why)
{
	uint64_t records = counter_of(p->source, COUNTER_LAG_RECORDS),
		 us = counter_of(p->source, COUNTER_LAG_US);

	if (records == 0) {
		buf_addz(why, ", at the end of the log");
		return;
	}
	if (records == UINT64_MAX && us == UINT64_MAX)
		return;
	buf_addz(why, p->catching_up ? ", catching up: " : ", ");
	if (records != UINT64_MAX)
		buf_printf(why, "%" PRIu64 " records", records);
	if (us != UINT64_MAX) {
		buf_addz(why, records != UINT64_MAX ? " (" : "");
		top_age((int64_t)us, why);
		buf_addz(why, records != UINT64_MAX ? ")" : "");
	}
	buf_addz(why, " behind");
}

static void say_ack(const struct top_pipeline *p, int64_t now_us, struct buf *why)
{
	int64_t acked = (int64_t)counter_of(p->source, COUNTER_LAST_ACK_US);

	if (!p->source || !acked)
		return;
	buf_addz(why, ", acknowledged ");
	top_age(now_us - acked, why);
	buf_addz(why, " ago");
}

static bool is_behind(struct top_pipeline *p, const struct top *before)
{
	uint64_t us = counter_of(p->source, COUNTER_LAG_US), was;
	const struct counters *then;

	if (!p->source || us == UINT64_MAX || us < (uint64_t)TOP_LAG_US)
		return false;
	then = top_before(before, p->source);
	was = counter_of(then, COUNTER_LAG_US);
	p->unsure = !then ||
		    then->counter[COUNTER_EPOCHS_ACKED] == p->source->counter[COUNTER_EPOCHS_ACKED];
	p->catching_up = then && was != UINT64_MAX && us < was;
	return !p->catching_up;
}

static void judge_acked(struct top_pipeline *p, int64_t now_us, const struct top *before,
			struct buf *why)
{
	const struct counters *quiet = silent_stage(p, now_us);
	bool behind = is_behind(p, before),
	     stuck = counter_of(p->source, COUNTER_EPOCHS_IN_FLIGHT) &&
		     now_us - last_move(p) >= TOP_STUCK_US;

	p->state = behind || stuck || quiet ? TOP_FALLING_BEHIND : TOP_KEEPING_UP;
	if (p->source && p->source->state == COUNTERS_STARTING)
		buf_addz(why, ", starting");
	else if (p->source && p->source->state >= COUNTERS_DRAINING)
		buf_addz(why, ", draining");
	else
		say_lag(p, why);
	if (quiet) {
		buf_printf(why, ", %s (%" PRIu64 ") has not stirred for ", quiet->program,
			   quiet->pid);
		top_age(now_us - quiet->touched_us, why);
	}
	if (stuck) {
		buf_printf(why, ", %" PRIu64 " epochs in flight and no barrier has moved for ",
			   counter_of(p->source, COUNTER_EPOCHS_IN_FLIGHT));
		top_age(now_us - last_move(p), why);
	} else {
		say_ack(p, now_us, why);
	}
}

static void judge_plain(struct top_pipeline *p, int64_t now_us, struct buf *why)
{
	const struct counters *first = &p->stage[0]->counters;

	p->state = TOP_KEEPING_UP;
	for (size_t i = 1; i < p->n; i++)
		if (p->stage[i]->counters.started_us < first->started_us)
			first = &p->stage[i]->counters;
	buf_addz(why, ", running for ");
	top_age(now_us - first->started_us, why);
}

void top_judge(struct top_pipeline *p, int64_t now_us, const struct top *before)
{
	struct buf why = { 0 };

	for (size_t i = 0; i < p->n; i++)
		if (p->stage[i]->counters.touched_us > p->ended_us)
			p->ended_us = p->stage[i]->counters.touched_us;
	p->failed = first_failed(p);
	if (p->failed || !p->alive) {
		p->state = TOP_STOPPED;
		say_stopped(p, now_us, &why);
	} else if (p->acked) {
		judge_acked(p, now_us, before, &why);
	} else {
		judge_plain(p, now_us, &why);
	}
	snprintf(p->why, sizeof(p->why), "%s", buf_z(&why));
	buf_fini(&why);
}
