/* Reading. A step is one assignment of the log: while sinks differ one partition alone, up to a
 * position; then everything.
 *
 * 	catchup_step -> assign -> batch, batch, ... -> the step's end: cut, next step
 * 	                        |
 * 	                        +- due: cut; changed: cut and give up; no room (4
 * 	                           epochs in flight, the open one full): wait for an ack
 *
 * A batch is taken in pieces: as much as the open epoch, the step and --until take. */
#include "source/consume_internal.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"
#include "source/bounds.h"

enum { LAG_EVERY_S = 10, DEAD_LIMIT_FROM = 1000 };

enum step {
	STEP_FAILED = -1,
	STEP_GO /* read on */,
	STEP_NEXT /* the next step */,
	STEP_CHANGED,
	STEP_DONE,
};

/* ---- barriers */

static int check_dead(struct consume *s, struct err *err)
{
	const struct account *a = &s->writer.account;

	if (a->in >= DEAD_LIMIT_FROM && (double)a->dead > s->c->dead_limit * (double)a->in)
		return err_set(err, EX_DATAERR,
			       "%" PRIu64 " of the %" PRIu64
			       " records of this epoch are longer than --max-line, more than "
			       "--dead-limit %g%%: nothing of this epoch is stored",
			       a->dead, a->in, s->c->dead_limit * 100);
	return s->writer.dead_file && a->dead ? dead_file_sync(s->writer.dead_file, err) : 0;
}

int consume_cut(struct consume *s, struct err *err)
{
	const struct ranges *r;
	uint64_t number;

	if (!epochs_changed(s->epochs))
		return 0;
	if (check_dead(s, err) || (s->log->ops->verify && s->log->ops->verify(s->log->self, err)))
		return -1;
	r = epochs_cut(s->epochs, &number);
	catchup_sent(&s->catchup, r);
	s->element.n = 0;
	ctl_account_write(prog_common()->name, &s->writer.account, NULL, &s->element);
	ctl_bar_write(&s->inc, number, s->gen, r, buf_slice(&s->element), &s->line);
	s->writer.account = (struct account){ 0 };
	record_writer_again(&s->writer);
	counters_add(s->writer.counters, COUNTER_EPOCHS_OUT, 1);
	counters_set(s->writer.counters, COUNTER_EPOCHS_IN_FLIGHT, epochs_in_flight(s->epochs));
	return consume_control(s, err) || consume_flush(s, err) ? -1 : 0;
}

/* ---- gaps: what was deleted before it was read */

static int lost(struct consume *s, const struct range *r, int64_t to, struct err *err)
{
	struct ranges one = { 0 };
	struct range *part;
	uint64_t n = (uint64_t)(to - r->from);
	int rc;

	if (!s->c->on_gap_skip)
		return err_set(err, EX_DATAERR,
			       "%s/%" PRId32 ": offsets %" PRId64 " to %" PRId64
			       " were deleted before they were read (retention); --on-gap skip "
			       "goes on behind them and books them as lost",
			       r->topic, r->partition, r->from, to - 1);
	log_warn("%s/%" PRId32 ": offsets %" PRId64 " to %" PRId64 " are lost", r->topic,
		 r->partition, r->from, to - 1);
	part = ranges_add(&one, slice_z(r->topic), r->partition);
	part->from = r->from;
	part->idle = r->idle;
	epochs_assign(s->epochs, &one);
	epochs_read(s->epochs, 0, 0, to, NULL, false, tm_mono_us());
	s->writer.account.in += n;
	s->writer.account.lost += n;
	counters_add(s->writer.counters, COUNTER_LOST, n);
	rc = consume_cut(s, err);
	ranges_fini(&one);
	return rc;
}

