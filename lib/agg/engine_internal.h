/* Inside of the engine: engine.c (counting), engine_judge.c (what each metric makes of a batch),
 * engine_plan.c (what a plan makes of it), engine_held.c (candidates of values that are held),
 * engine_shape.c (keys whose dimensions have shapes),
 * engine_times.c (watermark, late lines, times too far ahead), engine_why.c (what is wrong with a
 * line that a metric refuses). */
#ifndef AGG_ENGINE_INTERNAL_H
#define AGG_ENGINE_INTERNAL_H

#include "agg/directory.h"
#include "agg/key.h"
#include "agg/engine.h"
#include "sketch/held.h"

#define for_each_line(i, set)                                             \
	for (uint64_t left_##i = (set), i;                                \
	     left_##i && (i = (uint64_t)__builtin_ctzll(left_##i), true); \
	     left_##i &= left_##i - 1)
#define BIT(i) (1ULL << (i))

/* A metric's state, and what of it goes with the plan. */
struct engine_metric {
	struct metric_state *state;
	uint16_t n_measures, n_columns, n_kept; /* the definition's */
	struct engine_measure *measure;
	struct engine_column *column;
	struct table_contribution *contribution; /* of each column: nothing to a COUNT */
	/* Of the batch: the lines that count, that are bad or late for the metric; that each
	 * measure takes, that each column takes. */
	uint64_t live, bad, late, *measured, *contributes;
};

/* A measure takes the lines that its condition holds for, which have what it is taken of. Those
 * that are not good are bad. All are sets of the batch, all lines where there is nothing to ask. */
struct engine_measure {
	const struct predicate_sets *where;
	const uint64_t *has, *good;
	int present;  /* the field that has to be there, -1: none */
	bool limited; /* values may be beyond what the aggregate takes */
};

struct engine_column {
	uint16_t measure;
	bool selects; /* the aggregate says which of the measure's lines contribute */
};

/* The keys of the batch, of one of the plan's keys. */
struct engine_key {
	struct buf room, timed;
	const char *key[SCAN_BATCH];  /* in the room, or with their times in `timed` */
	struct engine_shaped *shaped; /* NULL: its fields are the scanner's */
	struct table_keys known;
	uint64_t wanted, good; /* lines: that some metric wants a key of, that have one */
	/* of a key that enough metrics have: its numbers, for their tables */
	struct directory *directory;
	size_t limit; /* so many keys are worth a look at how many groups there are */
	uint32_t number[SCAN_BATCH];
	bool numbered; /* those of the batch are there */
};
enum { KEY_SHARERS_MIN = 3, KEY_NUMBERS_MIN = 1 << 12 };

struct engine {
	const struct plan *plan;
	int64_t lateness_us;
	struct scan *scan;
	struct scan_batch batch;
	struct engine_metric *metric;
	/* The metrics' own, one behind the other: with many rules a batch walks through all. */
	struct engine_measure *measures;
	struct engine_column *columns;
	struct table_contribution *added;
	uint64_t *all_measured, *all_contributes;
	uint64_t every;                      /* all lines */
	struct predicate_sets unconditional; /* holds for all of them */
	struct engine_key *key;
	struct engine_counts counts;
	struct value_clock clock;
	struct key_scratch scratch;
	struct ahead own;    /* the order of a plain stream's lines */
	struct ahead *order; /* as in engine_from */
	struct buf *times;
	int64_t limit_us;         /* a time beyond is too far ahead */
	const int64_t *record_us; /* of the next line to be read, as in engine_records */
	bool record_each;

	/* Of the batch: an entry a line, sets with a bit a line. */
	int64_t time_us[SCAN_BATCH];
	dec time_dec[SCAN_BATCH];    /* the same, where a metric keeps times */
	int64_t mark_us[SCAN_BATCH]; /* of late lines: the highest time before each */
	uint64_t twice, skipped;
	dec (*value)[SCAN_BATCH];                   /* a row a column of the plan */
	uint64_t *has_value, *rounded, *good_value; /* good: a value, or none at all */
	uint64_t *beyond;             /* values beyond the lowest limit of those who ask for them */
	struct condition **condition; /* those of the plan */
	struct predicate_sets *holds; /* what they say of the batch */
	struct engine_contribution {
		const struct agg_fn *fn;
		size_t value;
		dec part[FN_OWN_MAX][SCAN_BATCH];
		uint64_t item[SCAN_BATCH];
	} * contribution;
	/* of aggregates that add something else than the value */
	size_t n_contributions;
	uint64_t (*uniq)[SCAN_BATCH];
	uint64_t *has_uniq, *good_uniq;
	struct engine_held {
		uint64_t has, good;
		uint64_t item[SCAN_BATCH]; /* addresses of the candidates, which are in text */
		struct slice candidate[SCAN_BATCH];
		struct buf text, value_text, by_text;
	} * held;       /* a row a column of the plan */
	uint64_t ahead; /* dead for being too far ahead, and nothing else */
};

static inline const struct field *engine_field(const struct engine *w, unsigned line, size_t field)
{
	return &w->batch.field[line * w->plan->n_fields + field];
}

/* What of a field can be held: HELD_NONE where it is null or missing; whether a number is one is
 * not looked at. The text points into the field or scratch. */
enum key_result engine_held_value(const struct field *f, struct buf *scratch,
				  struct held_value *out);
/* The candidates of a column of the plan for these lines of the batch, whose times are read. */
void engine_read_held(struct engine *w, size_t column, uint64_t lines);

/* What keys are built of: as for key_build_lines; bytes: of the texts of all in all. */
struct engine_fields {
	const struct field *fields;
	size_t width;
	const uint8_t *index;
	size_t bytes;
};
/* Builds the keys of lines, and sets which of them have one. */
void engine_build_keys(struct engine *w, size_t key, const struct engine_fields *from,
		       uint64_t lines);

/* NULL: the metric's dimensions have no shapes. */
struct engine_shaped *engine_shaped_new(const struct metric *m);
void engine_shaped_free(struct engine_shaped *s); /* NULL is fine */
/* The keys of the first pass, and which of the wanted lines have keys in all passes. */
void engine_judge_shaped(struct engine *w, size_t key);
/* How many passes the batch has; 0: the key has no shapes, or no line. */
unsigned engine_passes(const struct engine *w, size_t key);
/* Of the lines those of a pass, whose keys are built: those of the one before are gone. */
uint64_t engine_pass(struct engine *w, size_t key, unsigned pass, uint64_t lines);
/* The lines of the pass that was built last of which a string was cut. */
uint64_t engine_cut(const struct engine *w, size_t key);

/* Reads the times of the batch; the lines that have one. */
uint64_t engine_read_times(struct engine *w);
/* The same of the records' own timestamps, which are used up. */
uint64_t engine_take_record_times(struct engine *w, uint64_t lines);
/* Fills the columns, and of each metric `live` and `bad`: of the lines in the set, which have a
 * time. */
void engine_judge(struct engine *w, uint64_t timed);
/* The lines whose value in that column of the plan is beyond a limit; 0: any is fine. */
uint64_t engine_beyond(const struct engine *w, size_t column, dec limit);

/* Raises the watermark, sets w->ahead, returns those of the lines that are late for some metric, if
 * that wants them. */
uint64_t engine_judge_times(struct engine *w, uint64_t timed);
/* Those of the late lines that are late for that metric. */
uint64_t engine_late_for(const struct engine *w, size_t metric, uint64_t late);
/* Appends the times of those of the batch's lines. */
void engine_keep_times(const struct engine *w, uint64_t lines, struct buf *times);
/* Why the lines in w->ahead are dead, as text of err. */
void engine_why_ahead(const struct engine *w, struct err *why);

/* Why the line of the batch is bad, as text of err, with the metrics that it is bad for. BUG where
 * it is not. counted: others count it. */
void engine_why(struct engine *w, unsigned line, bool counted, struct err *why);
/* The same of a line that is late. */
void engine_why_late(const struct engine *w, unsigned line, bool counted, struct err *why);

#endif
