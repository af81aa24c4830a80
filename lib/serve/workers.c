/* Flights stand in one list that is walked: those that wait, run and are kept for a second are some
 * hundred at most, and a hash tells most apart. Deadlines are all of one length, so that askers
 * stand in their order as they come; one timer looks at the first ten times a second, and stops
 * when nothing is left to look at. */
#include "serve/workers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "serve/workers_internal.h"

enum { TICK_US = 100000 };

void serve_query_free(struct serve_query *q)
{
	if (!q)
		return;
	buf_fini(&q->key);
	q->release(q);
}

/* ---- flights */
static void free_flight(struct serve_workers *w, struct flight *f)
{
	if (f->before)
		f->before->next = f->next;
	else
		w->flights = f->next;
	if (f->next)
		f->next->before = f->before;
	if (f->done)
		w->kept_bytes -= f->result->body.cap;
	serve_query_free(f->query);
	serve_result_drop(f->result);
	free(f);
}

static struct flight *find_flight(struct serve_workers *w, const struct serve_query *q)
{
	uint64_t hash = hash_64(q->key.p, q->key.n);

	for (struct flight *f = w->flights; f; f = f->next)
		if (!f->dead && f->hash == hash &&
		    slice_eq(buf_slice(&f->query->key), buf_slice(&q->key)))
			return f;
	return NULL;
}

static struct flight *add_flight(struct serve_workers *w, struct serve_query *q)
{
	struct flight *f = mem_zalloc(sizeof(*f));

	f->query = q;
	f->hash = hash_64(q->key.p, q->key.n);
	f->next = w->flights;
	if (f->next)
		f->next->before = f;
	w->flights = f;
	return f;
}

/* ---- askers */
static void remove_asker(struct serve_workers *w, struct serve_asker *a)
{
	if (a->before)
		a->before->next = a->next;
	else
		a->flight->askers = a->next;
	if (a->next)
		a->next->before = a->before;
	if (a->due_before)
		a->due_before->due_next = a->due_next;
	else
		w->due = a->due_next;
	if (a->due_next)
		a->due_next->due_before = a->due_before;
	else
		w->due_last = a->due_before;
	free(a);
}

static struct serve_asker *add_asker(struct serve_workers *w, struct flight *f, serve_told_fn *told,
				     void *arg)
{
	struct serve_asker *a = mem_zalloc(sizeof(*a));

	*a = (struct serve_asker){ .next = f->askers,
				   .due_before = w->due_last,
				   .flight = f,
				   .deadline_us = tm_mono_us() + w->deadline_us,
				   .told = told,
				   .arg = arg };
	if (a->next)
		a->next->before = a;
	f->askers = a;
	if (w->due_last)
		w->due_last->due_next = a;
	else
		w->due = a;
	w->due_last = a;
	return a;
}

static void leave_flight(struct serve_workers *w, struct serve_asker *a)
{
	struct flight *f = a->flight;

	remove_asker(w, a);
	if (f->askers || f->done)
		return;
	f->dead = true;
	if (serve_queue_cancel(w, f))
		free_flight(w, f);
}

void serve_workers_forget(struct serve_workers *w, struct serve_asker *a)
{
	w->stats.cancelled++;
	leave_flight(w, a);
}

static void tell_late(struct serve_workers *w, struct serve_asker *a)
{
	serve_told_fn *told = a->told;
	void *arg = a->arg;

	w->stats.late++;
	leave_flight(w, a);
	told(arg, NULL);
}

/* ---- time */
static void forget_old(struct serve_workers *w, int64_t now_us)
{
	struct flight *f, *next;

	for (f = w->flights; f; f = next) {
		next = f->next;
		if (f->done && !f->askers &&
		    (f->done_us + SERVE_KEPT_US <= now_us || w->kept_bytes > SERVE_KEPT_BYTES))
			free_flight(w, f);
	}
}

