/* Columns: what a measure keeps of a group, each with the rule by which two of it become one.
 * Sinks and mergers know these rules and no aggregate: to them an average is a COUNT and a SUM.
 *
 *   COUNT  an unsigned integer, added             SUM       a decimal, added
 *   MIN    a decimal, the lower one stays         MAX       a decimal, the higher one stays
 *
 * All are commutative and associative, so a group's columns depend on its records only, never on
 * their order or on who added which. Without a record a COUNT and a SUM are 0, a MIN and a MAX
 * are empty: what merging leaves unchanged.
 *
 * Name: MEASURE.OPERATION.PART ("latency.avg.sum"). A measure has one of letters, digits and
 * underscores, so the parts of a column's name can be told from each other: a reader finds the
 * operation that turns the columns of a measure into its value (agg/fn.h) without any
 * definition.
 *
 * In a row, by rule, then by name; decimals are strings, so that they pass filters that read
 * numbers as doubles; an empty one is null:
 *
 *   "columns":{"count":{"latency.avg.n":3},"sum":{"latency.avg.sum":"12.5"}} */
#ifndef ROW_COLUMNS_H
#define ROW_COLUMNS_H

#include "base/dec.h"
#include "base/err.h"
#include "json/json.h"

enum column_rule { COLUMN_COUNT, COLUMN_SUM, COLUMN_MIN, COLUMN_MAX, COLUMN_RULES };

enum { COLUMNS_MAX = 256 }; /* of one metric */

extern const char *const column_rules[COLUMN_RULES]; /* "count", "sum", "min", "max" */

struct column {
	enum column_rule rule;
	struct slice name;
};

/* A column with what it holds in one row. */
struct cell {
	struct column column;
	bool empty; /* of a MIN or MAX only */
	union {
		uint64_t count;
		dec value;
	}; /* by rule; undefined where empty */
};

/* Order in a row: rule, then the name's bytes. */
int column_cmp(const struct column *a, const struct column *b);

/* Merges b into a, two cells of one column. False: the result is out of range; a is unchanged. */
bool cell_merge(struct cell *a, const struct cell *b);

bool cell_equal(const struct cell *a, const struct cell *b);

/* Reads the object at node `at` of a parsed text: at most COLUMNS_MAX cells, put in order. Names
 * are slices of the text, which have no escapes. EX_DATAERR with the reason: an unknown rule, a
 * name that is none or stands twice, a value of the wrong kind or range. */
int cells_parse(const struct json *j, uint32_t at, struct cell out[COLUMNS_MAX], size_t *n,
		struct err *err);

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
