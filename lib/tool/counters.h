/* The counters page: one memory-mapped file a stage, in the run folder. It is there from the start, outlives a crash, and is read by hta-top
 * without any help of the stage.
 *
 * File: RUN/PROGRAM.PID.page, COUNTERS_BYTES long, native endianness; layout = struct page. One writer, any readers; every field is an aligned
 * 64-bit word or a text that is written once (a reader may see a number a little older than its neighbour, never a torn one).
 * Where the folder can't be used the page is anonymous memory and a line with -v says why: counting never stops a pipeline.
 * A stage removes the pages of dead processes of its own program and job when it learns its job; a plain stage removes its page when it
 * leaves with 0, and else those that failed before it: the last failure of a program stays to be seen. */
#ifndef TOOL_COUNTERS_H
#define TOOL_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

#define COUNTERS_MAGIC 0x6761702d61746800ULL
enum { COUNTERS_VERSION = 1, COUNTERS_BYTES = 4096, COUNTERS_TEXT_BYTES = 128 };

enum counters_state { COUNTERS_STARTING, COUNTERS_RUNNING, COUNTERS_DRAINING, COUNTERS_ENDED };

/* Sums (grow only) unless said otherwise. Keep in step with counter_names[] in counters.c. */
enum counter {
	COUNTER_RECORDS_IN, COUNTER_RECORDS_OUT, COUNTER_BYTES_IN, COUNTER_BYTES_OUT,
	COUNTER_ROWS_IN, COUNTER_ROWS_OUT, COUNTER_AGGREGATED,
	COUNTER_FILTERED, COUNTER_LATE, COUNTER_DUPLICATE, COUNTER_DEAD, COUNTER_LOST, COUNTER_ROUNDED, COUNTER_EXPIRED,
	COUNTER_EPOCHS_OUT, COUNTER_EPOCHS_ACKED, COUNTER_EPOCHS_IN_FLIGHT /* now */,
	COUNTER_BLOCKED_IN_US, COUNTER_BLOCKED_OUT_US, COUNTER_STORE_US, COUNTER_RETRIES,
	COUNTER_LAG_RECORDS /* now; UINT64_MAX unknown */, COUNTER_LAG_US /* now; UINT64_MAX unknown */,
	COUNTER_WATERMARK_US /* highest; 0 none */, COUNTER_GROUPS /* now */, COUNTER_PARTITIONS /* now */,
	COUNTER_LAST_ACK_US /* wall clock, 0 none */,
	COUNTER_AHEAD,
	COUNTER_TIMES_TWICE, COUNTER_TIMES_SKIPPED,
	COUNTERS
};
extern const char *const counter_names[COUNTERS];   /* "records_in", ... */

struct counters {
	uint64_t magic, version, pid, pgid, start_ticks /* of /proc/PID/stat: tells a reused pid */;
	int64_t started_us, touched_us;
	uint64_t state, exit_code, stage_index;
	char program[COUNTERS_TEXT_BYTES], job[COUNTERS_TEXT_BYTES], inc[COUNTERS_TEXT_BYTES], detail[COUNTERS_TEXT_BYTES] /* sink name, topics */, error[4 * COUNTERS_TEXT_BYTES];
	uint64_t counter[COUNTERS];
};

struct counters *counters_new(const char *program);            /* never NULL */
void counters_job(struct counters *p, const char *job, const char *inc, unsigned stage_index);
void counters_detail(struct counters *p, const char *detail);
void counters_end(struct counters *p, int exit_code, const char *error);   /* unlinks where plain and 0; unmaps */

static inline void counters_add(struct counters *p, enum counter c, uint64_t n) { __atomic_store_n(&p->counter[c], p->counter[c] + n, __ATOMIC_RELAXED); }
static inline void counters_set(struct counters *p, enum counter c, uint64_t v) { __atomic_store_n(&p->counter[c], v, __ATOMIC_RELAXED); }
void counters_touch(struct counters *p);                       /* "alive at": at least once a second by the skeletons */

/* Reader's side: all pages of a run folder (none where the folder is missing), by job, process group and stage. alive: the process of that pid and start_ticks exists. */
struct counters_view { struct counters counters; bool alive; char path[512]; };
int counters_list(const char *run_dir, struct counters_view **out, size_t *n, struct err *err);   /* *out: free() */

#endif
