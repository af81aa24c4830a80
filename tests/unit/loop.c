#include "io/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tm.h"
#include "tap.h"

struct seen {
	struct loop *l;
	int calls, fd, id, other_id, signo;
	short revents;
};

static void on_ready(void *arg, int fd, short revents)
{
	struct seen *s = arg;

	s->calls++;
	s->fd = fd;
	s->revents = revents;
}

static void on_read(void *arg, int fd, short revents)
{
	char c;

	on_ready(arg, fd, revents);
	if (read(fd, &c, 1) != 1)
		((struct seen *)arg)->calls = -1000;
}

/* The second byte ends the wait for q. */
static void on_read_two(void *arg, int fd, short revents)
{
	struct seen *s = arg;

	on_read(arg, fd, revents);
	if (s->calls == 2 && write(s->other_id, "", 1) != 1)
		s->calls = -1000;
}

static void on_remove_both(void *arg, int fd, short revents)
{
	struct seen *s = arg;

	on_ready(arg, fd, revents);
	loop_unwatch(s->l, s->id);
	loop_unwatch(s->l, s->other_id);
}

static void on_add(void *arg, int fd, short revents)
{
	struct seen *s = arg;

	on_ready(arg, fd, revents);
	loop_unwatch(s->l, s->id);
	for (int i = 0; i < 100; i++)
		s->other_id = loop_at(s->l, 0, on_ready, s);
}

static void on_stop(void *arg, int fd, short revents)
{
	struct err err = ERR_INIT;
	struct seen *s = arg;

	(void)fd;
	(void)revents;
	err_set(&err, EX_PROTOCOL, "enough");
	loop_stop(s->l, &err);
}

static void waits(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	int p[2], q[2];
	int64_t start = tm_mono_us();

	if (pipe(p) || pipe(q))
		exit(EX_OSERR);
	is_int(loop_wait(l, p[0], POLLIN, 0, &err), 0, "only looking at an empty pipe");
	is_int(loop_wait(l, p[0], POLLIN, tm_mono_us() + 20000, &err), 0, "the deadline");
	ok(tm_mono_us() - start >= 20000, "not before it");
	is_int(loop_wait(l, p[1], POLLOUT, INT64_MAX, &err), POLLOUT, "a pipe that takes");
	ok(write(p[1], "x", 1) == 1 && loop_wait(l, p[0], POLLIN, 0, &err) == POLLIN,
	   "a byte is there");
	close(p[1]);
	is_int(loop_wait(l, p[0], POLLIN, INT64_MAX, &err), POLLIN | POLLHUP,
	       "the writer has left");
	close(p[0]);
	is_int(loop_wait(l, p[0], POLLIN, INT64_MAX, &err), POLLNVAL,
	       "a descriptor that is closed is told, not waited for");
	close(q[0]);
	is_int(loop_wait(l, q[1], 0, INT64_MAX, &err), POLLERR,
	       "without events: the reader has left");
	close(q[1]);
	is_int(loop_turn(l, 0, &err), 0, "nothing to serve");
	loop_free(l);
	loop_free(NULL);
}

