/* One array of watches in the order of their ids, which is also the order of calls. A pollfd
 * array is built from it before each poll(2): slot 0 is the signals' pipe, slot 1 the descriptor
 * that is waited for, the others the watches. Programs have a handful of watches, so building
 * costs less than the system call; epoll would refuse regular files and need a call a change.
 *
 * A watch that is removed while callbacks run is only marked (fn = NULL) and swept afterwards,
 * so that indexes stay true; one that is added meanwhile is first looked at in the next poll.
 *
 * The handler sends number and time through the pipe: a program that was busy elsewhere for ten
 * seconds still knows whether two signals came together or apart. */
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"

enum { SAME_SIGNAL_US = 2 * 1000 * 1000, SLOT_SIGNALS = 0, SLOT_WAITED = 1, SLOTS = 2 };

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

struct watch {
	int id, fd; /* fd -1: a timer */
	short events;
	int64_t due_us, period_us;
	loop_fn *fn; /* NULL: removed */
	void *arg;
};

struct note {
	int64_t at_us;
	int signo;
};

struct loop {
	struct watch *watches;
	size_t n, cap;
	struct pollfd *fds;
	size_t fds_cap;
	int last_id;
	bool calling, swept_later, stopped;
	struct err stop;
	int pipe[2]; /* -1: loop_signals was not called */
	struct sigaction before[SIGNALS];
	void (*on_first)(void *arg, int signo);
	void *on_first_arg;
	int signo;
	int64_t first_us, drain_us;
};

static volatile sig_atomic_t handler_fd = -1;

struct loop *loop_new(void)
{
	struct loop *l = mem_zalloc(sizeof(*l));
	l->pipe[0] = l->pipe[1] = -1;
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->pipe[0] >= 0) {
		for (size_t i = 0; i < SIGNALS; i++)
			sigaction(signals[i], &l->before[i], NULL);
		handler_fd = -1;
		close(l->pipe[0]);
		close(l->pipe[1]);
	}
	free(l->watches);
	free(l->fds);
	free(l);
}

/* ---- watches */
static int add_loop_entry(struct loop *l, struct watch w)
{
	mem_reserve(&l->watches, &l->cap, l->n + 1, sizeof(*l->watches));
	w.id = ++l->last_id;
	l->watches[l->n++] = w;
	return w.id;
}

int loop_watch(struct loop *l, int fd, short events, loop_fn *fn, void *arg)
{
	if (fd < 0)
		BUG("watch on descriptor %d", fd);
	return add_loop_entry(
		l, (struct watch){
			   .fd = fd, .events = events, .due_us = INT64_MAX, .fn = fn, .arg = arg });
}

int loop_every(struct loop *l, int64_t period_us, loop_fn *fn, void *arg)
{
	if (period_us <= 0)
		BUG("timer of %lld us", (long long)period_us);
	int64_t due_us = tm_mono_us() + period_us;
	return add_loop_entry(
		l,
		(struct watch){
			.fd = -1, .due_us = due_us, .period_us = period_us, .fn = fn, .arg = arg });
}

int loop_at(struct loop *l, int64_t deadline_us, loop_fn *fn, void *arg)
{
	return add_loop_entry(
		l, (struct watch){ .fd = -1, .due_us = deadline_us, .fn = fn, .arg = arg });
}

static void sweep(struct loop *l)
{
	size_t n = 0;

	l->swept_later = false;
	for (size_t i = 0; i < l->n; i++)
		if (l->watches[i].fn)
			l->watches[n++] = l->watches[i];
	l->n = n;
}

void loop_unwatch(struct loop *l, int id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->watches[i].id == id)
			l->watches[i].fn = NULL;
	if (l->calling)
		l->swept_later = true;
	else
		sweep(l);
}

/* ---- signals */
static void note_signal(int signo)
{
	int saved = errno;
	struct note note;

	memset(&note, 0, sizeof(note));
	note.at_us = tm_mono_us();
	note.signo = signo;
	if (handler_fd >= 0 && write(handler_fd, &note, sizeof(note)) < 0) {
		/* a full pipe holds enough signals already */
	}
	errno = saved;
}

