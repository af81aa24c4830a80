/* Inside of hta-window: window_options.c (options), window_rules.c (--rules), window_set.c (the
 * plan that comes of them), window_reload.c (rules that change), window.c (the filter),
 * window_marks.c (watermarks of partitions), window_report.c (what it tells people). */
#ifndef APP_WINDOW_INTERNAL_H
#define APP_WINDOW_INTERNAL_H

#include "sink/rule_doc.h"
#include "agg/workers.h"
#include "agg/closing.h"
#include "agg/emit.h"
#include "agg/plan.h"
#include "agg/engine.h"
#include "tool/dead_letters.h"
#include "tool/stage.h"

/* What rules of --rules say for all: each once, or alike. */
enum agg_shared_of { AGG_TIME, AGG_UNIT, AGG_FORMAT, AGG_ZONE, AGG_LATENESS, AGG_SHARED };
struct agg_shared {
	char *text, *by; /* what, and which rule said it first; NULL: none has */
};

/* What a run counts by: a plan and, with --rules, in which version and state its rules are. */
struct agg_set {
	struct plan *plan;
	struct ctl_rules rules; /* set.p NULL: there are none */
	char set[CTL_INC_CHARS + 1];
	struct rule_doc doc; /* the same, to judge the next ones by */
	struct arena arena;
};

struct agg {
	/* options */
	struct plan_builder *builder;
	const char *time, *late;
	struct agg_shared shared[AGG_SHARED];
	const char **rules_path, **retired;
	size_t n_paths, n_retired;
	uint64_t rules_hash; /* of the text that was read last */
	const char *zone, *format;
	int unit; /* enum value_unit */
	bool has_metric, has_line, has_lateness, no_sketch, exact, ahead_dead;
	int64_t lateness_us;
	int64_t max_ahead_us; /* 0: not given */
	uint64_t threads, max_groups;
	const char **file; /* operands */
	size_t n_files;

	/* at work */
	struct stage *stage;
	struct agg_set set;
	const struct plan *plan; /* the set's */
	struct agg_set next;     /* was read, and takes effect at a barrier */
	struct agg_watch *watch; /* NULL: rules are not watched */
	struct engine *window;
	struct workers *workers; /* NULL: one thread */
	struct emit *emit;
	struct closing **closing; /* of each metric of a plain stream */
	bool folds;               /* one of them does */
	struct dead_file *late_file;
	struct engine_counts total;
	struct agg_mark *mark;
	size_t n_marks, cap_marks;
	bool in_file; /* the workers reads, not the skeleton */
	bool endless; /* nobody knows when the input ends */
	bool told_fields, told_ahead;
};

extern const struct filter agg_filter;

/* ---- window_options.c: options that a rule may say as well */
int agg_set_unit(void *self, const char *v, struct err *err);
int agg_set_format(void *self, const char *v, struct err *err);
int agg_set_zone(void *self, const char *v, struct err *err);
int agg_set_lateness(void *self, const char *v, struct err *err);

/* ---- window_rules.c */
/* A file of rules, or a folder of such. */
int agg_add_rules(struct agg *a, const char *path, struct err *err);
/* All that they say, into an empty set; and what rules say for all becomes an option. EX_CONFIG. */
int agg_read_rules(struct agg *a, struct rules *rules, struct err *err);
/* Appends the bytes of all files, but for pipes, as far as they can be read. */
void agg_rules_text(const struct agg *a, struct buf *out);
void agg_rules_fini(struct agg *a);

/* ---- window_set.c */
/* The plan of options and rules, the latter judged by those of a->set where there are some.
 * EX_CONFIG, EX_USAGE; out is empty then. */
int agg_set_load(struct agg *a, struct agg_set *out, struct err *err);
void agg_set_fini(struct agg_set *s);

/* ---- window_reload.c: with --rules only */
/* SIGUSR1 waits until agg_watch, or comes as it is: from the first moment on, since whoever changes
 * rules does not know how far a start has come. */
void agg_hold_signal(bool hold);
/* Begins to watch for SIGUSR1, which is held, and for changes of the files. */
int agg_watch(struct agg *a, struct err *err);
void agg_unwatch(struct agg *a);
/* What was read takes the place of what is counted by; all that was handed over is counted. */
int agg_turn(struct agg *a, struct err *err);

/* The order of lines from that origin, which event times there are judged by; NULL: they are
 * not. */
struct ahead *agg_order(struct agg *a, const struct origin *o);
/* Judges times that threads have left: counts gets the watermark, and those too far ahead. */
void agg_judge(struct agg *a, const struct origin *o, const struct workers_times *times,
	       struct engine_counts *counts);
/* The source says what lies below a partition's position; after workers_wait. */
int agg_marks_before(struct agg *a, const struct ctl *ctl, struct err *err);
/* A barrier: what is at its log's end and too short to be judged has a watermark all the same. */
int agg_marks_barrier(struct agg *a, const struct ctl *bar, struct err *err);
/* How many events wait for others to bear them out, at the end. */
uint64_t agg_marks_waiting(const struct agg *a);
void agg_marks_fini(struct agg *a);

/* At the end of a plain stream on a terminal rows may be long in coming. */
void agg_tell_patience(const struct agg *a);
/* After lines were counted: what an endless input would never tell at its end. */
void agg_tell_early(struct agg *a);
/* The first event that is too far ahead; from: a record's timestamp, 0: there is none. */
void agg_tell_ahead(struct agg *a, const struct engine_counts *c, int64_t from_us);
/* At the end: fields that no line had, late and rounded ones, local times that were not clear. */
void agg_tell_end(struct agg *a);

/* ---- window_bound.c */
/* After lines were counted: not more groups than --max-groups and rules allow, windows folded where
 * metrics do that. groups: how many are held; all: none of them by a thread. EX_DATAERR. */
int agg_bound(struct agg *a, size_t groups, bool all, struct err *err);
/* On an acknowledged stream: EX_USAGE where the plan asks for what final rows only have. */
int agg_check_final(const struct agg *a, const struct plan *plan, struct err *err);
/* At the end: what was folded. */
void agg_tell_folded(const struct agg *a);

#endif
