#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/tm.h"
#include "serve/workers_internal.h"

enum { REST_S = 10 };

/* ---- the queue */
bool serve_queue_add(struct serve_workers *w, struct flight *f)
{
	bool taken;

	pthread_mutex_lock(&w->lock);
	taken = w->queued < SERVE_QUEUE;
	if (taken) {
		f->queue_next = NULL;
		*w->queue_end = f;
		w->queue_end = &f->queue_next;
		w->queued++;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return taken;
}

static void unqueue(struct serve_workers *w, struct flight *f)
{
	struct flight **at = &w->queue;

	while (*at != f)
		at = &(*at)->queue_next;
	*at = f->queue_next;
	if (w->queue_end == &f->queue_next)
		w->queue_end = at;
	w->queued--;
}

bool serve_queue_cancel(struct serve_workers *w, struct flight *f)
{
	bool ours = false;

	pthread_mutex_lock(&w->lock);
	if (f->state == FLIGHT_QUEUED) {
		unqueue(w, f);
		ours = true;
	} else if (f->state == FLIGHT_RUNNING) {
		serve_reader_cancel(f->by->reader);
	}
	pthread_mutex_unlock(&w->lock);
	return ours;
}

struct flight *serve_queue_ran(struct serve_workers *w)
{
	struct flight *f;

	pthread_mutex_lock(&w->lock);
	f = w->ran;
	if (f) {
		w->ran = f->queue_next;
		if (!w->ran)
			w->ran_end = &w->ran;
	}
	pthread_mutex_unlock(&w->lock);
	return f;
}

/* ---- threads */
/* With the lock. Connections that rest are closed when this thread had nothing to do for a while:
 * a router may forget such ones, and others may want the server's slots. */
static void await_flight(struct serve_thread *t)
{
	struct serve_workers *w = t->w;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += REST_S;
	while (!w->queue && !w->ending)
		if (!serve_reader_rests(t->reader)) {
			pthread_cond_wait(&w->more, &w->lock);
		} else if (pthread_cond_clockwait(&w->more, &w->lock, CLOCK_MONOTONIC, &until)) {
			pthread_mutex_unlock(&w->lock);
			serve_reader_disconnect(t->reader);
			pthread_mutex_lock(&w->lock);
		}
}

/* Waits for a flight; NULL: the thread is to end. */
static struct flight *take_flight(struct serve_thread *t)
{
	struct serve_workers *w = t->w;
	struct flight *f;

	pthread_mutex_lock(&w->lock);
	await_flight(t);
	f = w->ending ? NULL : w->queue;
	if (f) {
		unqueue(w, f);
		f->state = FLIGHT_RUNNING;
		f->by = t;
		w->running++;
	}
	pthread_mutex_unlock(&w->lock);
	return f;
}

static void give_flight(struct serve_thread *t, struct flight *f)
{
	struct serve_workers *w = t->w;
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	f->state = FLIGHT_RAN;
	f->by = NULL;
	f->queue_next = NULL;
	*w->ran_end = f;
	w->ran_end = &f->queue_next;
	w->running--;
	pthread_mutex_unlock(&w->lock);
	while (write(w->woken, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *run_flights(void *arg)
{
	struct serve_thread *t = arg;
	struct flight *f;

	while ((f = take_flight(t))) {
		int64_t began_us = tm_mono_us();
		struct err err = ERR_INIT;

		f->result = serve_result_new();
		if (f->query->run(f->query, t->reader, f->result, &err))
			serve_result_failed(f->result, &err);
		serve_result_seal(f->result);
		f->run_us = tm_mono_us() - began_us;
		give_flight(t, f);
		serve_reader_close(t->reader);
	}
	return NULL;
}

int serve_threads_start(struct serve_workers *w, const struct serve_source *source, unsigned n,
			struct err *err)
{
	int rc = 0;

	for (; w->threads < n && rc == 0; w->threads += rc == 0) {
		struct serve_thread *t = &w->thread[w->threads];

		t->w = w;
		t->reader = serve_reader_new(source);
		rc = t->reader ? thread_start(&t->id, run_flights, t) : errno;
		if (rc)
			serve_reader_free(t->reader);
	}
	errno = rc;
	return rc ? err_errno(err, EX_TEMPFAIL, "threads for queries") : 0;
}

void serve_threads_stop(struct serve_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	for (struct flight *f = w->flights; f; f = f->next)
		if (f->state == FLIGHT_RUNNING)
			serve_reader_cancel(f->by->reader);
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->threads; i++) {
		pthread_join(w->thread[i].id, NULL);
		serve_reader_free(w->thread[i].reader);
	}
}
