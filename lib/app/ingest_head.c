/* The intake as the head of a pipeline: hta-consume --log DIR and the service in one process. The
 * reader of the log is the ordinary one (source/wal.h); the server and the log's writer live beside
 * it in the stream's loop (struct consume_beside), which is served whatever the reader waits for,
 * a pipe that is full among it.
 *
 *	first signal: the server drains, the reader goes on to the end of what is durable, or begins
 *	so where the stages below are not there yet
 *	both are done, or half of --drain is over: the last epoch, `end`, the acks
 *	the log failed: all that wait are refused, the stream fails -> 74
 *	a stage failed: what is pending becomes durable and is answered, its exit code
 * What no sink has yet stays in the log for the next start. */
#include "app/ingest_internal.h"

#include "base/tm.h"
#include "io/fd.h"
#include "io/notify.h"
#include "source/wal.h"
#include "tool/emitter.h"
#include "tool/prog.h"

enum { FAILED_DRAIN_S = 5 };

static int begin_beside(void *self, struct emitter *emitter, struct err *err)
{
	struct ingest *g = self;

	g->loop = emitter_loop(emitter);
	g->counters = emitter_counters(emitter);
	if (ingest_begin(g, err))
		return -1;
	notify("READY=1");
	return 0;
}

static int64_t drain_beside(void *self)
{
	struct ingest *g = self;

	if (!g->leave_us)
		g->leave_us = tm_mono_us() + g->conf.http.drain_us / 2;
	ingest_drain(g);
	return g->leave_us;
}

static int beside_ended(void *self, int64_t position, struct err *err)
{
	struct ingest *g = self;
	struct wal_state s;
	bool late;

	if (!g->draining)
		return 0;
	if (!g->leave_us)
		g->leave_us = tm_mono_us() + FAILED_DRAIN_S * TM_S;
	late = tm_mono_us() >= g->leave_us;
	if (!late && !http_server_idle(g->http.server))
		return 0;
	if (g->why.code)
		return err_copy(err, &g->why);
	ingest_log_state(g, &s);
	return late || position >= s.durable;
}

static int close_beside(void *self, struct err *err)
{
	struct ingest *g = self;
	int rc = ingest_close(g, err);

	g->loop = NULL; /* the stream's */
	return rc;
}

static const struct consume_beside beside = {
	.open = begin_beside,
	.stop = drain_beside,
	.ended = beside_ended,
	.close = close_beside,
};

int ingest_head(struct ingest *g, struct err *err)
{
	const struct ingest_conf *c = &g->conf;
	const struct consume_conf conf = {
		.log = c->log,
		.job = c->job,
		.on_gap_skip = c->on_gap_skip,
		.dead = c->dead,
		.max_line_bytes = INT64_MAX, /* the intake has judged lengths */
		.epoch = { .us = c->epoch_us, .records = c->epoch_records },
		.drain_us = c->http.drain_us,
		.beside = &beside,
		.beside_self = g,
	};
	struct input *log = wal_driver.input_new(&conf, false, err);
	int rc;

	if (!log)
		return -1;
	g->streaming = true;
	rc = consume_acknowledged(&conf, log, err);
	wal_driver.input_free(log);
	return rc;
}
