/* Threads: several engines (engine.h) on one input, each with groups of its own, put together
 * when somebody asks for rows. So nothing is shared while lines are counted, and the sums do not
 * depend on who counted what.
 *
 * Lines come as runs of a stream, which are copied, or as whole files, which the threads read
 * themselves in chunks of WORKERS_CHUNK_BYTES: a chunk has the lines that start in it. What the
 * threads found is told to the main thread in the order of the input. Memory is bounded,
 * whatever is found. */
#ifndef AGG_WORKERS_H
#define AGG_WORKERS_H

#include "agg/engine.h"
#include "tool/stage.h"

enum { WORKERS_CHUNK_BYTES = 4 << 20, WORKERS_THREADS_MAX = 256 };

struct workers;

/* Event times of counted lines, in their order. */
struct workers_times {
	const int64_t *us;
	size_t n;
};

/* Called on the main thread, inside of workers_run, workers_file and workers_wait. 0, or -1 with
 * err, which ends the call. */
struct workers_hooks {
	void *arg;
	/* A line that some metric or all refuse; its number and byte are those in what begins at
	 * origin. reason: NULL where it is longer than the workers's max_line; record is its kept
	 * start then, size its length. */
	int (*refused)(void *arg, const struct origin *origin, const struct engine_refusal *r,
		       uint64_t size, struct err *err);
	/* Lines of one origin were counted; groups: how many the engine that did it holds.
	 * times: there are some where workers_by_order says so and the plan has a bound. */
	int (*counted)(void *arg, const struct origin *origin, const struct engine_counts *counts,
		       const struct workers_times *times, uint64_t bytes, size_t groups,
		       struct err *err);
};

/* Whether the order of lines tells which times there are too far ahead: in an acknowledged stream,
 * where records have no timestamp of their own. */
static inline bool workers_by_order(const struct origin *origin)
{
	return origin->topic.p && origin->time_us == 0;
}

/* own: the main thread's engine, in which all groups end. Both are borrowed. EX_TEMPFAIL: no
 * thread to be had. */
struct workers *workers_new(const struct plan *plan, unsigned threads, size_t max_line,
			    struct engine *own, const struct workers_hooks *hooks, struct err *err);
/* Stops the threads; what was not collected is lost. */
void workers_free(struct workers *c);

/* Hands over a run. *lines: how many it has. */
int workers_run(struct workers *c, const struct run *run, uint64_t *lines, struct err *err);

/* Counts the bytes [from, to) of a regular file; a last line may lack its newline. Waits until
 * all is counted and told. EX_IOERR. */
int workers_file(struct workers *c, int fd, int64_t from, int64_t to, const char *name,
		 struct err *err);

/* Waits until all that was handed over is counted and told. */
int workers_wait(struct workers *c, struct err *err);

/* After workers_wait: runs call(arg, 0) .. call(arg, n - 1) on the threads, n at most theirs,
 * and returns when all have. For struct emit_threads. */
void workers_each(void *workers, unsigned n, void (*call)(void *arg, unsigned i), void *arg);

/* After workers_wait: moves all groups into the main thread's engine. */
int workers_merge(struct workers *c, struct err *err);

/* After workers_wait: as workers_merge, then all engines go on with another plan; gone and *n_gone
 * as from engine_replan of the main thread's. */
int workers_replan(struct workers *c, const struct plan *plan, struct metric_state **gone,
		   size_t *n_gone, struct err *err);

#endif
