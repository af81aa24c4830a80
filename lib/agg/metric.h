/* A metric: name, window and the fields that it groups by and measures.
 *
 * What decides its deltas has one canonical text, whose hash is the metric's cfg: a metric in a
 * store never changes its meaning under one name.
 *
 *   hta-metric 1\n
 *   every 60000000\n             window_canonical; of tumbling windows the length, us
 *   time .ts\n                   path_canonical, as all paths; or @kafka, which is none
 *   unit s\n                     s, ms, us or ns; left out for RFC 3339
 *   zone Europe/Berlin\n         zone_name; left out where none is given
 *   format clf\n                 timeform_name; left out where none is given
 *   by .endpoint\n               a line a dimension, in order of its name; behind it, where a rule
 *                               says so, its own name as a JSON string and its shape (agg/shape.h):
 *                               by .status as "class" class 100\n
 *   value .latency_ms\n          left out where there is none
 *   uniq .user_id\n              left out where there is none
 *   where ".ok"\n               --where as a JSON string; left out where there is none
 *   agg NAME avg .latency_ms\n   a line a measure of --agg, in order of its name; further arguments
 *                               (the second path of arg_max too) follow, and then, of one with a
 *                               condition, if and the condition as a JSON string:
 *                               agg errors count if ".status >= 500"\n
 *   exact\n                      only with --exact
 *   ahead 600000000\n            only with --ahead dead: --max-ahead, us
 *
 * cfg = XXH3-64 of that text, 16 hex digits, most significant first. The name is no part of it,
 * nor is lateness. */
#ifndef AGG_METRIC_H
#define AGG_METRIC_H

#include <stdbool.h>
#include "base/err.h"
#include "agg/fn.h"
#include "agg/shape.h"
#include "agg/window_kind.h"
#include "json/path.h"
#include "scan/value.h"

/* With these and KEY_VALUE_MAX the longest row, all characters escaped, is below 1 MiB: a sink's
 * --max-line. */
enum { METRIC_NAME_MAX = 200, METRIC_DIMS_MAX = 32, METRIC_DIM_NAME_MAX = 1024 };
enum { METRIC_CFG_CHARS = 16 };
/* Columns that are sketches. A set of hashes has up to 107 KB in a row: so many of them beside
 * dimensions of a common length leave it below 1 MiB. */
enum { METRIC_SKETCHES_MAX = 8 };
/* A value that is held has up to 11 KB in a row, its measure included: so many of them count as
 * one sketch. */
enum { METRIC_HELD_PER_SKETCH = 8 };

/* NAME=OP(PATH, ARG, ..) if CONDITION, of --agg. */
struct metric_measure {
	char *name;
	const struct agg_fn *fn;
	char *op; /* the name it was asked for by: p99 */
	bool has_path, has_by;
	struct path path, by; /* by: of arg_min and arg_max, what they choose by */
	dec *arg;
	size_t args;
	char *where; /* NULL: no condition */
};
struct fn_args metric_measure_args(const struct metric_measure *m);
void metric_measure_fini(struct metric_measure *m);

/* What becomes of final rows; of stored ones nothing does, so it is no part of the cfg. */
struct metric_final {
	uint64_t top; /* rows of a window, those with the highest numbers; 0: all */
	char *top_by; /* "count", or the name of another number */
	/* Without fold: groups that are too many. With it: groups of one window, beyond which these
	 * dimensions of it (bit i: dim[i]) are METRIC_OTHER. 0: no bound. */
	uint64_t groups_max;
	uint32_t fold;
};
#define METRIC_OTHER "__other__"
_Static_assert(METRIC_DIMS_MAX <= 32, "a set of dimensions has 32 bits");

struct metric {
	char *name;
	struct window_spec window;
	size_t n_dims;
	struct path *dim; /* in order of their names (bytes), which are distinct */
	/* of each dimension: its shape, and whether its name is not its path's */
	struct metric_shaped {
		struct shape shape;
		bool named;
	} * shaped;
	bool has_shapes; /* one of them is not plain, or named: a path may stand twice then */
	bool has_value, has_uniq;
	struct path value, uniq;
	char *where; /* which records count; NULL: all */
	size_t n_measures;
	/* in order of their names (bytes), which are distinct */
	struct metric_measure *measure;
	struct metric_final final;
};

/* Where the path of the event time stands: the record's own timestamp. No path is written so. */
#define METRIC_LOG_TIME "@kafka"

/* What all metrics of a run share. */
struct metric_common {
	struct path time; /* log_time: its name is METRIC_LOG_TIME, and it has no steps */
	bool log_time;    /* the event time is the record's own timestamp */
	struct value_when when;
	bool exact;           /* more than nine decimals are bad data instead of rounded */
	int64_t max_ahead_us; /* a time further ahead moves no watermark (agg/ahead.h) */
	bool ahead_dead;      /* ... and is bad data */
};

/* by enum value_unit: "", "s", "ms", "us", "ns" */
extern const char *const metric_units[];

void metric_fini(struct metric *m);

/* 1 to METRIC_NAME_MAX bytes of UTF-8 without control characters. EX_USAGE. */
int metric_name_check(const char *name, struct err *err);

/* Adds the paths of a comma-separated list as dimensions; an empty list adds none. EX_USAGE: a
 * path is wrong, a name longer than METRIC_DIM_NAME_MAX bytes, two dimensions of one name. */
int metric_add_dims(struct metric *m, struct slice list, struct err *err);
/* One path with its shape, which is copied; as: its name, p NULL: as the path says. EX_USAGE. */
int metric_add_shaped(struct metric *m, struct slice path, struct slice as,
		      const struct shape *shape, struct err *err);

/* Adds a measure: "NAME=OPERATION(PATH, ARG, ..) if CONDITION", or without NAME= named after
 * operation and path, dots as underscores. EX_USAGE: not of that form, an unknown operation, two
 * measures of one name, too many arguments. The condition is not looked at. A plain count adds
 * nothing: rows have it anyway. */
int metric_add_measure(struct metric *m, const char *text, struct err *err);

/* N or N:MEASURE. EX_USAGE: not of that form. */
int metric_set_top(struct metric *m, const char *text, struct err *err);
/* A list of paths, all of which are dimensions already. EX_USAGE. */
int metric_set_fold(struct metric *m, struct slice list, struct err *err);

/* XXH3-64 of a text as METRIC_CFG_CHARS hex digits and a NUL. */
void metric_hash_text(struct slice text, char out[METRIC_CFG_CHARS + 1]);

void metric_cfg(const struct metric *m, const struct metric_common *c,
		char out[METRIC_CFG_CHARS + 1]);

/* Appends the definition for people and stores: {"every":"1m","time":"ts","unit":"ms",
 * "zone":"UTC","format":"clf","by":["endpoint"],"value":"latency_ms","uniq":"user_id",
 * "agg":{"latency":"avg(latency_ms)"},"exact":true,"max_ahead":"10m"}; members that do not apply
 * are left out, but for "by". */
void metric_describe(const struct metric *m, const struct metric_common *c, struct buf *out);

#endif
