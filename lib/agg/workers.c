/* Tasks in a ring, filled, taken and collected in the order of the input:
 *
 *          head                take              tail
 *   ... | done | done | running | running | ready | filling ...
 *         collected by main      by threads        by main
 *
 * The task at tail gathers short runs until it is worth a thread; workers_wait counts what it
 * has on the main thread instead of waking somebody for it. A thread that finds very much wrong
 * stops and waits (FULL) until main has told what it holds. */
#include "agg/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "agg/workers_internal.h"
#include "base/mem.h"
#include "base/thread.h"

enum { TASK_BYTES = 256 << 10 };

enum state { FREE, READY, RUNNING, FULL, DONE };

struct slot {
	enum state state;
	struct workers_task task;
};

struct workers {
	struct engine *own;
	struct workers_hooks hooks;
	size_t max_line;
	unsigned threads; /* that run */
	pthread_t *thread;
	struct engine **window; /* of each thread */
	struct slot *ring;
	unsigned slots;
	uint64_t head, take, tail; /* numbers of tasks; the slot is number % slots */
	/* of the file at work: the number of the next line to be collected */
	uint64_t line;
	pthread_mutex_t lock; /* ring states, take, stop */
	pthread_cond_t ready, done, resume;
	_Atomic bool stop;
};

struct worker {
	struct workers *c;
	struct engine *w;
};

static struct slot *slot(struct workers *c, uint64_t number)
{
	return &c->ring[number % c->slots];
}

/* ---- threads */

/* The hook of a task that holds too much: until main has emptied it. */
static bool wait_for_room(void *arg, struct workers_task *t)
{
	struct workers *c = arg;
	struct slot *s = (struct slot *)(void *)((char *)t - offsetof(struct slot, task));

	pthread_mutex_lock(&c->lock);
	s->state = FULL;
	pthread_cond_signal(&c->done);
	while (s->state == FULL && !c->stop)
		pthread_cond_wait(&c->resume, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return !c->stop;
}

static void *run_worker(void *arg)
{
	struct worker me = *(struct worker *)arg;
	struct workers *c = me.c;

	free(arg);
	pthread_setname_np(pthread_self(), "hta-count");
	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct slot *s;

		while (c->take == c->tail && !c->stop)
			pthread_cond_wait(&c->ready, &c->lock);
		if (c->stop)
			break;
		s = slot(c, c->take++);
		s->state = RUNNING;
		pthread_mutex_unlock(&c->lock);
		workers_task_do(&s->task, me.w, c->max_line, wait_for_room, c, &c->stop);
		pthread_mutex_lock(&c->lock);
		s->state = DONE;
		pthread_cond_signal(&c->done);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int start_threads(struct workers *c, const struct plan *plan, unsigned wanted,
			 struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < wanted && rc == 0; i++) {
		struct worker *me = mem_alloc(sizeof(*me));

		c->window[i] = engine_new(plan, ENGINE_NO_LATENESS);
		*me = (struct worker){ c, c->window[i] };
		rc = thread_start(&c->thread[i], run_worker, me);
		if (rc == 0) {
			c->threads++;
			continue;
		}
		free(me);
		engine_free(c->window[i]);
	}
	errno = rc;
	return rc ? err_errno(err, EX_TEMPFAIL, "--threads: thread %u", c->threads + 1) : 0;
}

struct workers *workers_new(const struct plan *plan, unsigned threads, size_t max_line,
			    struct engine *own, const struct workers_hooks *hooks, struct err *err)
{
	struct workers *c = mem_zalloc(sizeof(*c));

	c->own = own;
	c->hooks = *hooks;
	c->max_line = max_line;
	c->slots = 2 * threads + 2;
	c->ring = mem_array(c->slots, sizeof(*c->ring));
	c->thread = mem_array(threads, sizeof(*c->thread));
	c->window = mem_array(threads, sizeof(struct engine *));
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->ready, NULL);
	pthread_cond_init(&c->done, NULL);
	pthread_cond_init(&c->resume, NULL);
	if (start_threads(c, plan, threads, err)) {
		workers_free(c);
		return NULL;
	}
	return c;
}

void workers_free(struct workers *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->ready);
	pthread_cond_broadcast(&c->resume);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->threads; i++) {
		pthread_join(c->thread[i], NULL);
		engine_free(c->window[i]);
	}
	for (unsigned i = 0; i < c->slots; i++)
		workers_task_fini(&c->ring[i].task);
	pthread_cond_destroy(&c->ready);
	pthread_cond_destroy(&c->done);
	pthread_cond_destroy(&c->resume);
	pthread_mutex_destroy(&c->lock);
	free(c->ring);
	free(c->thread);
	free(c->window);
	free(c);
}

/* ---- main: collecting */

/* Tells what the task holds. Tickets do not know their line numbers: all chunks before are
 * collected. */
