/* Inside of the workers: workers.c (threads and order), workers_task.c (one task: its lines, and
 * what was found in them). */
#ifndef AGG_WORKERS_INTERNAL_H
#define AGG_WORKERS_INTERNAL_H

#include <stdatomic.h>
#include "agg/workers.h"
#include "base/arena.h"

/* Lines of one origin: a run, or several that go on where the one before ends. */
struct workers_part {
	struct origin origin;
	size_t start; /* in the task's data */
	uint64_t bytes;
	struct engine_counts counts;
	size_t times, n_times;   /* in the task's */
	uint64_t lines;          /* of runs; a chunk's are not known */
	size_t stamps, n_stamps; /* in the task's: one a run */
};

/* The timestamp of a run's records. */
struct workers_stamp {
	uint64_t lines;
	int64_t us;
};

struct workers_refusal {
	size_t part;
	bool is_long, counted;
	uint64_t nth, size;
	size_t at, record, record_bytes, reason; /* record, reason: in the task's text */
};

struct workers_task {
	void (*call)(void *arg, unsigned i); /* of workers_each; NULL: lines */
	void *call_arg;
	unsigned call_i;

	bool chunk; /* of a file, else data */
	/* whole lines behind SCAN_PAD bytes; SCAN_PAD bytes are readable behind them */
	struct buf data;
	int fd;
	int64_t from, to;
	bool first; /* the file's first chunk: a line starts at from */

	struct workers_part *part; /* a chunk has one */
	size_t n_parts, cap_parts;
	struct arena names; /* topics of origins */

	struct workers_refusal *refusal;
	size_t n_refusals, cap_refusals;
	struct buf text;
	struct buf times;   /* int64_t each */
	struct buf stamps;  /* struct workers_stamp each */
	struct buf records; /* scratch: int64_t each, of the lines of a part */
	size_t groups;      /* of the engine, at the end */
	bool failed;
	struct err err;
};

/* Appends a run; how many lines it has. */
uint64_t workers_task_put(struct workers_task *t, const struct run *run);
void workers_task_chunk(struct workers_task *t, int fd, int64_t from, int64_t to, bool first,
			const char *name);
void workers_task_clear(struct workers_task *t);
void workers_task_fini(struct workers_task *t);

/* Counts the task's lines. full(arg, t) is called when much was refused, and returns when that
 * has been taken away; false: the task shall end. NULL: never. Errors are left in the task. */
void workers_task_do(struct workers_task *t, struct engine *w, size_t max_line,
		     bool (*full)(void *arg, struct workers_task *t), void *arg,
		     const _Atomic bool *stop);

#endif