/* 1: a gap was covered, the view has changed. */
static int skip_gap(struct consume *s, struct err *err)
{
	for (size_t i = 0; i < s->step.n; i++) {
		const struct range *r = &s->step.v[i],
				   *end = ranges_find(&s->ends, slice_z(r->topic), r->partition);

		if (r->from < end->from)
			return lost(s, r, end->from < r->to ? end->from : r->to, err) ? -1 : 1;
	}
	return 0;
}

/* The log lost what was to be read while it was read. */
static enum step lost_meanwhile(struct consume *s, struct err *err)
{
	struct range *end;

	if (err->code != EX_DATAERR || !s->log->lost.is || !s->c->on_gap_skip)
		return STEP_FAILED;
	end = ranges_find(&s->ends, slice_z(s->log->lost.part.topic), s->log->lost.part.partition);
	if (!end)
		return STEP_FAILED;
	s->log->lost.is = false;
	end->from = s->log->lost.to;
	return consume_cut(s, err) ? STEP_FAILED : STEP_NEXT;
}

/* ---- a step */

/* Where it ends: the next sink's position, or --until. A partition that has come since is for
 * the next run then. */
static void set_ends(struct consume *s)
{
	bool bound = s->c->until == UNTIL_END || s->c->until == UNTIL_TIME;

	for (size_t i = 0; i < s->step.n && !s->alone; i++) {
		struct range *r = &s->step.v[i];
		const struct range *until = ranges_find(&s->untils, slice_z(r->topic),
							r->partition);

		r->to = until ? until->to : bound ? r->from : INT64_MAX;
	}
}

static bool step_done(const struct consume *s)
{
	if (s->step.n == 0)
		return s->c->until == UNTIL_END || s->c->until == UNTIL_TIME;
	for (size_t i = 0; i < s->step.n; i++)
		if (s->step.v[i].from < s->step.v[i].to)
			return false;
	return true;
}

static size_t id_of(const struct consume *s, const struct partition *part)
{
	const struct range *r = ranges_find(&s->step, slice_z(part->topic), part->partition);

	if (!r)
		BUG("a batch of %s/%" PRId32 ", which is not assigned", part->topic,
		    part->partition);
	return (size_t)(r - s->step.v);
}

/* The last record that can be read again as it is: not a line that its file has not finished. */
static const struct pos_last *batch_last_of(const struct input_record *v, size_t n,
					    struct pos_last *last)
{
	if (n && v[n - 1].tail)
		n--;
	if (n == 0)
		return NULL;
	*last = (struct pos_last){ .offset = v[n - 1].offset,
				   .time_us = v[n - 1].time_us,
				   .hash = record_hash(v[n - 1].value) };
	return last;
}

/* Until something is stored, the lag in seconds counts from the first record that was read. */
static void note_first(struct consume *s, const struct partition *part,
		       const struct input_record *first)
{
	struct range *r = ranges_find(&s->stored, slice_z(part->topic), part->partition);

	if (r && r->last.time_us == POS_NONE && r->watermark_us == POS_NONE)
		r->watermark_us = first->time_us;
}

/* Before the first records of a partition that have no timestamps: says what was read of it
 * earlier, for stages that judge event times by their order. */
static int introduce_batch(struct consume *s, const struct input_record *first, struct err *err)
{
	const struct range *r = &s->step.v[s->batch_id];
	struct ctl_before b = { .topic = slice_z(r->topic), .partition = r->partition };
	const struct input_ops *ops = s->log->ops;

	if (s->introduced[s->batch_id])
		return 0;
	s->introduced[s->batch_id] = true;
	if (ctl_at_time(first->time_us) || first->offset == 0)
		return 0;
	s->element.n = 0;
	if (ops->before && ops->before(s->log->self, s->batch.part, r->from, &s->element, err))
		return -1;
	b.mark_us = r->watermark_us > 0 ? r->watermark_us : 0;
	b.lines = buf_slice(&s->element);
	ctl_before_write(&s->inc, &b, &s->line);
	return consume_control(s, err);
}

