/* The counters page: one memory-mapped file a stage, in the run folder. It is there from the start, outlives a crash, and is read by hta-top
 * without any help of the stage.
 *
 * File: RUN/PROGRAM.PID.page, PAGE_BYTES long, native endianness; layout = struct page. One writer, any readers; every field is an aligned
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

#define PAGE_MAGIC 0x6761702d61746800ULL
enum { PAGE_VERSION = 1, PAGE_BYTES = 4096, PAGE_TEXT_BYTES = 128 };

enum page_state { PAGE_STARTING, PAGE_RUNNING, PAGE_DRAINING, PAGE_ENDED };

/* Sums (grow only) unless said otherwise. Keep in step with page_names[] in counters.c. */
enum page_counter {
	PAGE_RECORDS_IN, PAGE_RECORDS_OUT, PAGE_BYTES_IN, PAGE_BYTES_OUT,
	PAGE_ROWS_IN, PAGE_ROWS_OUT, PAGE_AGGREGATED,
	PAGE_FILTERED, PAGE_LATE, PAGE_DUPLICATE, PAGE_DEAD, PAGE_LOST, PAGE_ROUNDED, PAGE_EXPIRED,
	PAGE_EPOCHS_OUT, PAGE_EPOCHS_ACKED, PAGE_EPOCHS_IN_FLIGHT /* now */,
	PAGE_BLOCKED_IN_US, PAGE_BLOCKED_OUT_US, PAGE_STORE_US, PAGE_RETRIES,
	PAGE_LAG_RECORDS /* now; UINT64_MAX unknown */, PAGE_LAG_US /* now; UINT64_MAX unknown */,
	PAGE_WATERMARK_US /* highest; 0 none */, PAGE_GROUPS /* now */, PAGE_PARTITIONS /* now */,
	PAGE_LAST_ACK_US /* wall clock, 0 none */,
	PAGE_AHEAD,
	PAGE_TIMES_TWICE, PAGE_TIMES_SKIPPED,
	PAGE_COUNTERS
};
extern const char *const page_names[PAGE_COUNTERS];   /* "records_in", ... */

struct page {
	uint64_t magic, version, pid, pgid, start_ticks /* of /proc/PID/stat: tells a reused pid */;
	int64_t started_us, touched_us;
	uint64_t state, exit_code, stage_index;
	char program[PAGE_TEXT_BYTES], job[PAGE_TEXT_BYTES], inc[PAGE_TEXT_BYTES], detail[PAGE_TEXT_BYTES] /* sink name, topics */, error[4 * PAGE_TEXT_BYTES];
	uint64_t counter[PAGE_COUNTERS];
};

struct page *page_new(const char *program);            /* never NULL */
void page_job(struct page *p, const char *job, const char *inc, unsigned stage_index);
void page_detail(struct page *p, const char *detail);
void page_end(struct page *p, int exit_code, const char *error);   /* unlinks where plain and 0; unmaps */

static inline void page_add(struct page *p, enum page_counter c, uint64_t n) { __atomic_store_n(&p->counter[c], p->counter[c] + n, __ATOMIC_RELAXED); }
static inline void page_set(struct page *p, enum page_counter c, uint64_t v) { __atomic_store_n(&p->counter[c], v, __ATOMIC_RELAXED); }
void page_touch(struct page *p);                       /* "alive at": at least once a second by the skeletons */

/* Reader's side: all pages of a run folder (none where the folder is missing), by job, process group and stage. alive: the process of that pid and start_ticks exists. */
struct page_view { struct page page; bool alive; char path[512]; };
int page_list(const char *run_dir, struct page_view **out, size_t *n, struct err *err);   /* *out: free() */

#endif
