/* Rules that change while they are counted.
 *
 *   SIGUSR1             a signalfd        read at once, and said what came of it
 *   a file changed      inotify, of the   read a moment later, so that a file that is replaced
 *                       folders           ten times a second is read five times; said only if
 *                                         its bytes are others
 *   what was read       a->next           takes effect at a barrier, or on a plain stream between
 *                                         two blocks of lines
 *
 * Folders are watched and not the file: what is renamed over a file is another file. So are those
 * that a link stands in, and the one that it leads to: rules may be changed by exchanging it.
 *
 * What cannot be taken leaves the old rules as they are. Who wants to know looks for the warning:
 * there is nobody to answer to. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/window_internal.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"

enum { SETTLE_US = 200000 };

struct agg_watch {
	int signal_fd, notify_fd; /* notify_fd -1: this system has no more of them */
	int signal_id, notify_id;
	bool settling; /* a reading is due */
	uint64_t seen; /* of the bytes that were read last */
};

/* ---- reading */

static void tell_read(const struct agg *a)
{
	for (size_t i = 0; i < a->next.rules.n; i++) {
		const struct ctl_rule *r = &a->next.rules.rule[i];

		log_info("rule %.*s, version %llu: %s", (int)r->rule.n, r->rule.p,
			 (unsigned long long)r->version, ctl_rule_states[r->state]);
	}
	log_note("the rules were read anew: set %s from the next %s on", a->next.set,
		 stage_acknowledged(a->stage) ? "barrier" : "line");
}

/* What is counted by, and what was read: the rules of both, as they are told to sinks. */
static bool same_rules(const struct agg_set *a, const struct agg_set *b)
{
	struct buf x = { 0 }, y = { 0 };
	bool same;

	ctl_rules_write(&a->rules, &x);
	ctl_rules_write(&b->rules, &y);
	same = slice_eq(buf_slice(&x), buf_slice(&y));
	buf_fini(&x);
	buf_fini(&y);
	return same;
}

/* What was decided at the start of the stream, and cannot be otherwise now. */
static int check_next(const struct agg *a, struct err *err)
{
	if (stage_acknowledged(a->stage) && agg_check_final(a, a->next.plan, err))
		return -1;
	for (size_t i = 0; i < a->next.plan->n_metrics; i++) {
		const struct metric *m = &a->next.plan->metric[i].def->m;

		if (stage_acknowledged(a->stage) && window_stored(&m->window, err))
			return err_in(err, "metric %s", m->name);
		if (m->final.fold && a->workers)
			return err_set(err, EX_CONFIG,
				       "metric %s: a rule that folds is counted by one thread: "
				       "start again with it",
				       m->name);
	}
	return 0;
}

static void read_anew(struct agg *a)
{
	struct err err = ERR_INIT;

	agg_set_fini(&a->next);
	if (agg_set_load(a, &a->next, &err) || check_next(a, &err)) {
		log_warn("%s; the rules stay as they were", err.msg);
		agg_set_fini(&a->next);
	} else if (same_rules(&a->set, &a->next)) {
		log_note("the rules were read anew, and are the same");
		agg_set_fini(&a->next);
	} else {
		tell_read(a);
	}
}

/* ---- watching */

enum { WATCHED = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE };

/* The folder that the first n bytes of a path stand in. */
static int watch_around(int fd, const char *path, size_t n)
{
	char *folder;
	int rc;

	while (n && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	folder = n ? mem_dup(path, n) : mem_strdup(".");
	rc = inotify_add_watch(fd, folder, WATCHED);
	free(folder);
	return rc;
}

/* A folder on the way may be a link, which is replaced as a whole. */
static void watch_links(int fd, const char *path)
{
	for (size_t n = 1; path[0] && path[n]; n++) {
		struct stat sb;
		char *at;

		if (path[n] != '/')
			continue;
		at = mem_dup(path, n);
		if (lstat(at, &sb) == 0 && S_ISLNK(sb.st_mode))
			watch_around(fd, path, n);
		free(at);
	}
}

/* Where a path's text may change: the folder that it is or stands in, and what links lead to. */
static int watch_path(int fd, const char *path)
{
	char *real = realpath(path, NULL);
	int rc = watch_around(fd, path, strlen(path));
	struct stat sb;

	watch_links(fd, path);
	if (real && stat(real, &sb) == 0 && S_ISDIR(sb.st_mode))
		rc = inotify_add_watch(fd, real, WATCHED);
	else if (real)
		watch_around(fd, real, strlen(real));
	free(real);
	return rc;
}

/* What is watched already stays so. */
static int watch_paths(const struct agg *a)
{
	int rc = 0;

	for (size_t i = 0; i < a->n_paths; i++)
		if (watch_path(a->watch->notify_fd, a->rules_path[i]) < 0)
			rc = -1;
	return rc;
}

static void take_signal(void *arg, int fd, short revents)
{
	struct signalfd_siginfo info;

	(void)revents;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	read_anew(arg);
}

static uint64_t hash_files(const struct agg *a)
{
	struct buf text = { 0 };
	uint64_t hash;

	agg_rules_text(a, &text);
	hash = hash_64(text.p, text.n);
	buf_fini(&text);
	return hash;
}

static void take_settled(void *arg, int fd, short revents)
{
	struct agg *a = arg;
	uint64_t now;

	(void)fd, (void)revents;
	a->watch->settling = false;
	/* a link may lead to another folder by now, a folder be another one of its name */
	watch_paths(a);
	now = hash_files(a);
	if (now == a->watch->seen)
		return;
	a->watch->seen = now;
	read_anew(a);
}

static void settle_files(struct agg *a)
{
	if (a->watch->settling)
		return;
	a->watch->settling = true;
	loop_at(stage_loop(a->stage), tm_mono_us() + SETTLE_US, take_settled, a);
}

static void take_notice(void *arg, int fd, short revents)
{
	struct agg *a = arg;
	char events[4096];

	(void)revents;
	while (read(fd, events, sizeof(events)) > 0)
		;
	settle_files(a);
}

static void watch_files(struct agg *a)
{
	struct agg_watch *w = a->watch;

	w->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->notify_fd >= 0 && watch_paths(a)) {
		close(w->notify_fd);
		w->notify_fd = -1;
	}
	if (w->notify_fd < 0) {
		log_info("rules are not watched (%s): SIGUSR1 has them read anew", strerror(errno));
		return;
	}
	w->notify_id = loop_watch(stage_loop(a->stage), w->notify_fd, POLLIN, take_notice, a);
	/* they may have changed since they were read, when nothing was watched */
	w->seen = a->rules_hash;
	settle_files(a);
}

