/* What one run of hta-window is to count: its metrics, and the fields that a line is scanned for.
 *
 * Made from options in the order of the command line: those before the first plan_metric are
 * everybody's, those after one are its own and replace everybody's; within one scope dimensions
 * add up and other options are replaced by later ones. Without plan_metric there is one metric,
 * "events". Texts are borrowed until plan_finish. */
#ifndef AGG_PLAN_H
#define AGG_PLAN_H

#include "xform/condition.h"
#include "agg/metric_def.h"
#include "agg/rule.h"
#include "scan/scan.h"

struct plan_builder;

struct plan_builder *plan_builder_new(void);
void plan_builder_free(struct plan_builder *b);
/* Another one that was told the same, but for zone and format; metrics false: only what is
 * everybody's. The texts of options stay borrowed. */
struct plan_builder *plan_builder_copy(const struct plan_builder *b, bool metrics);

bool plan_has_metric(const struct plan_builder *b, struct slice name);

/* EX_USAGE. An empty by, value, uniq or agg is none: it takes everybody's away. */
int plan_metric(struct plan_builder *b, const char *name, struct err *err);
/* An option of windows (agg/window_kind.h): "every". */
int plan_window(struct plan_builder *b, const char *option, const char *duration, struct err *err);
int plan_by(struct plan_builder *b, const char *paths, struct err *err);
int plan_value(struct plan_builder *b, const char *path, struct err *err);
int plan_uniq(struct plan_builder *b, const char *path, struct err *err);
/* Which records count, a condition (xform/condition.h); empty: all. */
int plan_where(struct plan_builder *b, const char *text, struct err *err);
/* NAME=OPERATION(PATH) if CONDITION; adds up */
int plan_agg(struct plan_builder *b, const char *text, struct err *err);
/* The rows of a window that stay, N or N:MEASURE; empty: all. */
int plan_top(struct plan_builder *b, const char *text, struct err *err);
/* Dimensions that give way in windows of more groups than plan_max_groups says; empty: none. */
int plan_fold(struct plan_builder *b, const char *paths, struct err *err);
/* A rule: a metric of its own, which takes nothing of everybody's but a window where it has none.
 * EX_CONFIG where it asks for what is not there. What rules share (time, lateness) is the caller's
 * business. */
int plan_rule(struct plan_builder *b, const struct rule *rule, struct err *err);
/* A rule in one line (agg/rule.h), into the metric that the options are at. EX_USAGE. */
int plan_line(struct plan_builder *b, const char *text, struct err *err);

/* Everybody's, wherever they stand. EX_USAGE; EX_CONFIG as from zone_new. */
int plan_zone(struct plan_builder *b, const char *name, struct err *err);
int plan_time_format(struct plan_builder *b, const char *text, struct err *err);

/* The bound of --fold for metrics that have none of their own (rules may). */
void plan_max_groups(struct plan_builder *b, uint64_t max);

/* How far ahead event times may be, and whether those beyond are bad data; without it AHEAD_OFF. */
void plan_ahead(struct plan_builder *b, int64_t max_us, bool dead);

/* What a field is asked for. */
enum plan_use { PLAN_TIME, PLAN_BY, PLAN_VALUE, PLAN_UNIQ };

/* A metric, and where the plan has what it is counted from. */
struct plan_metric {
	struct metric_def *def; /* a reference */
	uint8_t *dim_field;     /* field of each dimension */
	int value, uniq;        /* columns, -1: none */
	int where;              /* condition, -1: none */
	size_t key;             /* which of the plan's it has */
	/* what each measure is taken of */
	struct plan_measure {
		int value;   /* the column of its values, -1: it takes none */
		int uniq;    /* the column of its elements, -1: it takes none */
		int held;    /* the column of what it may hold, -1: it takes none */
		int present; /* the field that has to be there, -1: none */
		int where;   /* condition, -1: none */
		dec limit;   /* a value beyond it is bad; 0: any is fine */
	} * measure;
};

/* A key that one metric or several have: windows and dimensions alike. */
struct plan_key {
	const struct metric *m; /* the first of them */
	const uint8_t *dim_field;
};

/* A condition that some metric or measure has. */
struct plan_condition {
	const char *text;            /* a metric's */
	struct condition *condition; /* whoever judges makes one of its own */
	uint8_t *column;             /* the field of each of its fields */
};

enum { PLAN_NO_FIELD = UINT8_MAX };
_Static_assert((int)SCAN_FIELDS <= (int)PLAN_NO_FIELD, "no field has that number");

struct plan {
	struct metric_common common;
	struct zone *zone; /* those that common.when borrows */
	struct timeform *form;
	struct plan_metric *metric;
	size_t n_metrics;
	struct path *path;  /* of each field: borrowed from the metrics and common */
	size_t n_fields;    /* at most SCAN_FIELDS */
	uint8_t time_field; /* PLAN_NO_FIELD: common.log_time */
	/* columns: each path that is measured once, whatever the number of its metrics */
	uint8_t *value_field, *uniq_field;
	size_t n_values, n_uniqs;
	struct plan_held {
		uint8_t field;
		int by; /* the field that decides, -1: time alone */
	} * held;       /* each pair once */
	size_t n_held;
	/* of each column of values: the lowest limit of the measures that take it; 0: none has one
	 */
	dec *value_limit;
	struct plan_condition *condition; /* each text once */
	size_t n_conditions;
	struct plan_key *key; /* each once */
	size_t n_keys;
};

/* time: a path, or METRIC_LOG_TIME. EX_USAGE: a path or a length is wrong, more than SCAN_FIELDS
 * fields, a form of local times without a zone, a condition that is none. */
struct plan *plan_finish(struct plan_builder *b, const char *time, enum value_unit unit, bool exact,
			 struct err *err);
void plan_free(struct plan *p);

/* The first metric that asks for the field, and what for ("--by"): for messages. */
const struct plan_metric *plan_who(const struct plan *p, size_t field, const char **option);

/* A set of fields of one plan as a set of those of another, as far as that has them. */
uint64_t plan_move_fields(const struct plan *from, uint64_t fields, const struct plan *to);

/* One hash of all names and cfgs: the stage's own in the hello. */
void plan_cfg(const struct plan *p, char out[METRIC_CFG_CHARS + 1]);
/* Appends [{"name":..,"cfg":..,"every_us":..,"def":{..},"columns":[..]},..]; columns where there
 * are measures. */
void plan_list(const struct plan *p, struct buf *out);

#endif
