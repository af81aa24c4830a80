/* The filter skeleton: a running stage between standard input and standard output. It does what
 * all stages share, so that a filter is only its own work:
 *   - tells an acknowledged stream (first line a hello, on a pipe or socket) from a plain one;
 *   keeps the counters page;
 *   - splits the input into runs of data lines (with their source and offset) and control
 *   records, in order;
 *   - adds its element to hello and barriers, checks the lines and bytes that a barrier names
 *   (EX_DATAERR), passes unknown control records untouched;
 *   - dead letters: in band where a sink below claims them, else to --dead FILE, else EX_USAGE
 *   before the first record; on a plain stream they are counted, the first
 *     few told on stderr, EX_DATAERR at the end (0 with --dead);
 *   - life cycle: `fail` and `end`, exit codes 65 .. 78 as hta-protocol(7) has them, signals
 *   (acknowledged: drain until the end; plain: the default action),
 *     "`| hta-commit` is missing" where standard output is a terminal on an acknowledged stream
 *     (EX_USAGE).
 * Order: whatever a filter writes inside data() or barrier() stands before the control record
 * that follows. */
#ifndef TOOL_STAGE_H
#define TOOL_STAGE_H

#include "base/err.h"
#include "io/loop.h"
#include "io/out.h"
#include "proto/ctl.h"
#include "tool/counters.h"
#include "tool/prog.h"

struct stage;

/* Where data lines come from. */
struct origin {
	/* plain: operand or "standard input" (for messages); else NULL */
	const char *file;
	uint64_t line;      /* plain: number of the run's first line, from 1 */
	struct slice topic; /* acknowledged; p NULL before any `at` */
	int32_t partition;
	int64_t offset; /* of the run's first line */
	/* offsets count bytes: the next line's is + its length + 1; else + 1 */
	bool bytes;
	/* a foreign filter stands above: offset is the run's first for all its lines */
	bool inexact;
	/* the records' own timestamp, as ctl_at_time has it; where a stage has asked for times
	 * (ctl.h, hello) the timestamp itself; 0: not known */
	int64_t time_us;
	/* where the run's one record stood before it was sent again as a mended dead letter;
	 * p NULL: it was not, and the two below mean nothing */
	struct slice from_topic;
	int32_t from_partition;
	int64_t from_offset;
	uint64_t retries; /* how often the run's one record was sent again; else 0 */
	/* NULL: offsets follow from the first one; else see stage_takes_gaps. Valid as long as the
	 * run is */
	const struct origin_gaps *gaps;
};

/* stage_gaps.c */
int64_t origin_gaps_offset(const struct origin *o, size_t at);

/* The offset of the run's line nth, which begins at byte `at` of its block. */
static inline int64_t origin_offset(const struct origin *o, uint64_t nth, size_t at)
{
	if (o->gaps)
		return origin_gaps_offset(o, at);
	return o->inexact ? o->offset : o->offset + (int64_t)(o->bytes ? at : nth);
}

/* Whole data lines, each ends in \n; LINES_PAD readable bytes around. Valid during the call. */
struct run {
	struct slice block;
	struct origin origin;
};

struct filter {
	bool finds_dead; /* calls stage_dead; has --dead, or: */
	/* what it finds it stores itself; no --dead, and stage_dead only counts it, or tells those
	 * below who claim it */
	bool stores_dead;
	const char
		*dead_way; /* the option that takes the place of --dead in messages; NULL: none */
	/* its input lines are rollup rows (books: rows_in, rows_out), not records */
	bool rows;
	/* its input ends here (a window): `at`, `before` go no further */
	bool consumes;
	bool ends; /* nothing behind it: writes no stream (hta-commit) */

	/* All may be NULL but data. 0, or -1 with err, which ends the stage. */
	/* before the first byte is read */
	int (*open)(void *self, struct stage *st, struct err *err);
	/* the stream is a plain one */
	int (*plain)(void *self, struct stage *st, struct err *err);
	/* hello: append own members of this stage's element, each with a comma in front
	 * (,"sink":"pg:x","claims":true). */
	int (*hello)(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
		     struct err *err);
	/* `line` is the hello with this stage's element, after it was passed on: for hta-commit;
	 * sinks connect here or later. */
	int (*hello_returned)(void *self, struct stage *st, struct slice line, struct err *err);
	/* Returns the number of lines of the run through *lines (the skeleton counts bytes
	 * itself). */
	int (*data)(void *self, struct stage *st, const struct run *run, uint64_t *lines,
		    struct err *err);
	/* An epoch is complete: write what is owed, store; then the skeleton passes the barrier. */
	int (*barrier)(void *self, struct stage *st, const struct ctl *bar, struct err *err);
	/* The barrier was passed: may write control records that stand right behind it. */
	int (*barrier_passed)(void *self, struct stage *st, struct err *err);
	/* Every control record but hello, bar, at, and end (finish). May write `instead` (a
	 * whole line without \n) that is passed on in its place. */
	int (*control)(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
		       struct err *err);
	/* The end of the input of a plain stream, or `end` of an acknowledged one. */
	int (*finish)(void *self, struct stage *st, bool eof, struct err *err);
	/* A plain regular file: may read it itself (threads, pread) and return 1; 0: the
	 * skeleton shall read it. -1 err. */
	int (*file)(void *self, struct stage *st, int fd, const char *name, struct err *err);
	/* always, last */
	void (*close)(void *self, struct stage *st);
};