void agg_hold_signal(bool hold)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &usr1, NULL);
}

/* Before threads begin, so that they have the signal blocked as well. */
int agg_watch(struct agg *a, struct err *err)
{
	struct agg_watch *w = mem_zalloc(sizeof(*w));
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	w->notify_fd = -1;
	w->signal_fd = signalfd(-1, &usr1, SFD_CLOEXEC | SFD_NONBLOCK);
	a->watch = w;
	if (w->signal_fd < 0)
		return err_errno(err, EX_TEMPFAIL, "SIGUSR1");
	w->signal_id = loop_watch(stage_loop(a->stage), w->signal_fd, POLLIN, take_signal, a);
	watch_files(a);
	return 0;
}

void agg_unwatch(struct agg *a)
{
	struct agg_watch *w = a->watch;

	if (!w)
		return;
	if (w->signal_fd >= 0) {
		loop_unwatch(stage_loop(a->stage), w->signal_id);
		close(w->signal_fd);
	}
	if (w->notify_fd >= 0) {
		loop_unwatch(stage_loop(a->stage), w->notify_id);
		close(w->notify_fd);
	}
	free(w);
	a->watch = NULL;
}

/* ---- taking effect */

/* On an acknowledged stream a metric that is gone has no groups at a barrier. On a plain one its
 * windows are written now: nothing more comes for them. */
static int write_state(struct agg *a, struct metric_state *s, struct err *err)
{
	struct closing *c = NULL;
	int64_t end_us;

	for (size_t i = 0; a->closing && i < a->plan->n_metrics; i++)
		if (metric_def_same(a->plan->metric[i].def, s->def))
			c = a->closing[i];
	if (!c || !closing_by_window(s->def))
		return emit_table(a->emit, s, err);
	while (closing_next(c, s, &end_us))
		if (closing_close(c, s, a->emit, err))
			return -1;
	return 0;
}

static int write_gone(struct agg *a, struct metric_state **gone, size_t n, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = write_state(a, gone[i], err);
		metric_state_free(gone[i]);
	}
	return rc ? -1 : emit_flush(a->emit, err);
}

/* What closes windows goes with the metric's state. */
static void move_closing(struct agg *a, const struct plan *plan)
{
	struct closing **next = mem_array(plan->n_metrics, sizeof(*next));

	for (size_t i = 0; i < plan->n_metrics; i++) {
		next[i] = NULL;
		for (size_t k = 0; k < a->plan->n_metrics && !next[i]; k++)
			if (a->closing[k] &&
			    metric_def_same(a->plan->metric[k].def, plan->metric[i].def)) {
				next[i] = a->closing[k];
				a->closing[k] = NULL;
			}
		if (!next[i])
			next[i] = closing_new(plan->metric[i].def);
	}
	for (size_t k = 0; k < a->plan->n_metrics; k++)
		closing_free(a->closing[k]);
	free(a->closing);
	a->closing = next;
}

int agg_turn(struct agg *a, struct err *err)
{
	struct plan *plan = a->next.plan;
	struct metric_state **gone = mem_array(a->plan->n_metrics, sizeof(*gone));
	size_t n = 0;
	int rc = 0;

	a->total.fields = plan_move_fields(a->plan, a->total.fields, plan);
	/* how many lines have had a new field nobody knows */
	a->told_fields = true;
	if (a->workers)
		rc = workers_replan(a->workers, plan, gone, &n, err);
	else
		n = engine_replan(a->window, plan, gone);
	if (rc == 0)
		rc = write_gone(a, gone, n, err);
	if (a->closing)
		move_closing(a, plan);
	free(gone);
	agg_set_fini(&a->set);
	a->set = a->next;
	a->next = (struct agg_set){ 0 };
	a->set.rules.set = slice_z(a->set.set);
	a->plan = a->set.plan;
	return rc ? -1 : 0;
}