static void tick(void *arg, int fd, short revents)
{
	struct serve_workers *w = arg;
	int64_t now_us = tm_mono_us();

	(void)fd, (void)revents;
	while (w->due && w->due->deadline_us <= now_us)
		tell_late(w, w->due);
	forget_old(w, now_us);
	if (!w->flights) {
		loop_unwatch(w->loop, w->tick);
		w->tick = -1;
	}
}

/* ---- answers */
static void tell_all(struct serve_workers *w, struct flight *f)
{
	struct serve_result *r = serve_result_keep(f->result);

	while (f->askers) {
		serve_told_fn *told = f->askers->told;
		void *arg = f->askers->arg;

		remove_asker(w, f->askers);
		told(arg, r);
	}
	serve_result_drop(r);
}

static void take_ran(void *arg, int fd, short revents)
{
	struct serve_workers *w = arg;
	struct flight *f;
	uint64_t n;

	(void)revents;
	while (read(fd, &n, sizeof(n)) > 0)
		;
	while ((f = serve_queue_ran(w))) {
		w->stats.runs++;
		w->stats.run_us += f->run_us;
		if (w->timed)
			w->timed(w->timed_arg, f->run_us);
		f->done = true;
		f->done_us = tm_mono_us();
		w->kept_bytes += f->result->body.cap;
		if (f->dead)
			free_flight(w, f);
		else
			tell_all(w, f);
	}
	forget_old(w, tm_mono_us());
}

struct serve_result *serve_workers_kept(struct serve_workers *w, const struct serve_query *q)
{
	struct flight *f = find_flight(w, q);

	if (!f || !f->done)
		return NULL;
	if (f->done_us + SERVE_KEPT_US <= tm_mono_us()) {
		f->dead = true;
		return NULL;
	}
	w->stats.kept++;
	return f->result;
}

struct serve_asker *serve_workers_ask(struct serve_workers *w, struct serve_query *q,
				      serve_told_fn *told, void *arg)
{
	struct flight *f = find_flight(w, q);

	if (f && !f->done) {
		w->stats.shared++;
		serve_query_free(q);
		return add_asker(w, f, told, arg);
	}
	f = add_flight(w, q);
	if (!serve_queue_add(w, f)) {
		w->stats.full++;
		free_flight(w, f);
		return NULL;
	}
	if (w->tick < 0)
		w->tick = loop_every(w->loop, TICK_US, tick, w);
	return add_asker(w, f, told, arg);
}

/* ---- life */
struct serve_workers *serve_workers_new(struct loop *loop, const struct serve_source *source,
					const struct serve_workers_conf *conf, struct err *err)
{
	struct serve_workers *w = mem_zalloc(sizeof(*w));

	w->loop = loop;
	w->deadline_us = conf->deadline_us;
	w->tick = -1;
	w->queue_end = &w->queue;
	w->ran_end = &w->ran;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->woken < 0)
		err_errno(err, EX_TEMPFAIL, "threads for queries");
	else if (serve_threads_start(w, source, conf->threads, err) == 0) {
		loop_watch(loop, w->woken, POLLIN, take_ran, w);
		return w;
	}
	serve_workers_free(w);
	return NULL;
}

void serve_workers_free(struct serve_workers *w)
{
	if (!w)
		return;
	serve_threads_stop(w);
	while (w->due)
		remove_asker(w, w->due);
	while (w->flights)
		free_flight(w, w->flights);
	if (w->woken >= 0)
		close(w->woken);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void serve_workers_stats(const struct serve_workers *w, struct serve_workers_stats *out)
{
	struct serve_workers *locked = (struct serve_workers *)(uintptr_t)w;

	*out = w->stats;
	pthread_mutex_lock(&locked->lock);
	out->queued = w->queued;
	out->running = w->running;
	pthread_mutex_unlock(&locked->lock);
}

void serve_workers_timed(struct serve_workers *w, void (*timed)(void *arg, int64_t us), void *arg)
{
	w->timed = timed;
	w->timed_arg = arg;
}
