/* What a sink keeps of rules: what a stream's rules make of what is stored, as a table of changes
 * one after the other, and of those that are refused. */
#include "sink/rule_doc.h"

#include <stdlib.h>

#include "proto/ctl.h"
#include "tap.h"

#define A "aaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbb"

static struct err err;

/* RULE VERSION STATE CFG, one after the other, parted by blanks. */
static struct ctl_rules rules_of(const char *text, struct arena *arena)
{
	struct ctl_rules r = { .set = slice_z("0000000000000000") };
	char *word, *rest = NULL, *copy = strdup(text);

	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		unsigned long long version = strtoull(strtok_r(NULL, " ", &rest), NULL, 10);
		const char *state = strtok_r(NULL, " ", &rest), *cfg = strtok_r(NULL, " ", &rest);
		struct buf metric = { 0 };

		buf_printf(&metric, version > 1 ? "%s@%llu" : "%s", word, version);
		r.rule = realloc(r.rule, (r.n + 1) * sizeof(*r.rule));
		r.rule[r.n++] = (struct ctl_rule){
			.rule = arena_copy(arena, slice_z(word)),
			.metric = arena_copy(arena, buf_slice(&metric)),
			.cfg = arena_copy(arena, slice_z(cfg)),
			.version = version,
			.state = *state == 'a'   ? CTL_RULE_ACTIVE
				 : *state == 'p' ? CTL_RULE_PAUSED
						 : CTL_RULE_RETIRED,
		};
		buf_fini(&metric);
	}
	free(copy);
	return r;
}

/* code 0: raised, -1: the same; else refused. spans: METRIC[from-to] of all that are stored. */
static void step(char **stored, const char *rules, int64_t next, int64_t mark, int code,
		 const char *spans)
{
	struct arena arena = { 0 };
	struct ctl_rules r = rules_of(rules, &arena);
	struct positions pos = { 0 };
	struct rule_doc d;
	struct buf text = { 0 }, got = { 0 };
	bool changed;

	positions_add(&pos, slice_z("t"), 0)->next = next;
	pos.v[0].watermark_us = mark;
	ok(rule_doc_parse(&d, *stored, &err) == 0, "%s: is read", rules);
	if (rule_doc_judge(&d, &r, &err)) {
		ok(err.code == code, "%s: %s", rules, err.msg);
	} else {
		changed = rule_doc_raise(&d, &r, NULL, 0, &pos);
		ok(code == (changed ? 0 : -1), "%s: %s", rules, changed ? "raised" : "the same");
	}
	rule_doc_format(&d, &text);
	for (size_t i = 0; i < d.metrics; i++) {
		buf_adds(&got, d.metric[i].name);
		for (size_t k = 0; k < d.metric[i].n; k++)
			buf_printf(&got, "[%zu-%zu]", d.metric[i].span[k].from,
				   d.metric[i].span[k].to);
		buf_addc(&got, ' ');
	}
	is_str(buf_z(&got), spans, "spans");
	free(*stored);
	*stored = strdup(buf_z(&text));
	rule_doc_fini(&d);
	buf_fini(&text);
	buf_fini(&got);
	positions_fini(&pos);
	ctl_rules_fini(&r);
	arena_fini(&arena);
}