static void watches(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct seen a = { .l = l }, b = { .l = l };
	int p[2], q[2];

	if (pipe(p) || pipe(q) || write(p[1], "xy", 2) != 2)
		exit(EX_OSERR);
	a.other_id = q[1];
	a.id = loop_watch(l, p[0], POLLIN, on_read_two, &a);
	is_int(loop_wait(l, q[0], POLLIN, INT64_MAX, &err), POLLIN,
	       "a watch does not end another wait");
	is_int(a.calls, 2, "it is served meanwhile, as often as it is ready");
	ok(a.fd == p[0] && a.revents == POLLIN, "with its descriptor and what it has");
	is_int(loop_turn(l, 0, &err), 0, "nothing more");
	is_int(write(p[1], "z", 1), 1, "one more byte");
	is_int(loop_turn(l, INT64_MAX, &err), 1, "a turn serves it");
	loop_unwatch(l, a.id);
	is_int(write(p[1], "z", 1), 1, "one more byte");
	is_int(loop_turn(l, 0, &err), 0, "a removed watch is not served");
	b.id = loop_watch(l, p[0], POLLIN, on_ready, &b);
	ok(b.id > a.id, "ids are new");
	loop_unwatch(l, b.id);

	a = (struct seen){ .l = l };
	b = (struct seen){ .l = l };
	a.id = loop_watch(l, p[0], POLLIN, on_remove_both, &a);
	a.other_id = loop_watch(l, p[0], POLLIN, on_ready, &b);
	is_int(loop_turn(l, INT64_MAX, &err), 1, "a callback removes itself and the next");
	ok(a.calls == 1 && b.calls == 0, "which is not called any more");
	is_int(loop_turn(l, 0, &err), 0, "both are gone");

	a = (struct seen){ .l = l };
	a.id = loop_watch(l, p[0], POLLIN, on_add, &a);
	is_int(loop_turn(l, INT64_MAX, &err), 1, "a callback adds a hundred");
	is_int(a.calls, 1, "which are not called in the same turn");
	is_int(loop_turn(l, INT64_MAX, &err), 1, "but in the next");
	is_int(a.calls, 101, "all of them");
	is_int(loop_turn(l, 0, &err), 0, "once");
	loop_free(l);
	close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void timers(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct seen every = { .l = l }, once = { .l = l }, never = { .l = l };
	int64_t start = tm_mono_us();
	int id = loop_every(l, 10000, on_ready, &every);

	loop_at(l, start + 25000, on_ready, &once);
	loop_at(l, INT64_MAX, on_ready, &never);
	loop_at(l, start + 50000, on_stop, &never);
	is_int(loop_wait(l, -1, 0, INT64_MAX, &err), -1, "a timer stops the loop");
	ok(tm_mono_us() - start >= 50000, "at its time");
	ok(every.calls >= 1 && every.calls <= 5,
	   "a period is kept, and not made up for where the machine is late");
	ok(every.fd == -1 && every.revents == 0, "timers have no descriptor");
	is_int(once.calls, 1, "once is once");
	is_int(never.calls, 0, "never is never");
	is_int(err.code, EX_PROTOCOL, "the error that stopped it");
	is_str(err.msg, "enough", "and its text");
	err_clear(&err);
	is_int(loop_turn(l, INT64_MAX, &err), -1, "every later wait");
	is_int(err.code, EX_PROTOCOL, "tells it again");
	loop_unwatch(l, id);
	loop_free(l);
}

/* ---- signals */
static void on_first(void *arg, int signo)
{
	struct seen *s = arg;

	s->calls++;
	s->signo = signo;
}

static void first_and_second(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct seen s = { .l = l };

	loop_signals(l, on_first, &s, 0);
	is_int(loop_signalled(l), 0, "no signal yet");
	raise(SIGTERM);
	raise(SIGINT);
	raise(SIGHUP);
	is_int(s.calls, 0, "the handler calls nothing");
	is_int(loop_turn(l, INT64_MAX, &err), 1, "the wait does");
	ok(s.calls == 1 && s.signo == SIGTERM, "once, with the first");
	is_int(loop_signalled(l), SIGTERM, "which is remembered");
	is_int(loop_wait(l, -1, 0, tm_mono_us() + 2050000, &err), 0,
	       "within two seconds they are one");
	raise(SIGINT);
	is_int(loop_wait(l, -1, 0, INT64_MAX, &err), -1, "a later one forces out");
	is_int(err.code, EX_TEMPFAIL, "with 75");
	is_str(err.msg, "forced out by a second signal", "and says so");
	is_int(s.calls, 1, "the first is told once");
	loop_free(l);
}

static void drain_timeout(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	int64_t start = tm_mono_us();

	loop_signals(l, NULL, NULL, 30000);
	is_int(loop_wait(l, -1, 0, start + 40000, &err), 0,
	       "without a signal there is no drain timeout");
	start = tm_mono_us();
	raise(SIGHUP);
	is_int(loop_wait(l, -1, 0, INT64_MAX, &err), -1, "after one there is");
	ok(tm_mono_us() - start >= 30000, "at its time");
	is_int(err.code, EX_TEMPFAIL, "with 75");
	loop_free(l);
}

static void dispositions(void)
{
	struct err err = ERR_INIT;
	struct sigaction sa;
	struct loop *l = loop_new();

	signal(SIGINT, SIG_IGN);
	loop_signals(l, NULL, NULL, 0);
	raise(SIGINT);
	is_int(loop_turn(l, 0, &err), 0, "an ignored signal stays ignored");
	loop_free(l);
	sigaction(SIGTERM, NULL, &sa);
	ok(sa.sa_handler == SIG_DFL, "the handlers go with the loop");
	sigaction(SIGINT, NULL, &sa);
	ok(sa.sa_handler == SIG_IGN, "and put back what was");
	signal(SIGINT, SIG_DFL);

	l = loop_new();
	loop_signals(l, NULL, NULL, 0);
	loop_ignore_signals(l);
	raise(SIGTERM);
	ok(loop_signalled(l) == 0, "a deaf loop hears nothing");
	loop_free(l);
	raise(SIGTERM);
	ok(true, "and the process dies of nothing");
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

int main(void)
{
	signal(SIGINT, SIG_DFL); /* under nohup some would be ignored */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	waits();
	watches();
	timers();
	first_and_second();
	drain_timeout();
	dispositions();
	return done();
}
