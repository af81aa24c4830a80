/* Inside of rules: rule.c (operations, checks that all notations share), rule_json.c,
 * rule_json_parts.c and rule_values.c (reading JSON), rule_line.c (reading lines), rule_print.c
 * (writing JSON). */
#ifndef AGG_RULE_INTERNAL_H
#define AGG_RULE_INTERNAL_H

#include "agg/rule.h"
#include "base/err.h"
#include "json/json.h"

/* Adds an empty rule with its defaults; valid until the next one. */
struct rule *rules_add(struct rules *r);

/* What a measure's operation asks for is there, and nothing else. code: of the error. */
int rule_measure_check(const struct rule_measure *m, int code, struct err *err);

/* Each measure has a name that can be one, and its own. */
int rule_names_check(const struct rule *r, int code, struct err *err);

/* Sizes that go together; code as above. */
int rule_window_check(struct rule_window *w, int code, struct err *err);

/* A duration beyond 0 in quotes of the rule's text. */
int rule_duration(struct slice text, int64_t *us, int code, struct err *err);

/* A copy with one place more; elements of `size` bytes, n of them so far. */
void *rule_grow(struct arena *a, const void *old, size_t n, size_t size);

/* ---- reading JSON. All functions that take a node return 0, or -1 with err, which begins with
 * the place. */
/* The text that is being read. */
struct rule_reader {
	struct rules *set;
	const char *file;
	struct slice text;                 /* all of it */
	struct json json;                  /* of the value that is being read */
	struct slice short_op, short_path; /* "metric" and "field" of the rule that is read */
	struct err *err;
	rules_broken_fn *broken; /* NULL: the first error ends it */
	void *broken_arg;
	size_t errors;       /* that were handed over */
	const char *counted; /* NULL: none; up to here there are so many ends of lines: */
	unsigned lines;
};

enum { MEMBERS_MAX = 32 }; /* of one table */

struct rule_member {
	const char *name;
	int (*take)(struct rule_reader *r, void *into, uint32_t at);
};

int rule_fail_at(struct rule_reader *r, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* After an error: hands it over, and true, where reading goes on with what comes next. Whoever goes
 * on returns -1 all the same in the end, with an empty err. */
bool rule_go_on(struct rule_reader *r);
/* Puts the node's place in front of a message that is made already. */
int rule_place_error(struct rule_reader *r, uint32_t at);
/* "must be .." */
int rule_wrong_type(struct rule_reader *r, uint32_t at, const char *want);

int rule_take_text(struct rule_reader *r, uint32_t at, const char *want, struct slice *out);
int rule_take_path(struct rule_reader *r, uint32_t at, struct slice *out);
int rule_take_duration(struct rule_reader *r, uint32_t at, int64_t *us);
int rule_take_bool(struct rule_reader *r, uint32_t at, bool *out);
/* A whole number of at least `least`. */
int rule_take_count(struct rule_reader *r, uint32_t at, uint64_t least, uint64_t *out);
int rule_take_numbers(struct rule_reader *r, uint32_t at, dec **out, size_t *n);

/* No key of the object stands there twice. */
int rule_check_twins(struct rule_reader *r, uint32_t at);
/* Each member by the table, which ends with a NULL name. what: "a rule, which is an object". */
int rule_take_members(struct rule_reader *r, const struct rule_member *table, void *into,
		      uint32_t at, const char *what);
/* NULL: the table does not have the key. */
const struct rule_member *rule_find_member(const struct json *j, const struct rule_member *table,
					   uint32_t key);

int rule_take_dim(struct rule_reader *r, struct rule_dim *d, uint32_t at);
int rule_take_measure(struct rule_reader *r, struct rule_measure *m, uint32_t at);
int rule_take_test(struct rule_reader *r, struct rule_test *t, uint32_t at);

#endif
