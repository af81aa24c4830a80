/* Threads that run queries, so that the loop which speaks HTTP never waits for a store.
 *
 *	ask -> kept 1 s? -> told at once
 *	    -> the same is under way? -> told when it is
 *	    -> queue (64; full: not taken) -> a thread -> told -> kept
 *
 * Who asked is told once, in the loop: the answer, or that it was too late, after deadline_us. One
 * that has left is forgotten; a query for which nobody waits any more leaves the queue, or is
 * cancelled where it runs. Calls are the loop's thread's, run and release of a query apart.
 * Bounds: SERVE_QUEUE queries wait; answers of SERVE_KEPT_BYTES are kept. */
#ifndef SERVE_WORKERS_H
#define SERVE_WORKERS_H

#include "serve/reader.h"
#include "serve/result.h"

enum { SERVE_QUEUE = 64, SERVE_KEPT_BYTES = 64 << 20, SERVE_KEPT_US = 1000000 };

/* A question; the first member of what is needed to answer it. */
struct serve_query {
	struct buf key; /* equal keys have equal answers */
	/* In a worker's thread: 0, the result is the answer or a problem; or -1 with err. */
	int (*run)(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		   struct err *err);
	void (*release)(struct serve_query *q); /* frees all but the key, the query itself too */
};
void serve_query_free(struct serve_query *q); /* NULL is fine */

struct serve_workers;
struct serve_asker;

/* r: lent for the call; NULL: it was too late. */
typedef void serve_told_fn(void *arg, struct serve_result *r);

struct serve_workers_conf {
	unsigned threads;
	int64_t deadline_us;
};

/* source is borrowed. NULL: EX_TEMPFAIL, no thread to be had. */
struct serve_workers *serve_workers_new(struct loop *loop, const struct serve_source *source,
					const struct serve_workers_conf *conf, struct err *err);
/* Cancels what runs, and waits for it. Nobody is told anything. */
void serve_workers_free(struct serve_workers *w); /* NULL is fine */

/* The answer to an equal query, if it is known already (lent); NULL: it has to be asked for. */
struct serve_result *serve_workers_kept(struct serve_workers *w, const struct serve_query *q);
/* Takes the query. NULL: the queue is full, and nothing will be told. */
struct serve_asker *serve_workers_ask(struct serve_workers *w, struct serve_query *q,
				      serve_told_fn *told, void *arg);
/* Who asked is told nothing. */
void serve_workers_forget(struct serve_workers *w, struct serve_asker *a);

struct serve_workers_stats {
	size_t queued, running;
	/* queries that ran, and askers: who shared one, had one that was kept, was too late, found
	 * the queue full, left */
	uint64_t runs, shared, kept, late, full, cancelled;
	int64_t run_us; /* of all runs that have ended */
};
void serve_workers_stats(const struct serve_workers *w, struct serve_workers_stats *out);
/* Called behind each run. */
void serve_workers_timed(struct serve_workers *w, void (*timed)(void *arg, int64_t us), void *arg);

#endif