/* As much of the batch as fits. */
static int take_batch(struct consume *s, struct err *err)
{
	const struct input_batch *b = &s->batch;
	const struct input_record *v = b->n ? b->v + s->batch_at : NULL;
	struct range *r = &s->step.v[s->batch_id];
	size_t n = b->n - s->batch_at, room = epochs_room(s->epochs), k;
	struct pos_last last;
	int64_t position = r->from;
	bool over;

	k = bounds_fit(v, n, r->to, room < s->left ? room : s->left);
	if (k &&
	    (introduce_batch(s, v, err) || record_writer_records(&s->writer, b->part, v, k, err)))
		return -1;
	if (b->direct)
		counters_add(s->writer.counters, COUNTER_RECORDS_DIRECT, k);
	over = k < n && v[k].offset >= r->to; /* the rest is behind the step's end */
	if (k == n)
		position = b->position;
	else if (over)
		position = r->to;
	else if (k)
		position = v[k - 1].next;
	if (position > r->to)
		position = r->to;
	if (position >= r->from)
		epochs_read(s->epochs, s->batch_id, k, position, batch_last_of(v, k, &last),
			    k == n && b->end && !s->alone && position == b->position, tm_mono_us());
	if (position > r->from)
		r->from = position;
	s->left -= k;
	s->batch_at += k;
	if (k == n || over)
		s->batch.part = NULL;
	return 0;
}

static void ignore_wake_up(void *arg, int fd, short revents)
{
	(void)arg, (void)fd, (void)revents;
}

/* Nothing to read now, or no room for it (fd -1). */
static int wait_for(struct consume *s, int fd, struct err *err)
{
	int64_t from = tm_mono_us(), deadline_us = epochs_deadline_us(s->epochs);
	int id = -1, rc;

	if (consume_flush(s, err))
		return -1;
	if (!s->watching && s->watch_at_us < deadline_us)
		deadline_us = s->watch_at_us;
	if (fd >= 0)
		id = loop_watch(s->loop, fd, POLLIN, ignore_wake_up, NULL);
	rc = loop_turn(s->loop, deadline_us, err);
	if (fd >= 0)
		loop_unwatch(s->loop, id);
	if (fd >= 0)
		counters_add(s->writer.counters, COUNTER_BLOCKED_IN_US,
			     (uint64_t)(tm_mono_us() - from));
	else
		s->waited_us += (uint64_t)(tm_mono_us() - from);
	return rc < 0 ? -1 : 0;
}

/* The files are at their end. */
static enum step files_ended(struct consume *s, struct err *err)
{
	if (s->log->ops->verify && s->log->ops->verify(s->log->self, err))
		return STEP_FAILED;
	if (s->alone && s->log->ops->left && s->log->ops->left(s->log->self, err))
		return STEP_FAILED;
	if (s->alone) {
		err_set(err, EX_CONFIG,
			"%s: ends at byte %" PRId64 ", but a sink stands at %" PRId64
			": the file was replaced; a new job (another --job) reads what is there "
			"now",
			input_place(s->log, s->step.v[0].topic), s->step.v[0].from,
			s->step.v[0].to);
		return STEP_FAILED;
	}
	s->eof = true;
	return consume_cut(s, err) ? STEP_FAILED : STEP_DONE;
}

/* What is due whatever is read: 0: go on. */
static int take_care(struct consume *s, struct err *err)
{
	int64_t now = tm_mono_us();

	if (consume_serve(s, err) || consume_poll_change(s, err))
		return -1;
	if (epochs_due(s->epochs, now) && consume_cut(s, err))
		return -1;
	if (consume_group(s) && now >= s->lag_at_us) {
		s->lag_at_us = now + LAG_EVERY_S * TM_S;
		if (consume_ask_lag(s, err))
			return -1;
	}
	return consume_watch(s, now, err);
}

/* One more batch, or a wait for one. */
static enum step read_more(struct consume *s, struct err *err)
{
	int fd = -1;