static void test_steps(void)
{
	char *stored = NULL;

	step(&stored, "w 1 active " A, 0, POS_NONE, 0, "w[1-0] ");
	step(&stored, "w 1 active " A, 5, 100, -1, "w[1-0] ");
	step(&stored, "w 1 active " B, 5, 100, EX_CONFIG, "w[1-0] ");
	step(&stored, "v 1 active " A, 5, 100, EX_TEMPFAIL, "w[1-0] ");
	/* versions that follow each other and count the same have the same rows */
	step(&stored, "w 2 active " A, 6, 100, 0, "w[1-0] ");
	step(&stored, "w 1 active " A, 6, 100, EX_TEMPFAIL, "w[1-0] ");
	step(&stored, "w 2 paused " A, 7, 100, 0, "w[1-2] ");
	step(&stored, "w 2 active " A, 8, 100, EX_TEMPFAIL, "w[1-2] ");
	step(&stored, "w 2 paused " A, 8, 100, -1, "w[1-2] ");
	step(&stored, "w 3 active " A, 9, 100, 0, "w[1-2][3-0] ");
	/* others have rows of their own, the first ones too when they come back */
	step(&stored, "w 4 active " B, 10, 100, 0, "w[1-2][3-4] w@4[4-0] ");
	step(&stored, "w 5 active " A, 11, 100, 0, "w[1-2][3-4] w@4[4-5] w@5[5-0] ");
	/* a set that is stale in one rule changes none */
	step(&stored, "w 4 active " B " x 1 active " A, 12, 100, EX_TEMPFAIL,
	     "w[1-2][3-4] w@4[4-5] w@5[5-0] ");
	step(&stored, "w 5 active " A " x 1 active " A, 12, 100, 0,
	     "w[1-2][3-4] w@4[4-5] w@5[5-0] x[6-0] ");
	/* a retired rule may be missing, and be retired again; a paused one may be missing */
	step(&stored, "w 0 retired - x 1 active " A, 13, 100, 0,
	     "w[1-2][3-4] w@4[4-5] w@5[5-7] x[6-0] ");
	step(&stored, "w 0 retired - x 1 active " A, 14, 100, -1,
	     "w[1-2][3-4] w@4[4-5] w@5[5-7] x[6-0] ");
	step(&stored, "x 1 active " A, 14, 100, -1, "w[1-2][3-4] w@4[4-5] w@5[5-7] x[6-0] ");
	step(&stored, "w 5 active " A " x 1 active " A, 14, 100, EX_TEMPFAIL,
	     "w[1-2][3-4] w@4[4-5] w@5[5-7] x[6-0] ");
	ok(strstr(stored, "[[[\"t\",0,0]],[[\"t\",0,7]],[[\"t\",0,9]],[[\"t\",0,10]],"
			  "[[\"t\",0,11]],[[\"t\",0,12]],[[\"t\",0,13]]]") != NULL,
	   "positions: %s", stored);
	free(stored);
}

/* Of two pipelines whose rules differ the one that comes second is stale, whatever the order: no
 * two sets are each higher than the other. */
static void test_order(void)
{
	static const char *const set[] = {
		"w 1 active " A,
		"w 1 paused " A,
		"w 2 active " A,
		"w 2 active " A " x 1 active " A,
		"w 1 active " A " x 1 active " A,
	};
	enum { SETS = sizeof(set) / sizeof(*set) };

	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < SETS; k++) {
			struct arena arena = { 0 };
			struct ctl_rules a = rules_of(set[i], &arena), b = rules_of(set[k], &arena);
			struct positions none = { 0 };
			struct rule_doc d = { 0 };
			bool rises;

			rule_doc_raise(&d, &a, NULL, 0, &none);
			rises = rule_doc_judge(&d, &b, &err) == 0 &&
				rule_doc_raise(&d, &b, NULL, 0, &none);
			ok(!rises || rule_doc_judge(&d, &a, &err) != 0 ||
				   !rule_doc_raise(&d, &a, NULL, 0, &none),
			   "%s, %s: not each higher than the other", set[i], set[k]);
			rule_doc_fini(&d);
			ctl_rules_fini(&a);
			ctl_rules_fini(&b);
			arena_fini(&arena);
		}
}

static void test_damaged(void)
{
	struct rule_doc d;

	is_int(rule_doc_parse(&d, "{\"rules\":", &err), -1, "cut short");
	ok(err.code == EX_DATAERR, "%s", err.msg);
	rule_doc_fini(&d);
	is_int(rule_doc_parse(&d, "[1]", &err), 0, "of another form: nothing is known");
	is_int((int)d.rules, 0, "no rules");
	rule_doc_fini(&d);
}

int main(void)
{
	test_steps();
	test_order();
	test_damaged();
	return done();
}
