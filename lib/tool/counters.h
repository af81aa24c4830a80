/* The counters page: one memory-mapped file a stage, in the run folder. It is there from the
 * start, outlives a crash, and is read by hta-top without any help of the stage.
 *
 * File: RUN/PROGRAM.PID.page, COUNTERS_BYTES long, native endianness; layout = struct page. One
 * writer, any readers; every field is an aligned 64-bit word or a text that is written once (a
 * reader may see a number a little older than its neighbour, never a torn one). Where the folder
 * cannot be used the page is anonymous memory and a line with -v says why: counting never stops a
 * pipeline. A stage removes the pages of dead processes of its own program and job when it learns
 * its job. A plain stage removes its own page when it leaves with 0; where it fails it removes the
 * pages of those that failed before it, so that hta-top shows the last failure. */
#ifndef TOOL_COUNTERS_H
#define TOOL_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "tool/counter_list.h"

#define COUNTERS_MAGIC 0x6761702d61746800ULL
enum { COUNTERS_VERSION = 1, COUNTERS_BYTES = 4096, COUNTERS_TEXT_BYTES = 128 };

enum counters_state { COUNTERS_STARTING, COUNTERS_RUNNING, COUNTERS_DRAINING, COUNTERS_ENDED };

/* counter_list.h has them. LAG_RECORDS and LAG_US: UINT64_MAX is unknown; WATERMARK_US and
 * LAST_ACK_US (wall clock): 0 is none. */
enum counter {
#define COUNTER_ENTRY(name, text, kind, help) COUNTER_##name,
	COUNTER_LIST(COUNTER_ENTRY)
#undef COUNTER_ENTRY
		COUNTERS,
};

enum counter_kind { COUNTER_SUM, COUNTER_NOW };
struct counter_info {
	const char *name /* "records_in" */, *help;
	enum counter_kind kind;
};
extern const struct counter_info counter_info[COUNTERS];

struct counters {
	uint64_t magic, version, pid, pgid, start_ticks /* of /proc/PID/stat: tells a reused pid */;
	int64_t started_us, touched_us;
	uint64_t state, exit_code, stage_index;
	char program[COUNTERS_TEXT_BYTES], job[COUNTERS_TEXT_BYTES], inc[COUNTERS_TEXT_BYTES],
		detail[COUNTERS_TEXT_BYTES] /* sink name, topics */, error[4 * COUNTERS_TEXT_BYTES];
	uint64_t counter[COUNTERS];
};

struct counters *counters_new(const char *program); /* never NULL */
void counters_job(struct counters *p, const char *job, const char *inc, unsigned stage_index);
void counters_detail(struct counters *p, const char *detail);
/* unlinks where plain and 0; unmaps */
void counters_end(struct counters *p, int exit_code, const char *error);

static inline void counters_add(struct counters *p, enum counter c, uint64_t n)
{
	__atomic_store_n(&p->counter[c], p->counter[c] + n, __ATOMIC_RELAXED);
}
static inline void counters_set(struct counters *p, enum counter c, uint64_t v)
{
	__atomic_store_n(&p->counter[c], v, __ATOMIC_RELAXED);
}
/* "alive at": at least once a second by the skeletons */
void counters_touch(struct counters *p);

/* Reader's side: all pages of a run folder (none where the folder is missing), by job, process
 * group and stage. alive: the process of that pid and start_ticks exists. */
struct counters_view {
	struct counters counters;
	bool alive;
	char path[512];
};
/* *out: free() */
int counters_list(const char *run_dir, struct counters_view **out, size_t *n, struct err *err);

#endif
