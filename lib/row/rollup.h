/* Rollup rows: what a window emits and a sink stores. One JSON object a line:
 *
 *  {"op":"set","metric":"events","window_start":"2026-11-20T15:00:00Z",
 *   "window_end":"2026-11-20T15:01:00Z","dims":{"endpoint":"/a","status":200},
 *   "dims_hash":"<32 hex>","count":10,"value_count":9,"sum":12.5,"min":0.1,"max":9,
 *   "uniq":7,"uniq_sketch":"<base64>"}
 *
 * op "add": a delta that the sink adds: sum, min, max are strings there (they pass filters that
 * read numbers as doubles). Measures that the metric does not have are left out: value_count,
 * sum, min, max belong to --value; uniq, uniq_sketch to --uniq. With --value and no value in the
 * row, value_count is 0 and sum, min, max are null. uniq is the sketch's estimate. uniq_sketch
 * is base64 of hll_encode (sketch/hll.h).
 * Measures of --agg: "columns" (columns.h) is what they keep, in rows of both kinds; "measures"
 * are their values by name, in "set" rows only, for people: {"latency":4.5}, null where there is
 * none. Key: (metric, window_start, window_end, dims_hash). */
#ifndef ROW_ROLLUP_H
#define ROW_ROLLUP_H

#include "base/dec.h"
#include "base/err.h"
#include "json/json.h"
#include "row/columns.h"

struct rollup {
	bool add; /* op: add or set */
	struct slice metric;
	int64_t start_us, end_us;
	struct slice dims; /* JSON object text, canonical order */
	uint8_t dims_hash[16];
	uint64_t count;
	bool has_value; /* measures of --value are there */
	uint64_t value_count;
	dec sum, min, max; /* undefined where value_count is 0 */
	bool has_uniq;
	uint64_t uniq;
	struct slice sketch; /* decoded hll_encode bytes; empty: left out */
	/* in order (column_cmp); not owned; merging writes into them */
	struct cell *cell;
	size_t cells;
	struct slice measures; /* to be written: a JSON object; empty: none */
	bool valued;           /* of a row that was read: it has "measures" */
};

/* {0} to start */
struct rollup_reader {
	struct json json;
	struct buf scratch;
	struct cell *cell;
};
void rollup_reader_fini(struct rollup_reader *r);

/* Reads one row. EX_DATAERR with the reason where a member is missing, of the wrong type, or the
 * hash is not 32 hex digits; where the window is empty, value_count above count or max below
 * min; where a measure stands without its group (sum without value_count, uniq_sketch without
 * uniq). null is missing; counts and numbers may be strings. The hash is not compared with dims
 * (a missing dimension is not in there), nor the sketch with uniq. Slices point into line or
 * r->scratch and are valid until the next call. Unknown members are ignored. */
int rollup_parse(struct rollup_reader *r, struct slice line, struct rollup *out, struct err *err);

/* Appends the row and \n. sketch: false leaves out what only stores and mergers need:
 * uniq_sketch, columns. */
void rollup_format(const struct rollup *row, bool sketch, struct buf *out);
/* The same in two halves: up to the window, which all rows of a metric's window have in common, and
 * what follows. */
void rollup_format_window(const struct rollup *row, struct buf *out);
void rollup_format_group(const struct rollup *row, bool sketch, struct buf *out);

/* Order of the primary key: metric, start, end (bytes of dims_hash last): how sinks lock rows. */
int rollup_key_cmp(const struct rollup *a, const struct rollup *b);

/* a += b for rows of one key (add into add, add into set), a's cells in place, merged sketches of
 * cells in the arena. False: a number overflowed, the rows have other columns, or what should be
 * a sketch is none; a is of no use then. uniq and sketch are not touched: the epoch's batch merges
 * them. */
bool rollup_add(struct rollup *a, const struct rollup *b, struct arena *arena);

#endif
