/* Inside of workers: workers.c (who asks, what is kept, the loop's side), workers_thread.c (the
 * queue, the threads' side). */
#ifndef SERVE_WORKERS_INTERNAL_H
#define SERVE_WORKERS_INTERNAL_H

#include <pthread.h>

#include "serve/workers.h"

enum { SERVE_THREADS_MAX = 16 };

enum flight_state { FLIGHT_QUEUED, FLIGHT_RUNNING, FLIGHT_RAN };

/* A query from its first asker until its answer is forgotten.
 *
 *	QUEUED --a thread--> RUNNING --> RAN --the loop--> done, kept --1 s--> gone
 *	   `--nobody asks--> gone  `--nobody asks: dead, cancelled--> gone when it has ended
 *
 * The loop owns it but for what the lock guards: state, by, queue_next, and while it runs query
 * and result. */
struct flight {
	struct flight *next, *before; /* all of them */
	struct flight *queue_next;    /* of the queue, or of those that ran */
	enum flight_state state;
	struct serve_thread *by; /* RUNNING */
	struct serve_query *query;
	uint64_t hash; /* of the key */
	struct serve_result *result;
	struct serve_asker *askers;
	bool done; /* it was told, and is kept */
	bool dead; /* nobody is to join it */
	int64_t run_us, done_us;
};

struct serve_asker {
	struct serve_asker *next, *before;         /* of the flight */
	struct serve_asker *due_next, *due_before; /* in the order of deadlines */
	struct flight *flight;
	int64_t deadline_us;
	serve_told_fn *told;
	void *arg;
};

struct serve_thread {
	struct serve_workers *w;
	struct serve_reader *reader;
	pthread_t id;
};

struct serve_workers {
	struct loop *loop;
	int64_t deadline_us;
	struct flight *flights;
	struct serve_asker *due, *due_last;
	size_t kept_bytes;
	int tick; /* -1: none */
	struct serve_workers_stats stats;
	void (*timed)(void *arg, int64_t us);
	void *timed_arg;

	pthread_mutex_t lock;
	pthread_cond_t more;
	struct flight *queue, **queue_end; /* under the lock, as are these */
	struct flight *ran, **ran_end;
	size_t queued, running;
	bool ending;

	int woken; /* an eventfd: something ran */
	struct serve_thread thread[SERVE_THREADS_MAX];
	unsigned threads;
};

/* EX_TEMPFAIL. */
int serve_threads_start(struct serve_workers *w, const struct serve_source *source, unsigned n,
			struct err *err);
void serve_threads_stop(struct serve_workers *w);

/* False: the queue is full. */
bool serve_queue_add(struct serve_workers *w, struct flight *f);
/* The flight leaves the queue, or is cancelled. True: no thread has it, it is the caller's. */
bool serve_queue_cancel(struct serve_workers *w, struct flight *f);
/* The next of those that ran; NULL: none. */
struct flight *serve_queue_ran(struct serve_workers *w);

#endif
