/* Order of the end: the page gets its last words before anything that may kill us, then SIGPIPE
 * (plain), then what is left is freed. On a stream that is not plain signals are ignored from
 * there on: a service manager may still be sending them. */
#include "tool/emitter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "tool/prog.h"

struct emitter {
	struct emitter_conf conf;
	struct loop *loop;
	struct out *out;
	struct counters *counters;
	uint64_t waited_us; /* for those below, with nothing to write */
};

static void touch_emitter_counters(void *arg, int fd, short revents)
{
	struct emitter *e = arg;

	(void)fd, (void)revents;
	counters_touch(e->counters);
	if (e->out)
		counters_set(e->counters, COUNTER_BLOCKED_OUT_US,
			     e->waited_us + out_blocked_us(e->out));
}

static void stop_emitter(void *arg, int signo)
{
	struct emitter *e = arg;

	(void)signo;
	e->conf.stop(e->conf.self);
}

struct emitter *emitter_new(const struct emitter_conf *conf)
{
	struct emitter *e = mem_zalloc(sizeof(*e));

	e->conf = *conf;
	e->loop = loop_new();
	signal(SIGPIPE, SIG_IGN);
	if (conf->stop)
		loop_signals(e->loop, stop_emitter, e, conf->drain_us);
	e->counters = counters_new(prog_common()->name);
	counters_set(e->counters, COUNTER_LAG_RECORDS, UINT64_MAX);
	counters_set(e->counters, COUNTER_LAG_US, UINT64_MAX);
	e->out = out_new(e->loop, STDOUT_FILENO, conf->out_bytes);
	out_watch_reader(e->out);
	loop_every(e->loop, TM_S, touch_emitter_counters, e);
	return e;
}

struct loop *emitter_loop(const struct emitter *e)
{
	return e->loop;
}

struct counters *emitter_counters(const struct emitter *e)
{
	return e->counters;
}

struct out *emitter_out(const struct emitter *e)
{
	return e->out;
}

void emitter_state(struct emitter *e, enum counters_state state)
{
	__atomic_store_n(&e->counters->state, state, __ATOMIC_RELAXED);
}

static void ignore_wake_up(void *arg, int fd, short revents)
{
	(void)arg, (void)fd, (void)revents;
}

int emitter_wait(struct emitter *e, int fd, int64_t deadline_us, struct err *err)
{
	int64_t from_us = tm_mono_us();
	uint64_t waited_us;
	int id = -1, rc;

	if (out_flush(e->out, err))
		return -1;
	if (fd >= 0)
		id = loop_watch(e->loop, fd, POLLIN, ignore_wake_up, NULL);
	rc = loop_turn(e->loop, deadline_us, err);
	if (fd >= 0)
		loop_unwatch(e->loop, id);
	waited_us = (uint64_t)(tm_mono_us() - from_us);
	if (fd >= 0)
		counters_add(e->counters, COUNTER_BLOCKED_IN_US, waited_us);
	else
		e->waited_us += waited_us;
	return rc < 0 ? -1 : 0;
}

int emitter_pause(struct emitter *e, int64_t until_us, struct err *err)
{
	return out_flush(e->out, err) ? -1 : loop_sleep(e->loop, until_us, err);
}

void emitter_close_out(struct emitter *e)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	counters_set(e->counters, COUNTER_BLOCKED_OUT_US, e->waited_us + out_blocked_us(e->out));
	out_free(e->out);
	e->out = NULL;
	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		close(null);
	}
}

void emitter_end(struct emitter *e, int rc, const struct err *err)
{
	bool left = rc && !e->conf.stop && out_reader_left(e->out);

	counters_end(e->counters, rc && !left ? err->code : 0, rc && !left ? err->msg : "");
	if (left) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (e->conf.stop)
		loop_ignore_signals(e->loop);
	out_free(e->out);
	loop_free(e->loop);
	free(e);
}
