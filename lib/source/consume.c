/* The life of an acknowledged source:
 *
 * 	hello ------------------> down the pipe, and back on the ack channel, finished
 * 	first probe: who stores dead letters, what the sinks hold
 * 	+-> wait for an assignment (files: all is ours) -> prepare -> read -+
 * 	+----------------------- a change ----------------------------------+
 * 	last barrier, `end`, the acks, the last commit
 *
 * Only sources react to the first INT, TERM or HUP: before a record was read it ends us at once,
 * later it is a change like others; a part beside us (an intake) has its own way. A second one or
 * --drain-timeout stops the loop: then every wait fails and we leave with 75. */
#include "source/consume_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "source/bounds.h"

enum {
	OUT_BYTES = 256 << 10,
	FILES_OUT_BYTES = 128 << 10 /* below a block of lines: written without a copy */,
};

/* ---- the middle */

static int read_partitions(struct consume *s, struct err *err)
{
	int rc = consume_group(s) ? 0 : consume_hold_all(s, err);

	while (rc == 0 && !s->stopping) {
		rc = consume_await_holding(s, err);
		if (rc == 0)
			rc = consume_prepare(s, err);
		if (rc == 0) {
			emitter_state(s->emitter, COUNTERS_RUNNING);
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
	if (s->log->ops->partitions(s->log->self, &s->survey.all, err))
		return -1;
	for (size_t i = 0; i < s->survey.all.n; i++)
		ranges_add(&s->reading.untils, slice_z(s->survey.all.v[i].topic),
			   s->survey.all.v[i].partition);
	return bounds_untils(s->c, s->log, &s->reading.untils, err);
}

/* ---- what the stream asks */

static int on_acked(void *self, const struct ranges *epoch, struct err *err)
{
	(void)err;
	consume_stored(self, epoch);
	return 0;
}

static int on_answered(void *self, struct err *err)
{
	struct consume *s = self;

	s->survey.sinks = job_stream_sinks(s->stream, &s->survey.n_sinks);
	return s->watch.under_way ? consume_watched(s, err) : 0;
}

static int on_served(void *self, struct err *err)
{
	struct consume *s = self;

	if (!s->progress.commit_due)
		return 0;
	s->progress.commit_due = false;
	consume_lag(s);
	return consume_commit(s, false, err);
}

static int on_change_asked(void *self, struct err *err)
{
	return consume_poll_change(self, err) ? -1 : consume_changed(self);
}

static const struct job_stream_hooks hooks = {
	.acked = on_acked, .answered = on_answered, .served = on_served, .changed = on_change_asked
};

/* ---- life */

static int begin_decoder(struct consume *s, struct err *err)
{
	if (!s->c->decode.as)
		return 0;
	s->writer.decoder = decode_new(&s->c->decode, emitter_loop(s->emitter), err);
	return s->writer.decoder
		       ? decode_begin(s->writer.decoder, s->c->topics.v, s->c->topics.n, err)
		       : -1;
}

static int run_stream(struct consume *s, struct err *err)
{
	int rc = consume_handshake(s, err) ? -1 : consume_learn_names(s, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (s->c->act.dry_run)
		return consume_dry_run(s, err);
	if (s->c->act.bootstrap)
		return consume_bootstrap(s, err);
	return begin_decoder(s, err) || take_untils(s, err) ? -1 : read_partitions(s, err);
}

static int finish_stream(struct consume *s, struct err *err)
{
	if (job_stream_end(s->stream, s->eof, err))
		return -1;
	if (!s->begun)
		return 0;
	if (s->writer.read_total == 0 && (s->eof || s->c->until.kind != UNTIL_NEVER))
		log_note("job %s: nothing new", s->c->job);
	return consume_commit(s, true, err);
}

static void leave_unread(void *arg, int fd, short revents)
{
	struct consume *s = arg;
	struct err err = ERR_INIT;

	(void)fd, (void)revents;
	if (s->begun)
		return;
	s->quit = true;
	err_set(&err, EX_TEMPFAIL, "ended by a signal before anything was read");
	loop_stop(emitter_loop(s->emitter), &err);
}

static void stop_consume(void *self)
{
	struct consume *s = self;

	if (s->beside_open) {
		loop_at(emitter_loop(s->emitter), s->c->beside->stop(s->c->beside_self),
			leave_unread, s);
		return;
	}
	s->stopping = true;
	leave_unread(s, -1, 0);
}

static void describe_input(const struct consume_conf *c, struct counters *counters)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < c->topics.n && !c->files.n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", c->topics.v[i]);
	for (size_t i = 0; i < c->files.n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", c->files.v[i].path);
	if (c->log)
		buf_addz(&b, c->log);
	if (c->bucket)
		buf_addz(&b, c->bucket);
	for (size_t i = 0; i < c->finals.n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", c->finals.v[i]);
	counters_detail(counters, buf_z(&b));
	buf_fini(&b);
}

static void begin_stream(struct consume *s, const struct consume_conf *c, struct input *log)
{
	bool bytes = log->ops->bytes;

	*s = (struct consume){ .c = c, .log = log };
	s->reading.left = c->until.kind == UNTIL_COUNT ? c->until.count : UINT64_MAX;
	s->emitter = emitter_new(
		&(struct emitter_conf){ .out_bytes = bytes ? FILES_OUT_BYTES : OUT_BYTES,
					.stop = stop_consume,
					.self = s,
					.drain_us = c->drain_us });
	s->counters = emitter_counters(s->emitter);
	describe_input(c, s->counters);
	s->stream = job_stream_new(
		&(struct job_stream_conf){ .emitter = s->emitter,
					   .job = c->job,
					   .group = c->group,
					   .bytes = bytes,
					   .ack = c->ack,
					   .drain_us = c->drain_us,
					   .epochs = { .epoch_us = c->epoch.us,
						       .records = c->epoch.records,
						       .rows = CONSUME_ROWS,
						       .in_flight = CONSUME_IN_FLIGHT,
						       .times = log->ops->times },
					   .hooks = &hooks,
					   .self = s });
	s->writer = (struct record_writer){ .out = emitter_out(s->emitter),
					    .counters = s->counters,
					    .log = log,
					    .inc = job_stream_inc(s->stream),
					    .bytes = bytes,
					    .times = log->ops->times,
					    .max_line_bytes = c->max_line_bytes,
					    .envelope = { .conf = &c->envelope } };
}

static void fini_parts(struct consume *s)
{
	partitions_fini(&s->holding.held);
	partitions_fini(&s->holding.coming);
	partitions_fini(&s->survey.all);
	partitions_fini(&s->survey.checked);
	catchup_fini(&s->survey.catchup);
	ranges_fini(&s->progress.stored);
	ranges_fini(&s->progress.ends);
	buf_fini(&s->progress.meta);
	catchup_fini(&s->watch.expected);
	ranges_fini(&s->reading.step);
	ranges_fini(&s->reading.untils);
	free(s->reading.introduced);
	buf_fini(&s->reading.line);
	buf_fini(&s->reading.before);
}

static int close_beside(const struct consume_conf *c, int rc, struct err *err)
{
	struct err closing = ERR_INIT;

	if (!c->beside || c->beside->close(c->beside_self, rc ? &closing : err) == 0)
		return rc;
	return -1;
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
	if (rc && s.quit && err->code == EX_TEMPFAIL && !job_stream_ended(s.stream)) {
		job_stream_leave(s.stream);
		err_clear(err);
		rc = 0;
	}
	if (rc)
		job_stream_fail(s.stream, err);
	log->ops->close(log->self);
	rc = close_beside(c, rc, err);
	if (record_writer_fini(&s.writer, rc ? NULL : err) && rc == 0)
		rc = -1;
	job_stream_free(s.stream);
	emitter_end(s.emitter, rc, err);
	fini_parts(&s);
	return rc;
}
