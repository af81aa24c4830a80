/* The account of an epoch: what is written is read, and what does not add up is told. */
#include "ctl_lines.h"

#include <stddef.h>
#include <stdlib.h>

/* ---- accounts */

static void test_acct_read(void)
{
	const struct account all = { .in = 1,
				     .out = 2,
				     .bytes = 3,
				     .filtered = 4,
				     .late = 5,
				     .duplicate = 6,
				     .dead = 7,
				     .lost = 8,
				     .aggregated = 9,
				     .added = 10,
				     .rows_in = 11,
				     .rows_out = 12,
				     .expired = UINT64_MAX };
	struct buf b = { 0 }, element = { 0 };
	struct ctl c = { 0 };
	struct err err = ERR_INIT;
	struct account_of *v;
	size_t n;
	ctl_account_write("a \"b\"", &all, &(struct ranges){ 0 }, &element);
	buf_addz(&element, ",{\"s\":\"other\",\"new_member\":[1]}");
	ctl_bar_write(&inc, 1, GEN, "", &(struct ranges){ 0 }, buf_slice(&element), &b);
	read_back(&c, &b, CTL_BAR);
	if (ok(ctl_account_read(&c, &v, &n, &err) == 0 && n == 2, "two elements %s", err.msg)) {
		ok(slice_is(v[0].stage, "a \"b\"") && memcmp(&v[0].a, &all, sizeof(all)) == 0,
		   "every counter comes back");
		ok(slice_is(v[1].stage, "other") &&
			   memcmp(&v[1].a, &(struct account){ 0 }, sizeof(all)) == 0,
		   "what is left out is 0");
	}
	free(v);
	static const char *const bad[] = {
		BAR("\"r\":[]"),
		BAR("\"acct\":1"),
		BAR("\"acct\":[1]"),
		BAR("\"acct\":[{\"in\":1}]"),
		BAR("\"acct\":[{\"s\":\"x\",\"in\":-1}]"),
		BAR("\"acct\":[{\"s\":\"x\",\"rows\":\"many\"}]"),
		BAR("\"acct\":[{\"s\":\"x\"},{\"s\":\"y\",\"dead\":1.5}]"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err_clear(&err);
		ok(parse(&c, bad[i], &err) == 0 && ctl_account_read(&c, &v, &n, &err) == -1 &&
			   err.code == EX_DATAERR && !v && n == 0,
		   "refused: %s", err.msg);
	}
	buf_fini(&b);
	buf_fini(&element);
	ctl_fini(&c);
}

enum { STAGES = 5 };

/* A whole pipeline: source, a transform, a window, two sinks. */
static void balanced(struct account_of v[STAGES])
{
	static const char *const names[STAGES] = { "hta-consume", "hta-validate", "hta-window",
						   "hta-sink-pg", "hta-sink-redis" };
	static const struct account accounts[STAGES] = {
		{ .in = 100, .out = 95, .filtered = 2, .lost = 3, .bytes = 9500 },
		{ .in = 95, .out = 90, .filtered = 1, .duplicate = 1, .dead = 3, .bytes = 9000 },
		{ .in = 90,
		  .aggregated = 80,
		  .filtered = 4,
		  .late = 3,
		  .dead = 3,
		  .rows_out = 7,
		  .bytes = 700 },
		{ .rows_in = 7, .rows_out = 7, .bytes = 700 },
		{ .rows_in = 7, .rows_out = 7, .expired = 5, .bytes = 700 },
	};
	for (size_t i = 0; i < STAGES; i++)
		v[i] = (struct account_of){ slice_z(names[i]), accounts[i] };
}

static void test_acct_good(void)
{
	struct account_of v[STAGES];
	struct err err = ERR_INIT;
	balanced(v);
	for (size_t n = 1; n <= STAGES; n++)
		ok(ctl_account_check(v, n, &err) == 0, "%zu stages %s", n, err.msg);
	for (size_t i = 0; i < STAGES; i++)
		v[i].a = (struct account){ 0 };
	ok(ctl_account_check(v, STAGES, &err) == 0, "an epoch without records %s", err.msg);
	v[0].a = (struct account){ .in = 5, .out = 5 };
	v[1].a = (struct account){ .in = 5, .out = 5 };
	v[2].a = (struct account){ .in = 5, .dead = 5 };
	ok(ctl_account_check(v, STAGES, &err) == 0, "nothing to aggregate %s", err.msg);
	/* a foreign filter in front of the window took 40 records, one in front of the first
	 * sink took 2 rows, one in front of the second put one in */
	balanced(v);
	v[2].a = (struct account){ .in = 90, .filtered = 40, .aggregated = 50, .rows_out = 200 };
	v[3].a = (struct account){ .rows_in = 200, .filtered = 2, .rows_out = 198 };
	v[4].a = (struct account){ .rows_in = 198, .added = 1, .rows_out = 199 };
	ok(ctl_account_check(v, STAGES, &err) == 0, "foreign filters %s", err.msg);
	/* a filter over rows knows lines only */
	balanced(v);
	v[3].a = (struct account){ .in = 7, .filtered = 2, .out = 5 };
	v[4].a = (struct account){ .rows_in = 5, .rows_out = 5 };
	ok(ctl_account_check(v, STAGES, &err) == 0, "a transform behind the window %s", err.msg);
	balanced(v);
	v[1] = (struct account_of){ slice_z("hta-commit"), { .rows_in = 95, .rows_out = 95 } };
	ok(ctl_account_check(v, 2, &err) == 0, "no window: a stage of rows takes records %s",
	   err.msg);
}

/* Every counter of every stage that stands in a sum, one more and one less. */
static void test_acct_bad(void)
{
	static const struct {
		const char *name;
		size_t at;
	} counters[] = {
		{ "in", offsetof(struct account, in) },
		{ "out", offsetof(struct account, out) },
		{ "filtered", offsetof(struct account, filtered) },
		{ "late", offsetof(struct account, late) },
		{ "duplicate", offsetof(struct account, duplicate) },
		{ "dead", offsetof(struct account, dead) },
		{ "lost", offsetof(struct account, lost) },
		{ "aggregated", offsetof(struct account, aggregated) },
		{ "added", offsetof(struct account, added) },
		{ "rows_in", offsetof(struct account, rows_in) },
		{ "rows", offsetof(struct account, rows_out) },
	};
	for (size_t s = 0; s < STAGES; s++)
		for (size_t k = 0; k < sizeof(counters) / sizeof(*counters); k++)
			for (int step = 1; step >= -1; step -= 2) {
				struct account_of v[STAGES];
				struct err err = ERR_INIT;
				uint64_t value;
				balanced(v);
				memcpy(&value, (char *)&v[s].a + counters[k].at, sizeof(value));
				value += (uint64_t)step; /* 0 - 1: the sum overflows */
				memcpy((char *)&v[s].a + counters[k].at, &value, sizeof(value));
				ok(ctl_account_check(v, STAGES, &err) == -1 &&
					   err.code == EX_SOFTWARE,
				   "%.*s, %s %+d: %s", (int)v[s].stage.n, v[s].stage.p,
				   counters[k].name, step, err.msg);
			}
	struct account_of v[STAGES];
	struct err err = ERR_INIT;
	balanced(v);
	v[1].a.out++, v[1].a.dead--; /* balances by itself */
	ok(ctl_account_check(v, STAGES, &err) == -1 &&
		   strstr(err.msg, "hta-validate wrote 91 lines, hta-window read 90"),
	   "a line on the way: %s", err.msg);
	balanced(v);
	v[2].a.dead += 80, v[2].a.aggregated = 0;
	ok(ctl_account_check(v, STAGES, &err) == -1 && strstr(err.msg, "hta-window"),
	   "rows out of nothing: %s", err.msg);
	v[2].a = (struct account){ .in = 90, .dead = 83, .rows_out = 7 };
	ok(ctl_account_check(v, STAGES, &err) == -1 &&
		   strstr(err.msg, "rows without an aggregated record"),
	   "rows that hide a loss: %s", err.msg);
	balanced(v);
	v[3].a.rows_out = 8, v[4].a.rows_in = v[4].a.rows_out = 8;
	ok(ctl_account_check(v, STAGES, &err) == -1 && strstr(err.msg, "hta-sink-pg"),
	   "a sink that invents a row: %s", err.msg);
	balanced(v);
	v[0].a = (struct account){ .rows_in = 5, .rows_out = 5 };
	ok(ctl_account_check(v, 1, &err) == -1 && strstr(err.msg, "source"), "a source of rows: %s",
	   err.msg);
	ok(ctl_account_check(v, 0, &err) == -1 && err.code == EX_SOFTWARE, "no books: %s", err.msg);
}

int main(void)
{
	ctl_inc_set(&inc, INC);
	test_acct_read();
	test_acct_good();
	test_acct_bad();
	return done();
}
