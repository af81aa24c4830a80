/* The life of an acknowledged source:
 *
 * 	hello ------------------> down the pipe, and back on the ack channel, finished
 * 	first probe: who stores dead letters, what the sinks hold
 * 	+-> wait for an assignment (files: all is ours) -> prepare -> read -+
 * 	+----------------------- a change ----------------------------------+
 * 	last barrier, `end`, the acks, the last commit
 *
 * Only sources react to the first INT, TERM or HUP: before a record was read it ends us at once,
 * later it is a change like others. A second one or
 * --drain-timeout stops the loop: then every wait fails and we leave with 75. */
#include "source/consume_internal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"
#include "source/bounds.h"

enum {
	OUT_BYTES = 256 << 10,
	FILES_OUT_BYTES = 128 << 10 /* below a block of lines: written without a copy */,
	REVOKE_S = 5,
	LAST_WORD_S = 2,
	LINGER_S = 1,
};

int consume_flush(struct consume *s, struct err *err)
{
	return out_flush(s->writer.out, err);
}

int consume_control(struct consume *s, struct err *err)
{
	int rc = record_writer_control(&s->writer, buf_slice(&s->line), err);

	s->line.n = 0;
	return rc;
}

/* ---- the middle */

/* INPUT_REVOKED, INPUT_GONE: the epoch is cut; its acks are worth a short wait, since the next
 * owner reads again what is not stored. */
static int give_up_partitions(struct consume *s, struct err *err)
{
	if (s->change == INPUT_REVOKED && consume_drain(s, tm_mono_us() + REVOKE_S * TM_S, err))
		return -1;
	crash_at(CRASH_SOURCE_REVOKED);
	if (s->change == INPUT_REVOKED && consume_commit(s, true, err))
		return -1;
	ranges_fini(&s->stored);
	ranges_fini(&s->ends);
	ranges_fini(&s->step);
	catchup_fini(&s->catchup);
	epochs_assign(s->epochs, &s->step);
	partitions_fini(&s->held);
	counters_set(s->writer.counters, COUNTER_PARTITIONS, 0);
	s->batch.part = NULL;
	s->watching = false;
	return s->log->ops->revoked(s->log->self, err);
}

/* 0: s->held is what is ours; 1: we are to stop. */
static int await_assignment(struct consume *s, bool *have, struct err *err)
{
	while (!s->stopping) {
		if (consume_poll_change(s, err))
			return -1;
		if (s->change == INPUT_UNCHANGED && *have)
			return 0;
		if (s->change == INPUT_UNCHANGED) {
			if (consume_turn(s, INT64_MAX, err))
				return -1;
			continue;
		}
		if (s->change == INPUT_ASSIGNED) {
			partitions_fini(&s->held);
			s->held = s->coming;
			s->coming = (struct partitions){ 0 };
			*have = true;
			log_info("assigned: %zu partitions", s->held.n);
			crash_at(CRASH_SOURCE_ASSIGNED);
		} else {
			log_info("revoked: %zu partitions", s->held.n);
			*have = false;
			if (give_up_partitions(s, err))
				return -1;
		}
		s->change = INPUT_UNCHANGED;
	}
	return 1;
}

/* Files: all is ours. */
static int hold_all(struct consume *s, struct err *err)
{
	partitions_fini(&s->held);
	return s->log->ops->partitions(s->log->self, &s->held, err);
}

static int read_partitions(struct consume *s, struct err *err)
{
	bool have = !consume_group(s);
	int rc = have ? hold_all(s, err) : 0;

	while (rc == 0 && !s->stopping) {
		rc = await_assignment(s, &have, err);
		if (rc == 0)
			rc = consume_prepare(s, err);
		if (rc == 0) {
			__atomic_store_n(&s->writer.counters->state, COUNTERS_RUNNING,
					 __ATOMIC_RELAXED);
			rc = consume_read(s, err);
			if (rc == 0)
				return 0;
		}
		if (rc > 0)
			rc = 0;
	}
	return rc;
}

/* The ends are taken once. */
static int take_untils(struct consume *s, struct err *err)
{
	if (s->log->ops->partitions(s->log->self, &s->all, err))
		return -1;
	for (size_t i = 0; i < s->all.n; i++)
		ranges_add(&s->untils, slice_z(s->all.v[i].topic), s->all.v[i].partition);
	return bounds_untils(s->c, s->log, &s->untils, err);
}

