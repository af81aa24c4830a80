/* Columns: what a measure keeps of a group, each with the rule by which two of it become one.
 * Sinks and mergers know these rules and no aggregate: to them an average is a COUNT and a SUM.
 *
 *   COUNT  an unsigned integer, added             SUM       a decimal, added
 *   MIN    a decimal, the lower one stays         MAX       a decimal, the higher one stays
 *   QUANTILES, HLL, SET                           a sketch (sketch/sketch_kind.h), merged
 *   LOWEST    a candidate (sketch/held.h), the lower one stays;  HIGHEST   the higher one stays
 *
 * A candidate is kept, merged and stored as a sketch is.
 *
 * All are commutative and associative, so a group's columns depend on its records only, never on
 * their order or on who added which. Without a record a COUNT and a SUM are 0, all others are
 * empty: what merging leaves unchanged.
 *
 * Name: MEASURE.OPERATION.PART ("latency.avg.sum"). A measure has one of letters, digits and
 * underscores, so the parts of a column's name can be told from each other: a reader finds the
 * operation that turns the columns of a measure into its value (agg/fn.h) without any
 * definition.
 *
 * In a row, by rule, then by name; decimals are strings, so that they pass filters that read
 * numbers as doubles; a sketch is base64 of its stored form; an empty one is null:
 *
 *   "columns":{"count":{"latency.avg.n":3},"sum":{"latency.avg.sum":"12.5"}} */
#ifndef ROW_COLUMNS_H
#define ROW_COLUMNS_H

#include "base/arena.h"
#include "base/dec.h"
#include "base/err.h"
#include "json/json.h"
#include "sketch/sketch_kind.h"

enum column_rule {
	COLUMN_COUNT,
	COLUMN_SUM,
	COLUMN_MIN,
	COLUMN_MAX,
	/* sketches from here on, in the order of enum sketch_kind */
	COLUMN_QUANTILES,
	COLUMN_HLL,
	COLUMN_SET,
	COLUMN_LOWEST,
	COLUMN_HIGHEST,
	COLUMN_RULES,
};
_Static_assert((int)COLUMN_RULES - (int)COLUMN_QUANTILES == (int)SKETCH_KINDS &&
		       COLUMN_HIGHEST - COLUMN_QUANTILES == (int)SKETCH_HIGHEST,
	       "a rule a kind of sketch");

enum { COLUMNS_MAX = 256 }; /* of one metric */

/* "count", "sum", "min", "max", "quantiles", "hll", "set", "lowest", "highest" */
extern const char *const column_rules[COLUMN_RULES];

static inline bool column_is_sketch(enum column_rule rule)
{
	return rule >= COLUMN_QUANTILES;
}

/* of such a rule */
static inline const struct sketch_ops *column_sketch(enum column_rule rule)
{
	return &sketch_ops[rule - COLUMN_QUANTILES];
}

struct column {
	enum column_rule rule;
	struct slice name;
};

/* A column with what it holds in one row. */
struct cell {
	struct column column;
	bool empty; /* never a COUNT or a SUM */
	union {
		uint64_t count;
		dec value;
		struct slice sketch; /* its stored form; not looked at before it is merged */
	};                           /* by rule; undefined where empty */
};

/* Order in a row: rule, then the name's bytes. */
int column_cmp(const struct column *a, const struct column *b);

/* What `from` holds, into `to` of the same column, which keeps its own name: a sketch goes to the
 * arena. */
void cell_copy(struct cell *to, const struct cell *from, struct arena *arena);

/* Merges b into a, two cells of one column; a's sketch is in the arena then, its name its own.
 * False: the result is out of range, or one of them is no sketch; a is unchanged. */
bool cell_merge(struct cell *a, const struct cell *b, struct arena *arena);

bool cell_equal(const struct cell *a, const struct cell *b);

/* Reads the object at node `at` of a parsed text: at most COLUMNS_MAX cells, put in order. Names
 * are slices of the text, which have no escapes; sketches are slices of what is appended to
 * `scratch`, which has room for the bytes of the text and so does not move. EX_DATAERR with the
 * reason: an unknown rule, a name that is none or stands twice, a value of the wrong kind or
 * range. A member "estimates", which a store may keep for people, is passed over. */
int cells_parse(const struct json *j, uint32_t at, struct cell out[COLUMNS_MAX], size_t *n,
		struct buf *scratch, struct err *err);

/* Where the sketches begin, which stand behind all others; n: there is none. */
size_t columns_first_sketch(const struct cell *cell, size_t n);

/* Appends the object. Cells are in order. */
void cells_format(const struct cell *cell, size_t n, struct buf *out);

/* The parts of a column's name. False: it is none. */
struct column_name {
	struct slice measure, operation, part;
};
bool column_name_parse(struct slice name, struct column_name *out);

/* MEASURE is 1 to 63 bytes of letters, digits and underscores that do not begin with a digit. */
bool measure_name_ok(struct slice name);

/* The columns of a metric as a JSON array, for the hello and for stores:
 * [["count","latency.avg.n"],..]. */
void columns_format(const struct column *column, size_t n, struct buf *out);
/* Reads it back; names are slices of the text. EX_DATAERR. */
int columns_parse(const struct json *j, uint32_t at, struct column out[COLUMNS_MAX], size_t *n,
		  struct err *err);

#endif
