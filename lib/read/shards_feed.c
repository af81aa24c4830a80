/* A thread reads rows into blocks; whoever takes them has one block, and BLOCKS more may wait:
 *
 *   thread: fill --full--> hand over (waits while BLOCKS wait) --> fill the next
 *   taker:  row by row of its block, then the next one; NULL when the thread has ended
 *
 * A block is an arena and its rows, so a row costs copies and no allocation. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "read/shards_internal.h"

enum { BLOCK_ROWS = 512, BLOCKS = 4 };

struct block {
	struct arena arena;
	struct rollup row[BLOCK_ROWS];
	size_t n;
	struct block *next;
};

struct feed {
	const struct read_driver *driver;
	void *d;
	const struct read_range *range;
	pthread_t thread;
	bool started;
	struct block *filling; /* the thread's */
	struct block *taking;  /* the taker's, */
	size_t taken;          /* and its row */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t moved;
	struct block *first, **last; /* that wait */
	size_t waiting;
	bool ended, stop, failed;
	struct err err;
};

void feed_copy(struct arena *arena, const struct rollup *row, struct rollup *to)
{
	*to = *row;
	to->dims = arena_copy(arena, row->dims);
	to->sketch = arena_copy(arena, row->sketch);
	to->cell = row->cells ? arena_alloc(arena, row->cells * sizeof(*to->cell)) : NULL;
	for (size_t i = 0; i < row->cells; i++) {
		to->cell[i] = row->cell[i];
		to->cell[i].column.name = arena_copy(arena, row->cell[i].column.name);
		if (column_is_sketch(row->cell[i].column.rule) && !row->cell[i].empty)
			to->cell[i].sketch = arena_copy(arena, row->cell[i].sketch);
	}
}

static void block_free(struct block *b)
{
	if (!b)
		return;
	arena_fini(&b->arena);
	free(b);
}

/* ---- the thread */

/* False: nobody wants more. */
static bool hand_over(struct feed *f)
{
	bool wanted;

	pthread_mutex_lock(&f->lock);
	while (f->waiting == BLOCKS && !f->stop)
		pthread_cond_wait(&f->moved, &f->lock);
	wanted = !f->stop;
	if (f->filling) {
		*f->last = f->filling;
		f->last = &f->filling->next;
		f->filling = NULL;
		f->waiting++;
	}
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
	return wanted;
}

static int fill_row(void *arg, const struct rollup *row, struct err *err)
{
	struct feed *f = arg;

	if (!f->filling)
		f->filling = mem_zalloc(sizeof(*f->filling));
	feed_copy(&f->filling->arena, row, &f->filling->row[f->filling->n++]);
	if (f->filling->n < BLOCK_ROWS || hand_over(f))
		return 0;
	return err_set(err, EX_TEMPFAIL, "nobody wants more rows");
}

static void *read_rows(void *arg)
{
	struct feed *f = arg;
	struct err err = ERR_INIT;
	int rc = f->driver->rows(f->d, f->range, fill_row, f, &err);

	hand_over(f);
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	f->failed = rc != 0;
	f->err = err;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- who takes the rows */

struct feed *feed_start(const struct read_driver *driver, void *d, const struct read_range *range)
{
	struct feed *f = mem_zalloc(sizeof(*f));
	int rc;

	f->driver = driver;
	f->d = d;
	f->range = range;
	f->last = &f->first;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->moved, NULL);
	rc = thread_start(&f->thread, read_rows, f);
	f->started = rc == 0;
	if (f->started)
		return f;
	f->ended = f->failed = true;
	errno = rc;
	err_errno(&f->err, EX_TEMPFAIL, "a thread to read a shard");
	return f;
}

static struct block *next_block(struct feed *f)
{
	struct block *b;

	pthread_mutex_lock(&f->lock);
	while (!f->first && !f->ended)
		pthread_cond_wait(&f->moved, &f->lock);
	b = f->first;
	if (b) {
		f->first = b->next;
		if (!f->first)
			f->last = &f->first;
		f->waiting--;
	}
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
	return b;
}

const struct rollup *feed_head(struct feed *f)
{
	if (f->taking && f->taken < f->taking->n)
		return &f->taking->row[f->taken];
	block_free(f->taking);
	f->taken = 0;
	f->taking = next_block(f);
	return f->taking ? &f->taking->row[0] : NULL;
}

void feed_next(struct feed *f)
{
	f->taken++;
}

bool feed_failed(struct feed *f, struct err *err)
{
	bool failed;

	pthread_mutex_lock(&f->lock);
	failed = f->failed;
	if (failed)
		err_copy(err, &f->err);
	pthread_mutex_unlock(&f->lock);
	return failed;
}

void feed_stop(struct feed *f)
{
	struct block *b;

	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
	if (f->started)
		pthread_join(f->thread, NULL);
	while ((b = f->first)) {
		f->first = b->next;
		block_free(b);
	}
	block_free(f->filling);
	block_free(f->taking);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->moved);
	free(f);
}