/* One entry for all sinks. */
static void join_position(struct positions *held, const struct position *p)
{
	size_t n = held->n;
	struct position *at = positions_add(held, slice_z(p->topic), p->partition);
	bool first = held->n > n;

	at->idle = p->idle && (first || at->idle);
	if (first || p->next > at->next)
		at->next = p->next;
	if (first || p->watermark_us > at->watermark_us)
		at->watermark_us = p->watermark_us;
}

/* Files get their names from what the sinks know. */
static int first_probe(struct consume *s, struct err *err)
{
	struct positions held = { 0 };
	int rc;

	if (!s->log->ops->known)
		return 0;
	rc = consume_probe(s, err);
	for (size_t k = 0; k < s->n_sinks; k++)
		for (size_t i = 0; i < s->sinks[k].pos.n; i++)
			join_position(&held, &s->sinks[k].pos.v[i]);
	if (rc == 0)
		rc = s->log->ops->known(s->log->self, &held, err);
	positions_fini(&held);
	return rc;
}

static int run_stream(struct consume *s, struct err *err)
{
	int rc;

	if (record_writer_dead_to(&s->writer, s->c->dead, err) || consume_hello(s, err) ||
	    s->log->ops->open(s->log->self, s->loop, err) || consume_hello_returned(s, err))
		return -1;
	rc = first_probe(s, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (s->c->dry_run)
		return consume_dry_run(s, err);
	if (s->c->bootstrap)
		return consume_bootstrap(s, err);
	return take_untils(s, err) ? -1 : read_partitions(s, err);
}

/* ---- the end */

/* The reader may leave from here on, and filters between need the end of their input to let go
 * of what they hold. */
static void close_stdout(struct consume *s)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	counters_set(s->writer.counters, COUNTER_BLOCKED_OUT_US,
		     s->waited_us + out_blocked_us(s->writer.out));
	out_free(s->writer.out);
	s->writer.out = NULL;
	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		close(null);
	}
}

static int finish_stream(struct consume *s, struct err *err)
{
	notify("STOPPING=1");
	__atomic_store_n(&s->writer.counters->state, COUNTERS_DRAINING, __ATOMIC_RELAXED);
	ctl_end_write(&s->inc, s->eof, &s->line);
	if (consume_control(s, err) || consume_flush(s, err))
		return -1;
	s->ended = true;
	ack_ending(s->ack);
	close_stdout(s);
	if (consume_drain(s, INT64_MAX, err))
		return -1;
	if (epochs_in_flight(s->epochs))
		return err_set(
			err, EX_TEMPFAIL,
			"the pipeline ended with %zu epochs not acknowledged; start it again",
			epochs_in_flight(s->epochs));
	if (s->begun && s->writer.read_total == 0 && (s->eof || s->c->until != UNTIL_NEVER))
		log_note("job %s: nothing new", s->c->job);
	return s->begun ? consume_commit(s, true, err) : 0;
}

/* A signal before anything was read: nothing is owed to anybody. What waits is cut off, so what
 * is said here fits into the pipe or is not said. */
static void leave_at_once(struct consume *s)
{
	struct err ignored;

	if (!s->hello)
		return;
	ctl_end_write(&s->inc, false, &s->line);
	if (consume_control(s, &ignored) == 0 && consume_flush(s, &ignored) == 0 && s->ack)
		ack_linger(s->ack, LINGER_S * TM_S);
}

static void fail_stream(struct consume *s, struct err *err)
{
	struct err ignored;

	if (s->ack && err->code == EX_TEMPFAIL && err->msg[0] && !loop_signalled(s->loop))
		ack_last_word(s->ack, (s->hello_returned ? LAST_WORD_S : LINGER_S) * TM_S, err);
	if (!s->writer.out || out_reader_left(s->writer.out))
		return;
	s->line.n = 0;
	if (!s->hello &&
	    consume_write_hello(
		    s, "",
		    &ignored)) /* so that those below know what they are and leave with our code */
		return;
	ctl_fail_write(&s->inc, prog_common()->name, err, &s->line);
	if (consume_control(s, &ignored) == 0)
		consume_flush(s, &ignored);
}

/* ---- life */