/* Options of every stage: --max-line, --foreign; with finds_dead --dead, --dead-limit, or
 * --dead-limit alone. Hand it to struct prog as `more`, stage_options() as more_self. */
extern const struct opt stage_opts[], stage_opts_dead[], stage_opts_limit[];
void *stage_options(void);

/* Runs the filter over operands (files; none: standard input). For struct prog's run. */
int stage_run(const struct filter *f, void *self, const char *const *files, size_t n_files,
	      struct err *err);

/* For struct prog's failed: where standard input and output are pipes or sockets and no line was
 * read yet, waits for the first one, at most 10 s. A hello is passed on, and `fail` behind it.
 * On a plain stream nothing is written. */
void stage_failed(void *self, const struct err *why);

/* ---- for filters */
struct loop *stage_loop(struct stage *st);
/* standard output: rows and passed lines; whole lines only */
struct out *stage_out(struct stage *st);
struct counters *stage_counters(struct stage *st);
bool stage_acknowledged(const struct stage *st);
const struct ctl_inc *stage_inc(const struct stage *st);
const char *stage_job(const struct stage *st);   /* NULL on a plain stream */
const char *stage_group(const struct stage *st); /* NULL: files */
uint64_t stage_max_line(const struct stage *st);

/* The account of the current epoch: filters add aggregated, late, filtered, duplicate; the
 * skeleton does in, out of passed data, bytes, dead. Written and cleared with the barrier.
 * rows_out and out: through stage_wrote. */
struct account *stage_account(struct stage *st);
/* data lines handed to stage_out by the filter */
void stage_wrote(struct stage *st, uint64_t lines, uint64_t bytes);
/* writes data lines on, and counts them */
int stage_pass(struct stage *st, struct slice block, uint64_t lines, struct err *err);

/* stage_pass for lines of the run, the first of which is its nth, at byte `at` of its block. Where
 * a line before them was not passed on as it came (stage_moved), their place is said first, if a
 * stage below knows records by their place; else that places are inexact from here on, so that
 * dead letters below name no other record's offset. shared: all lines are made of the run's nth,
 * and stand at its offset. */
int stage_pass_at(struct stage *st, const struct run *run, uint64_t nth, size_t at, bool shared,
		  struct slice block, uint64_t lines, struct err *err);
void stage_moved(struct stage *st);

/* From here on a run may have places inside at which offsets jump, as far as a filter above has
 * left lines out there; else each such place ends a run. For a filter that consumes its input, and
 * keeps no origin beyond the call. */
void stage_takes_gaps(struct stage *st);

/* Event time of the epoch: raises the partition's watermark; goes out with the barrier. */
void stage_watermark(struct stage *st, struct slice topic, int32_t partition, int64_t us);

/* A dead record. nth: its line in the run (0 first), at: its byte in the run's block. reason
 * without the record's text. */
int stage_dead(struct stage *st, const struct run *run, uint64_t nth, size_t at,
	       struct slice record, uint64_t size, const char *reason, struct err *err);

/* The same for one that is bad for a part of what the stage does with records, and in its books as
 * what the rest made of it: no dead record in the account. */
int stage_dead_partly(struct stage *st, const struct run *run, uint64_t nth, size_t at,
		      struct slice record, uint64_t size, const char *reason, struct err *err);

/* The same for one that is longer than --max-line: record is its kept start, size its length.
 * EX_DATAERR where the filter finds no dead records. */
int stage_dead_long(struct stage *st, const struct run *run, uint64_t nth, size_t at,
		    struct slice record, uint64_t size, struct err *err);

/* What a filter has read itself (file): for the counters and the closing words. */
void stage_took(struct stage *st, uint64_t lines, uint64_t bytes);

#endif
