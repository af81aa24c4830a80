/* The engine: lines into groups. One per thread; knows no files, no stream, no clock.
 *
 * What a metric counts is a function of the line and of that metric; with a lateness also of the
 * times of the lines before it. So its rows are the same whatever other metrics the plan has. A
 * line that is no JSON or has no time is bad for all metrics. All else is judged for each metric
 * alone, in the order below and before the first addition: a line that is bad for one counts in the
 * others. A line that some metric counts is counted; else, where it is bad for one, dead; else,
 * where it is late for one, late; else filtered.
 *   time     of the record (engine_records), or a field: missing, null or of the wrong type or
 *            range: bad. A number needs the plan's unit; a string is of the plan's form, or RFC
 *            3339 or one of the wider forms where it has none, else a number with the unit; a
 *            local time needs the plan's zone (value.h). The time of a line moves the watermark,
 *            whatever the metrics find in it
 *   where    a metric wants the lines for which its condition holds; what it does not want is not
 *            looked at further. A condition that is an error: bad
 *   by       string, number, boolean, null and missing are values; arrays, objects, lone
 *            surrogates, NUL, more than KEY_VALUE_MAX bytes (a number:
 *            characters without an exponent): bad
 *   value    missing and null: counted in count only; else a number, in quotes or not, in range
 *            (with exact: of at most nine decimals), or bad. Those of a measure with a condition
 *            are looked at where it holds
 *   first, last, arg_min, arg_max
 *            missing and null: not counted; string (decoded, at most HELD_VALUE_MAX bytes, no
 *            lone surrogate, no NUL), number (of as many characters, also without an exponent) and
 *            boolean; else dead. So is what they choose by
 *   uniq     missing and null: not counted; string, number and boolean by their text (as in
 *            keys), so that registers equal PFADD's; else bad */
#ifndef AGG_ENGINE_H
#define AGG_ENGINE_H

#include "agg/ahead.h"
#include "agg/metric_state.h"
#include "agg/plan.h"

struct engine;

/* A line that some metric or all refuse. One that is late for one and bad for another is told
 * twice. */
struct engine_refusal {
	uint64_t nth; /* number and first byte in the block */
	size_t at;
	struct slice record;
	const char *reason;
	bool late;    /* else bad */
	bool counted; /* by another metric */
};
/* 0, or -1 with err, which ends the block. */
typedef int engine_refused_fn(void *arg, const struct engine_refusal *r, struct err *err);

#define ENGINE_NO_LATENESS INT64_MAX

struct engine_counts {
	uint64_t lines, counted, blank, dead, late, filtered; /* lines = the others together */
	/* of the counted ones: those that another metric refuses, those that are late for one */
	uint64_t partly, partly_late;
	uint64_t valid;   /* lines that are well formed, whether they count or not */
	uint64_t rounded; /* values of more than nine decimals, in counted lines */
	uint64_t cut;     /* keys of counted lines with a string that was cut */
	/* lines too far ahead, which are counted or (ahead_dead) dead */
	uint64_t ahead;
	int64_t ahead_us;        /* the highest of their times, POS_NONE: none */
	uint64_t twice, skipped; /* counted lines whose local time came twice, or never was */
	uint64_t fields;         /* set of the plan's fields that some valid line had */
	/* highest time of all lines but those, POS_NONE: none */
	int64_t watermark_us;
};

/* A state a metric of the plan, empty.
 * lateness_us: a line is late for a metric when the window that it belongs to ended that long
 * before the highest time so far; ENGINE_NO_LATENESS: none is. With a lateness the
 * tables list their windows. The plan is borrowed. */
struct engine *engine_new(const struct plan *plan, int64_t lateness_us);
void engine_free(struct engine *w);

/* Where the lines of the next blocks come from, and so what their times are held against
 * (agg/ahead.h, the plan's max_ahead_us): the records' own timestamp, time_us, to the minute; or,
 * 0, their order, `order`, which with a lateness is there already; or, NULL, nothing: then the
 * lines' times are appended to `times` (NULL: they are not; nor without a bound), an int64_t each,
 * for the caller to judge. The two are borrowed. */
void engine_from(struct engine *w, int64_t time_us, struct ahead *order, struct buf *times);

/* The timestamps of the next block's records, where they are the event times (the plan's log_time):
 * of each line its own, or of all the same one; 0: it has none, and is bad. Borrowed. */
void engine_records(struct engine *w, const int64_t *us, bool each);
/* The plan's log_time. */
bool engine_wants_records(const struct engine *w);

/* A block of whole lines, with SCAN_PAD readable bytes around it. EX_DATAERR from table_add, or
 * what refused returned. */
int engine_block(struct engine *w, struct slice block, engine_refused_fn *refused, void *arg,
		 struct err *err);

/* Appends the event times of the block's lines to `times`, an int64_t each; counts nothing. */
void engine_peek(struct engine *w, struct slice block, struct buf *times);

/* sums; lines are refused before they are in them */
struct engine_counts *engine_counts(struct engine *w);
/* The sums so far, and starts anew; with a lateness the watermark stays. */
struct engine_counts engine_counts_take(struct engine *w);
void engine_counts_add(struct engine_counts *to, const struct engine_counts *from);
/* Of the plan's metric of that number. */
struct metric_state *engine_state(struct engine *w, size_t metric);
size_t engine_groups(const struct engine *w); /* of all metrics */
/* Adds all groups of `from`, which has the same plan and is empty then. EX_DATAERR as from
 * table_merge. */
int engine_merge(struct engine *w, struct engine *from, struct err *err);
void engine_clear(struct engine *w); /* forgets all groups */

/* Goes on with another plan, between two blocks. The state of each metric that the new one has
 * under the same name with the same cfg stays, with all groups and counters; others begin empty.
 * Those that are not in it any more become the caller's: gone has room for as many as the old plan
 * has metrics; returns how many. The old plan is not used any more. The watermark stays, and
 * engine_from is to be said anew. */
size_t engine_replan(struct engine *w, const struct plan *plan, struct metric_state **gone);

#endif