static void stop_on_signal(void *arg, int signo)
{
	struct consume *s = arg;
	struct err err = ERR_INIT;

	(void)signo;
	s->stopping = true;
	if (s->begun)
		return;
	s->quit = true;
	err_set(&err, EX_TEMPFAIL, "ended by a signal before anything was read");
	loop_stop(s->loop, &err);
}

static void touch_consume_counters(void *arg, int fd, short revents)
{
	struct consume *s = arg;

	(void)fd, (void)revents;
	counters_touch(s->writer.counters);
	if (s->writer.out)
		counters_set(s->writer.counters, COUNTER_BLOCKED_OUT_US,
			     s->waited_us + out_blocked_us(s->writer.out));
}

static void describe(struct consume *s)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < s->c->topics && !s->c->files; i++)
		buf_printf(&b, "%s%s", i ? "," : "", s->c->topic[i]);
	for (size_t i = 0; i < s->c->files; i++)
		buf_printf(&b, "%s%s", i ? "," : "", s->c->file[i].path);
	counters_detail(s->writer.counters, buf_z(&b));
	counters_job(s->writer.counters, s->c->job, s->inc.id, 0);
	counters_set(s->writer.counters, COUNTER_LAG_RECORDS, UINT64_MAX);
	counters_set(s->writer.counters, COUNTER_LAG_US, UINT64_MAX);
	buf_fini(&b);
}

static void begin_stream(struct consume *s, const struct consume_conf *c, struct input *log)
{
	*s = (struct consume){ .c = c,
			       .log = log,
			       .left = c->until == UNTIL_COUNT ? c->until_count : UINT64_MAX };
	signal(SIGPIPE, SIG_IGN);
	s->loop = loop_new();
	loop_signals(s->loop, stop_on_signal, s, c->drain_us);
	ctl_inc_random(&s->inc);
	s->writer = (struct record_writer){ .out = out_new(s->loop, STDOUT_FILENO,
							   log->ops->bytes ? FILES_OUT_BYTES
									   : OUT_BYTES),
					    .counters = counters_new(prog_common()->name),
					    .inc = &s->inc,
					    .bytes = log->ops->bytes,
					    .max_line_bytes = c->max_line_bytes };
	out_watch_reader(s->writer.out);
	s->epochs = epochs_new(&(struct epochs_conf){ .epoch_us = c->epoch_us,
						      .records = c->epoch_records,
						      .rows = CONSUME_ROWS,
						      .in_flight = CONSUME_IN_FLIGHT });
	loop_every(s->loop, TM_S, touch_consume_counters, s);
	describe(s);
}

static void fini(struct consume *s)
{
	loop_ignore_signals(s->loop);
	ack_free(s->ack);
	out_free(s->writer.out);
	epochs_free(s->epochs);
	ctl_fini(&s->ctl);
	buf_fini(&s->line);
	buf_fini(&s->element);
	buf_fini(&s->claims);
	buf_fini(&s->meta);
	for (size_t k = 0; k < s->n_sinks; k++)
		ctl_sink_state_fini(&s->sinks[k]);
	free(s->sinks);
	partitions_fini(&s->all);
	partitions_fini(&s->held);
	partitions_fini(&s->coming);
	partitions_fini(&s->checked);
	ranges_fini(&s->untils);
	ranges_fini(&s->stored);
	ranges_fini(&s->ends);
	ranges_fini(&s->step);
	free(s->introduced);
	catchup_fini(&s->catchup);
	catchup_fini(&s->watched);
	loop_free(s->loop);
}

int consume_acknowledged(const struct consume_conf *c, struct input *log, struct err *err)
{
	struct consume s;
	int rc;

	begin_stream(&s, c, log);
	rc = run_stream(&s, err);
	if (rc == 0)
		rc = finish_stream(&s, err);
	if (rc == 0 && log->ops->left)
		rc = log->ops->left(log->self, err);
	if (rc && s.quit && err->code == EX_TEMPFAIL && !s.ended) {
		leave_at_once(&s);
		err_clear(err);
		rc = 0;
	}
	if (rc)
		fail_stream(&s, err);
	log->ops->close(log->self);
	if (record_writer_fini(&s.writer, rc ? NULL : err) && rc == 0)
		rc = -1;
	counters_end(s.writer.counters, rc ? err->code : 0, rc ? err->msg : "");
	fini(&s);
	return rc;
}