static int tell_found(struct workers *c, struct workers_task *t, struct err *err)
{
	for (size_t i = 0; i < t->n_refusals; i++) {
		const struct workers_refusal *r = &t->refusal[i];
		struct origin *origin = &t->part[r->part].origin;
		struct engine_refusal line = {
			.nth = r->nth,
			.at = r->at,
			.record = slice(t->text.p + r->record, r->record_bytes),
			.reason = r->is_long ? NULL : t->text.p + r->reason,
			.counted = r->counted,
		};

		if (t->chunk)
			origin->line = c->line;
		if (c->hooks.refused(c->hooks.arg, origin, &line, r->size, err))
			return -1;
	}
	t->n_refusals = 0;
	t->text.n = 0;
	return 0;
}

static int tell_counts(struct workers *c, struct workers_task *t, struct err *err)
{
	for (size_t i = 0; i < t->n_parts; i++) {
		struct workers_part *p = &t->part[i];
		struct workers_times times = { .n = p->n_times };

		if (p->n_times)
			times.us = (const int64_t *)(const void *)t->times.p + p->times;
		if (t->chunk)
			c->line += p->counts.lines;
		if (c->hooks.counted(c->hooks.arg, &p->origin, &p->counts, &times, p->bytes,
				     t->groups, err))
			return -1;
	}
	if (t->failed)
		return err_copy(err, &t->err);
	workers_task_clear(t);
	return 0;
}

/* Waits for the task at head, tells what it found, and frees its slot. */
static int collect(struct workers *c, struct err *err)
{
	struct slot *s = slot(c, c->head);

	for (;;) {
		bool done;

		pthread_mutex_lock(&c->lock);
		while (s->state != DONE && s->state != FULL)
			pthread_cond_wait(&c->done, &c->lock);
		done = s->state == DONE;
		pthread_mutex_unlock(&c->lock);
		if (tell_found(c, &s->task, err))
			return -1;
		if (done)
			break;
		pthread_mutex_lock(&c->lock);
		s->state = RUNNING;
		pthread_cond_broadcast(&c->resume);
		pthread_mutex_unlock(&c->lock);
	}
	if (tell_counts(c, &s->task, err))
		return -1;
	s->state = FREE;
	c->head++;
	return 0;
}

/* ---- main: filling */

/* The task at tail, which is free. */
static struct workers_task *filling(struct workers *c)
{
	return &slot(c, c->tail)->task;
}

static int hand_over_task(struct workers *c, struct err *err)
{
	pthread_mutex_lock(&c->lock);
	slot(c, c->tail)->state = READY;
	c->tail++;
	pthread_cond_signal(&c->ready);
	pthread_mutex_unlock(&c->lock);
	while (c->tail - c->head == c->slots)
		if (collect(c, err))
			return -1;
	return 0;
}

int workers_run(struct workers *c, const struct run *run, uint64_t *lines, struct err *err)
{
	struct workers_task *t = filling(c);

	*lines = workers_task_put(t, run);
	return t->data.n >= TASK_BYTES ? hand_over_task(c, err) : 0;
}

static int collect_all(struct workers *c, struct err *err)
{
	while (c->head < c->tail)
		if (collect(c, err))
			return -1;
	return 0;
}

int workers_file(struct workers *c, int fd, int64_t from, int64_t to, const char *name,
		 struct err *err)
{
	if (workers_wait(c, err))
		return -1;
	c->line = 1;
	for (int64_t at = from; at < to; at += WORKERS_CHUNK_BYTES) {
		int64_t end = to - at > WORKERS_CHUNK_BYTES ? at + WORKERS_CHUNK_BYTES : to;

		workers_task_chunk(filling(c), fd, at, end, at == from, name);
		if (hand_over_task(c, err))
			return -1;
	}
	return collect_all(c, err);
}

int workers_wait(struct workers *c, struct err *err)
{
	struct workers_task *t = filling(c);

	if (t->n_parts)
		workers_task_do(t, c->own, c->max_line, NULL, NULL, &c->stop);
	if (collect_all(c, err))
		return -1;
	return t->n_parts && (tell_found(c, t, err) || tell_counts(c, t, err)) ? -1 : 0;
}

void workers_each(void *workers, unsigned n, void (*call)(void *arg, unsigned i), void *arg)
{
	struct workers *c = workers;
	struct err none = ERR_INIT;

	for (unsigned i = 0; i < n; i++) {
		struct workers_task *t = filling(c);

		t->call = call;
		t->call_arg = arg;
		t->call_i = i;
		hand_over_task(c, &none);
	}
	collect_all(c, &none);
}

int workers_merge(struct workers *c, struct err *err)
{
	for (unsigned i = 0; i < c->threads; i++)
		if (engine_merge(c->own, c->window[i], err))
			return -1;
	return 0;
}

int workers_replan(struct workers *c, const struct plan *plan, struct metric_state **gone,
		   size_t *n_gone, struct err *err)
{
	if (workers_merge(c, err))
		return -1;
	for (unsigned i = 0; i < c->threads; i++) {
		size_t n = engine_replan(c->window[i], plan, gone);

		while (n)
			metric_state_free(gone[--n]);
	}
	*n_gone = engine_replan(c->own, plan, gone);
	return 0;
}