void loop_signals(struct loop *l, void (*on_first)(void *arg, int signo), void *arg,
		  int64_t drain_us)
{
	l->on_first = on_first;
	l->on_first_arg = arg;
	l->drain_us = drain_us;
	if (l->pipe[0] >= 0)
		return;
	if (handler_fd >= 0)
		BUG("two loops want the signals");
	if (pipe2(l->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		BUG("no pipe for signals: %s", strerror(errno));
	handler_fd = l->pipe[1];
	for (size_t i = 0; i < SIGNALS; i++) {
		struct sigaction sa = { .sa_handler = note_signal, .sa_flags = SA_RESTART };
		sigaction(signals[i], NULL, &l->before[i]);
		/* a signal that nohup or `trap ''` has the program ignore stays ignored */
		if (l->before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
}

void loop_ignore_signals(struct loop *l)
{
	if (l->pipe[0] < 0)
		return;
	for (size_t i = 0; i < SIGNALS; i++) {
		l->before[i] = (struct sigaction){ .sa_handler = SIG_IGN };
		sigaction(signals[i], &l->before[i], NULL);
	}
}

int loop_signalled(const struct loop *l)
{
	return l->signo;
}

static void take_note(struct loop *l, const struct note *note)
{
	struct err err = ERR_INIT;

	if (!l->signo) {
		l->signo = note->signo;
		l->first_us = note->at_us;
		if (l->on_first)
			l->on_first(l->on_first_arg, note->signo);
	} else if (note->at_us - l->first_us > SAME_SIGNAL_US) {
		err_set(&err, EX_TEMPFAIL, "forced out by a second signal");
		loop_stop(l, &err);
	}
}

static bool take_notes(struct loop *l)
{
	struct note note;
	bool some = false;

	while (read(l->pipe[0], &note, sizeof(note)) == (ssize_t)sizeof(note)) {
		take_note(l, &note);
		some = true;
	}
	return some;
}

static int64_t drain_end(const struct loop *l)
{
	return l->signo && l->drain_us > 0 ? l->first_us + l->drain_us : INT64_MAX;
}

void loop_stop(struct loop *l, const struct err *err)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->stop = *err;
}

static void check_drain(struct loop *l)
{
	struct err err = ERR_INIT;

	if (drain_end(l) == INT64_MAX || drain_end(l) > tm_mono_us())
		return;
	err_set(&err, EX_TEMPFAIL,
		"forced out: what was under way at the signal took longer than the drain timeout");
	loop_stop(l, &err);
}

/* ---- waiting */
static void build(struct loop *l, int fd, short events, int64_t *wake_us)
{
	mem_reserve(&l->fds, &l->fds_cap, SLOTS + l->n, sizeof(*l->fds));
	l->fds[SLOT_SIGNALS] = (struct pollfd){ .fd = l->pipe[0], .events = POLLIN };
	l->fds[SLOT_WAITED] = (struct pollfd){ .fd = fd, .events = events };
	for (size_t i = 0; i < l->n; i++) {
		const struct watch *w = &l->watches[i];
		l->fds[SLOTS + i] = (struct pollfd){ .fd = w->fd, .events = w->events };
		if (w->due_us < *wake_us)
			*wake_us = w->due_us;
	}
	if (drain_end(l) < *wake_us)
		*wake_us = drain_end(l);
}

static void poll_until(struct loop *l, nfds_t n, int64_t wake_us)
{
	struct timespec ts = { 0 };
	bool for_ever = wake_us == INT64_MAX;

	if (!for_ever && wake_us > 0) {
		int64_t left = wake_us - tm_mono_us();
		if (left > 0)
			ts = (struct timespec){ .tv_sec = left / TM_S,
						.tv_nsec = left % TM_S * 1000 };
	}
	if (ppoll(l->fds, n, for_ever ? NULL : &ts, NULL) >= 0)
		return;
	if (errno != EINTR && errno != EAGAIN && errno != ENOMEM)
		BUG("poll: %s", strerror(errno));
	for (nfds_t i = 0; i < n; i++)
		l->fds[i].revents = 0;
}

static bool call_timer(struct loop *l, size_t i, int64_t now)
{
	struct watch *w = &l->watches[i];
	loop_fn *fn = w->fn;
	void *arg = w->arg;

	if (w->due_us > now)
		return false;
	if (w->period_us == 0) {
		w->fn = NULL;
		l->swept_later = true;
	} else if ((w->due_us += w->period_us) <= now) {
		w->due_us = now + w->period_us; /* ticks that were missed are not made up for */
	}
	fn(arg, -1, 0);
	return true;
}

/* Calls what is ready. The array may move and grow meanwhile. */
static bool serve_descriptors(struct loop *l, size_t n)
{
	bool some = false, timers = false;

	if (l->calling)
		BUG("a callback waits in its own loop");
	l->calling = true;
	if (l->fds[SLOT_SIGNALS].revents)
		some = take_notes(l);
	for (size_t i = 0; i < n && !l->stopped; i++) {
		struct watch w = l->watches[i];
		short revents = l->fds[SLOTS + i].revents;
		timers |= w.due_us != INT64_MAX;
		if (!w.fn || !revents)
			continue;
		w.fn(w.arg, w.fd, revents);
		some = true;
	}
	for (int64_t i = 0, now = timers ? tm_mono_us() : 0;
	     timers && i < (int64_t)n && !l->stopped; i++)
		if (l->watches[i].fn && l->watches[i].fd < 0)
			some |= call_timer(l, (size_t)i, now);
	l->calling = false;
	if (l->swept_later)
		sweep(l);
	check_drain(l);
	return some;
}

/* One poll. 1: something was served, 0: nothing, -1: stopped. *revents: of the descriptor waited
 * for. */
static int turn(struct loop *l, int fd, short events, int64_t deadline_us, short *revents,
		struct err *err)
{
	size_t n = l->n;
	int64_t wake_us = deadline_us;
	bool some = false;

	if (!l->stopped) {
		build(l, fd, events, &wake_us);
		poll_until(l, SLOTS + n, wake_us);
		*revents = l->fds[SLOT_WAITED].revents;
		some = serve_descriptors(l, n);
	}
	if (l->stopped)
		return err_copy(err, &l->stop);
	return some;
}

static bool is_over(int64_t deadline_us)
{
	return deadline_us != INT64_MAX && (deadline_us <= 0 || tm_mono_us() >= deadline_us);
}

int loop_wait(struct loop *l, int fd, short events, int64_t deadline_us, struct err *err)
{
	for (;;) {
		short revents = 0;
		if (turn(l, fd, events, deadline_us, &revents, err) < 0)
			return -1;
		if (revents)
			return revents;
		if (is_over(deadline_us))
			return 0;
	}
}

int loop_turn(struct loop *l, int64_t deadline_us, struct err *err)
{
	for (;;) {
		short revents;
		int rc = turn(l, -1, 0, deadline_us, &revents, err);
		if (rc || is_over(deadline_us))
			return rc;
	}
}

int loop_sleep(struct loop *l, int64_t deadline_us, struct err *err)
{
	while (!is_over(deadline_us))
		if (loop_turn(l, deadline_us, err) < 0)
			return -1;
	return 0;
}