	if (epochs_room(s->epochs) == 0)
		return wait_for(s, -1, err) ? STEP_FAILED : STEP_GO;
	if (!s->batch.part) {
		if (s->log->ops->read(s->log->self, &s->batch, &fd, err))
			return lost_meanwhile(s, err);
		s->batch_at = 0;
		if (!s->batch.part && fd < 0)
			return files_ended(s, err);
		if (!s->batch.part)
			return wait_for(s, fd, err) ? STEP_FAILED : STEP_GO;
		s->batch_id = id_of(s, s->batch.part);
		if (s->batch.n)
			note_first(s, s->batch.part, &s->batch.v[0]);
	}
	return take_batch(s, err) || loop_turn(s->loop, 0, err) < 0 ? STEP_FAILED : STEP_GO;
}

/* All that was asked for is read. Are these the ends of the log still? The last barrier says so:
 * nobody may come for a while to tell. */
static int mark_idle(struct consume *s, struct err *err)
{
	if (!consume_group(s))
		return 0;
	if (consume_ask_lag(s, err))
		return -1;
	for (size_t i = 0; i < s->step.n; i++) {
		const struct range *r = &s->step.v[i],
				   *end = ranges_find(&s->ends, slice_z(r->topic), r->partition);

		if (r->from == end->to)
			epochs_read(s->epochs, i, 0, r->from, NULL, true, tm_mono_us());
	}
	return 0;
}

/* Whether there is a reason to end the step. */
static enum step look_at_record(struct consume *s, struct err *err)
{
	enum step rc = STEP_GO;

	if (take_care(s, err))
		return STEP_FAILED;
	if (s->stopping || s->change != INPUT_UNCHANGED || s->again)
		rc = STEP_CHANGED;
	else if (s->left == 0)
		rc = STEP_DONE;
	else if (step_done(s))
		rc = s->alone ? STEP_NEXT : STEP_DONE;
	if (rc == STEP_DONE && !s->alone && mark_idle(s, err))
		return STEP_FAILED;
	return rc != STEP_GO && consume_cut(s, err) ? STEP_FAILED : rc;
}

/* The steps of a catch-up may be short: no more epochs than in steady state are on their way. */
static int wait_for_acks(struct consume *s, struct err *err)
{
	while (epochs_in_flight(s->epochs) >= CONSUME_IN_FLIGHT && !s->stopping &&
	       s->change == INPUT_UNCHANGED)
		if (consume_turn(s, INT64_MAX, err) || consume_poll_change(s, err))
			return -1;
	return 0;
}

static enum step one_step(struct consume *s, struct err *err)
{
	enum step rc = STEP_GO;
	int gap;

	if (wait_for_acks(s, err))
		return STEP_FAILED;
	s->alone = catchup_step(&s->catchup, &s->step);
	gap = skip_gap(s, err);
	if (gap)
		return gap < 0 ? STEP_FAILED : STEP_NEXT;
	set_ends(s);
	epochs_assign(s->epochs, &s->step);
	s->introduced = mem_grow(s->introduced, s->step.n + 1, sizeof *s->introduced);
	memset(s->introduced, 0, (s->step.n + 1) * sizeof *s->introduced);
	s->batch.part = NULL;
	record_writer_again(&s->writer);
	if (s->log->ops->assign(s->log->self, &s->step, err))
		return lost_meanwhile(s, err);
	if (!s->begun)
		notify("READY=1\nSTATUS=reading");
	s->begun = true;
	while (rc == STEP_GO) {
		rc = look_at_record(s, err);
		if (rc == STEP_GO)
			rc = read_more(s, err);
	}
	return rc;
}

int consume_read(struct consume *s, struct err *err)
{
	enum step rc;

	do
		rc = one_step(s, err);
	while (rc == STEP_NEXT);
	return rc == STEP_DONE ? 0 : rc == STEP_FAILED ? -1 : 1;
}
