/* Rules: what a metric counts, as people write it. One tree with three notations:
 *
 *   JSON   {"rule_id":"errors","window_size":"1m","group_by":["endpoint"],
 *           "aggregates":{"errors":{"count":true,"where":".status >= 500"}}}
 *   flags  --metric errors --every 1m --by endpoint --agg 'errors=count if .status >= 500'
 *   line   'errors=count if .status >= 500 by endpoint every 1m'
 *
 * This module reads JSON and lines into the tree, and writes the tree as JSON. It checks names,
 * types, durations, operations and what goes together; paths and conditions stay texts, which
 * their own modules read (json/path.h, scan/predicate.h). It knows no files: the caller reads
 * them. All slices of a rule live in the arena of its set; p NULL: not given. */
#ifndef AGG_RULE_H
#define AGG_RULE_H

#include "base/arena.h"
#include "base/dec.h"
#include "base/err.h"

#define RULE_COUNT_MOST (1ULL << 53) /* of whole numbers: versions, groups */

enum rule_window_kind { RULE_NO_WINDOW, RULE_TUMBLING, RULE_HOPPING, RULE_SESSION };

struct rule_window {
	enum rule_window_kind kind;
	int64_t size_us, slide_us; /* tumbling: size only; hopping: slide divides size */
	int64_t gap_us, length_us; /* session; length 0: no bound */
};

struct rule_dim {
	struct slice path, as;
	bool lower, explode;
	uint32_t bytes_max; /* 0: not given */
	/* class: a step (100: "5xx"), or bounds in ascending order */
	uint32_t class_step;
	dec *bound;
	size_t bounds;
};

struct rule_measure {
	struct slice name; /* p NULL: named after operation and path */
	/* count, sum, .., or p and the digits of a quantile: p50, p999 is 0.999 */
	struct slice op;
	struct slice path;  /* p NULL: of lines, not of values (count, rate) */
	struct slice by;    /* arg_min, arg_max */
	struct slice where; /* the measure's own condition */
	dec *arg;           /* quantiles: 0 to 1; histogram: bounds in ascending order */
	size_t args;
};

struct rule_input {
	bool file;
	struct slice text; /* a file's name, or a line */
};

struct rule_test {
	struct slice name;
	struct rule_input *in;
	size_t inputs;
	struct slice *row; /* JSON objects */
	size_t rows;
	bool has_late, has_dead, exact; /* exact: no other rows; else rows are a subset */
	uint64_t late, dead;
};

struct rule {
	struct slice id;  /* p NULL: of a line, which has none */
	uint64_t version; /* 1 if none is given */
	bool active;
	bool retired; /* not active: its rows stay, and the name takes a higher version */
	struct rule_window window;
	struct slice time, unit, format, zone, where, note;
	struct rule_dim *dim;
	size_t dims;
	struct rule_measure *measure;
	size_t measures;
	int64_t lateness_us; /* -1: not given */
	uint64_t groups_max; /* 0: not given */
	struct slice *fold;
	size_t folds;
	struct rule_test *test;
	size_t tests;
	unsigned line; /* of its text, from 1 */
	/* as it stands in the text that was read, lent by it; p NULL: of a line */
	struct slice source;
};

struct rules {
	struct rule *v;
	size_t n;
	struct arena arena;
}; /* {0}: none yet */

void rules_fini(struct rules *r);

/* Adds the rules of a text: one object, an array of objects, or objects one after the other.
 * EX_CONFIG, "FILE:LINE:COLUMN: reason", where anything is wrong; then nothing was added. file is
 * for messages. A rule_id that is in the set already is an error. */
int rules_parse(struct rules *r, const char *file, struct slice text, struct err *err);

/* The same for who wants to know all that is wrong: each is handed over as it is found, and the
 * rules that are whole are added. Returns how many errors there were. What is behind broken JSON is
 * looked at as far as its brackets tell where the next value begins. */
typedef void rules_broken_fn(void *arg, const struct err *err);
size_t rules_parse_all(struct rules *r, const char *file, struct slice text,
		       rules_broken_fn *broken, void *arg);

/* Adds the rule of a line: measure, .. [by dim, ..] [every DUR [slide DUR] | gap DUR [max DUR]]
 * [where PRED]; a measure is [NAME =] count or OP(PATH, ..), and [if PRED]. EX_USAGE with the byte
 * where it fails. */
int rules_add_line(struct rules *r, struct slice text, struct err *err);

/* What the last rule says, which is a line's, comes to the one before it, and it is gone: as where
 * hta-window is given several lines for one metric. EX_USAGE: both say a window, and not the same.
 */
int rules_join(struct rules *r, struct err *err);

/* One measure of --agg, as in a line; slices in the arena. EX_USAGE. */
int rule_measure_parse(struct arena *a, struct slice text, struct rule_measure *out,
		       struct err *err);

/* Appends the measure's name: its own, or one after operation and path, "p99_latency_ms". */
void rule_measure_name(const struct rule_measure *m, struct buf *out);

/* Appends the measure as rule_measure_parse reads it: "errors=count if .status >= 500". */
void rule_measure_text(const struct rule_measure *m, struct buf *out);

/* Appends the rule as JSON in its canonical form: members in one order, what is not given left
 * out, durations in their largest unit. Rules that mean the same but for defaults have one text. */
void rule_json(const struct rule *r, struct buf *out);

/* ---- operations */
enum rule_op_needs {
	RULE_OP_PATH = 1,      /* a path is required */
	RULE_OP_NO_PATH = 2,   /* may do without one */
	RULE_OP_BY = 4,        /* a second path */
	RULE_OP_QUANTILES = 8, /* numbers 0 to 1 */
	RULE_OP_BOUNDS = 16,   /* ascending numbers */
};
struct rule_op {
	const char *name;
	unsigned needs;
};
/* The i-th, "p" the last one; NULL behind it. */
const struct rule_op *rule_op_at(size_t i);
/* NULL: there is none of this name; pNN is found as "p". */
const struct rule_op *rule_op_find(struct slice name);
/* "unknown operation \"cuont\" (did you mean \"count\"?)". */
int rule_op_unknown(struct slice name, int code, struct err *err);
/* The quantile of pNN: p50 is 0.5, p999 is 0.999. False: it is none (at least two digits, nine at
 * most, not all zeros). */
bool rule_op_quantile(struct slice name, dec *q);

#endif
