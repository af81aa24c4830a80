/* Inside of hta-check:
 *
 *   check_main.c     options, and what is done by them
 *   check_load.c     files, lines and standard input -> rules, each with a plan of its own
 *   check_lint.c     what is good, and hardly meant so
 *   check_against.c  rules beside those that run
 *   check_explain.c  a rule in words                            (pure)
 *   check_schema.c   the grammar as a JSON Schema               (pure)
 *   check_rows.c     rows that are wanted against rows there are (pure)
 *   check_run.c      hta-window over lines, in a process of its own
 *   check_test.c     the tests of rules, as TAP
 *   check_cost.c     what rules cost over a sample
 *   check_connect.c  brokers and stores */
#ifndef APP_CHECK_INTERNAL_H
#define APP_CHECK_INTERNAL_H

#include "agg/metric.h"
#include "agg/rules_plan.h"
#include "app/check.h"

/* A text that rules were read from; lives as long as they do. */
struct check_text {
	char *name;
	struct buf text;
};

/* Beside each rule of the set. */
struct check_rule {
	size_t text; /* its number */
	char cfg[METRIC_CFG_CHARS + 1];
	bool broken; /* hta-window would refuse it */
};

/* What --connect is to try. */
struct check_connect {
	bool wanted;
	struct cluster_options cluster;
	const char *topics, *group;
	const char **store;
	size_t stores;
	const char *place; /* table or prefix; NULL: each store's own */
};

struct check {
	/* options */
	struct check_connect connect;
	const char *shared[RULES_SHARED]; /* NULL: not given */
	int print;                        /* -1: not */
	const char *sample, *against;     /* NULL: not given */
	bool explain, test, schema, strict;

	struct check_text *text;
	size_t texts;
	struct rules rules;
	struct check_rule *of;
	size_t errors, warnings;
};

enum check_level { CHECK_HINT, CHECK_WARNING, CHECK_ERROR };

/* ---- check_load.c */

int check_add_file(struct check *c, const char *path, struct err *err);
int check_add_stdin(struct check *c, struct err *err);
/* A rule in a line; name: its rule_id. */
int check_add_line(struct check *c, const char *line, const char *name, struct err *err);
/* After all were added: what hta-window would say of each, and of all together. */
void check_plan(struct check *c);
void check_load_fini(struct check *c);

/* Tells something of rule i, at the place of a member of it: names, "#N" the N-th of an array, NULL
 * behind them. A member that is not there is passed over. */
void check_tell(struct check *c, enum check_level level, size_t i, const char *const *member,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- check_lint.c */
void check_lint(struct check *c);

/* ---- check_against.c */
/* Tells what a reload would make of the rules where those of the path run. EX_CONFIG: the path's
 * cannot be read. */
int check_against(struct check *c, const char *path, struct err *err);

/* ---- check_explain.c */
/* Appends the rule in words, several lines. shared: what it leaves out, by enum rules_shared; p
 * NULL: not said either. */
void check_explain(const struct rule *r, const struct slice shared[RULES_SHARED], struct buf *out);

/* ---- check_schema.c */
/* Appends a JSON Schema (2020-12) of a text of rules. */
void check_schema(struct buf *out);

/* ---- check_rows.c */
/* Rows against those that are wanted, all JSON objects. A row fits what is wanted where it has all
 * of its members with equal values, objects again as far as members are given; numbers are equal by
 * value, windows' bounds as times. */
struct check_rows {
	const struct slice *want, *got;
	size_t wants, gots;
	bool exact; /* each row is wanted, too, and by a want of its own */
};
/* True: all fits. Else appends what does not, lines of YAML behind `indent`. */
bool check_rows(const struct check_rows *rows, const char *indent, struct buf *why);

/* ---- check_run.c */
/* One run of hta-window. */
struct check_run {
	const char **arg; /* options and files, NULL behind them */
	struct buf out;   /* what it wrote */
	struct buf said;  /* what it told on standard error */
	int code;         /* 128 and more: the signal that ended it */
	int64_t cpu_us;
	uint64_t peak_bytes; /* the most memory that it had itself */
};
/* Reads nothing but the files. EX_TEMPFAIL: no process, no memory. */
int check_run(struct check_run *run, struct err *err);
void check_run_fini(struct check_run *run);

/* A file in memory: a child of this process can open its path while it is held. EX_TEMPFAIL. */
struct check_memory {
	int fd;
	char path[64];
};
int check_memory_new(struct check_memory *m, struct err *err);
int check_memory_write(struct check_memory *m, struct slice text, struct err *err);
int check_memory_read(const struct check_memory *m, struct buf *out, struct err *err);
void check_memory_free(struct check_memory *m);

/* The rule as hta-window shall run it alone, into a file in memory, and the options that say what
 * it leaves out, appended to arg (room for 2 * RULES_SHARED). */
int check_memory_rule(const struct check *c, size_t i, struct check_memory *m, struct err *err);
size_t check_run_options(const struct check *c, const struct rule *r, const char **arg);

/* ---- check_test.c */
/* Runs all tests, prints TAP. EX_NO: a test failed. */
int check_test(struct check *c, struct err *err);

/* ---- check_cost.c */
/* Appends a table of what each rule costs. EX_DATAERR: the sample has no good line. */
int check_cost(const struct check *c, struct buf *out, struct err *err);

/* ---- check_connect.c */
/* Appends what is good; tells what is not. -1 with an empty message and the code of the first
 * failure. */
int check_connect(struct check *c, const struct check_servers *servers, struct buf *good,
		  struct err *err);

#endif
