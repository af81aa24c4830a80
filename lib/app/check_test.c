/* Tests of rules. Each runs hta-window with its rule alone over its lines and compares the final
 * rows; lines that are bad or late go to files in memory, where they are counted.
 *
 *	TAP version 13
 *	1..2
 *	ok 1 - errors: a slow minute
 *	not ok 2 - errors: retries
 *	  ---
 *	  message: 'row 1 is not among the 1 that were written'
 *	  expected: {"count":2}
 *	  got: {"op":"set",..,"count":3}
 *	  differs: ["count"]
 *	  ...
 *
 * A test that counts lines nowhere is told about bad ones all the same: a comment has the first
 * reason. */
#include "app/check_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/out.h"
#include "json/json.h"

#define INDENT "  "

/* One test at work. */
struct trial {
	const struct check *c;
	const struct rule *rule;
	const struct rule_test *test;
	struct check_memory definition, dead, late;
	struct check_memory *in; /* lines that follow each other are one file */
	size_t ins;
	char **name; /* of files */
	size_t names;
	const char **arg;
	size_t args;
	struct buf missing; /* why a file cannot be read */
	struct check_run run;
	struct buf dead_lines, late_lines;
};

static void add_arg(struct trial *t, const char *arg)
{
	t->arg = mem_grow(t->arg, t->args + 2, sizeof(*t->arg));
	t->arg[t->args++] = arg;
	t->arg[t->args] = NULL;
}

/* ---- what goes in */

/* A file's name is relative to the rule's file. One that cannot be read fails the test, not the
 * others. */
static void add_file_input(struct trial *t, struct slice file)
{
	struct err why = ERR_INIT;
	const char *rules = t->c->text[t->c->of[t->rule - t->c->rules.v].text].name;
	const char *slash = strrchr(rules, '/');
	char *name = file.p[0] == '/' || !slash ? mem_dup(file.p, file.n)
						: mem_printf("%.*s%.*s", (int)(slash - rules + 1),
							     rules, (int)file.n, file.p);

	t->name = mem_grow(t->name, t->names + 1, sizeof(*t->name));
	t->name[t->names++] = name;
	add_arg(t, name);
	if (access(name, R_OK) && !t->missing.n) {
		err_errno(&why, EX_CONFIG, "%s", name);
		buf_addz(&t->missing, why.msg);
	}
}

static int add_inputs(struct trial *t, struct err *err)
{
	bool open = false;

	/* the paths of these are arguments, so they must not move */
	t->in = mem_array(t->test->inputs + 1, sizeof(*t->in));
	for (size_t i = 0; i < t->test->inputs; i++) {
		const struct rule_input *in = &t->test->in[i];

		if (in->file) {
			open = false;
			add_file_input(t, in->text);
			continue;
		}
		if (!open) {
			if (check_memory_new(&t->in[t->ins], err))
				return -1;
			add_arg(t, t->in[t->ins++].path);
			open = true;
		}
		if (check_memory_write(&t->in[t->ins - 1], in->text, err) ||
		    check_memory_write(&t->in[t->ins - 1], slice("\n", 1), err))
			return -1;
	}
	if (!t->test->inputs)
		add_arg(t, "/dev/null");
	return 0;
}

static int prepare(struct trial *t, struct err *err)
{
	static const char *const options[] = { "--no-sketch", "--log", "text", "--rules" };
	const char *more[2 * RULES_SHARED];
	size_t n = check_run_options(t->c, t->rule, more);

	if (check_memory_new(&t->definition, err) || check_memory_new(&t->dead, err) ||
	    check_memory_new(&t->late, err) ||
	    check_memory_rule(t->c, (size_t)(t->rule - t->c->rules.v), &t->definition, err))
		return -1;
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		add_arg(t, options[i]);
	add_arg(t, t->definition.path);
	add_arg(t, "--dead");
	add_arg(t, t->dead.path);
	add_arg(t, "--late");
	add_arg(t, t->late.path);
	for (size_t i = 0; i < n; i++)
		add_arg(t, more[i]);
	add_arg(t, "--");
	return add_inputs(t, err);
}

static void free_trial(struct trial *t)
{
	check_memory_free(&t->definition);
	check_memory_free(&t->dead);
	check_memory_free(&t->late);
	for (size_t i = 0; i < t->ins; i++)
		check_memory_free(&t->in[i]);
	for (size_t i = 0; i < t->names; i++)
		free(t->name[i]);
	free(t->in);
	free(t->name);
	free(t->arg);
	check_run_fini(&t->run);
	buf_fini(&t->missing);
	buf_fini(&t->dead_lines);
	buf_fini(&t->late_lines);
}

/* ---- what comes out */

static size_t split_rows(struct slice text, struct slice **row)
{
	size_t n = 0;

	*row = mem_array((size_t)str_lines(text) + 1, sizeof(**row));
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t length = end ? (size_t)(end - text.p) : text.n;

		if (length)
			(*row)[n++] = slice(text.p, length);
		length += end != NULL;
		text = slice(text.p + length, text.n - length);
	}
	return n;
}

/* A text of several lines as one of YAML's. */
static void put_quoted(struct buf *out, const char *key, struct slice text)
{
	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	buf_printf(out, INDENT "%s: ", key);
	json_quote(out, text);
	buf_addc(out, '\n');
}

static bool check_number(const char *what, bool asked, uint64_t want, uint64_t got, struct buf *why)
{
	if (!asked || want == got)
		return true;
	buf_printf(why,
		   INDENT "message: 'the number of %s lines differs'\n" INDENT "expected: %" PRIu64
			  "\n" INDENT "got: %" PRIu64 "\n",
		   what, want, got);
	return false;
}

/* The reason of the first bad line, as the file of dead letters has it. */
static void put_reason(const struct trial *t, struct buf *out)
{
	struct slice lines = buf_slice(&t->dead_lines);
	const char *end = lines.n ? memchr(lines.p, '\n', lines.n) : NULL;
	struct json j = { 0 };
	struct err ignored;
	uint32_t at;

	if (end && json_parse(&j, slice(lines.p, (size_t)(end - lines.p)), &ignored) == 0 &&
	    (at = json_get(&j, 0, "reason")))
		json_string(&j, at, out);
	json_fini(&j);
}

static bool judge(const struct trial *t, struct buf *why)
{
	uint64_t dead = str_lines(buf_slice(&t->dead_lines)),
		 late = str_lines(buf_slice(&t->late_lines));
	struct check_rows rows = { .want = t->test->row,
				   .wants = t->test->rows,
				   .exact = t->test->exact };
	struct slice *got;
	bool good;

	if (t->run.code) {
		buf_printf(why, INDENT "message: 'hta-window left with %d'\n", t->run.code);
		put_quoted(why, "stderr", buf_slice(&t->run.said));
		return false;
	}
	if (!check_number("dead", t->test->has_dead, t->test->dead, dead, why) ||
	    !check_number("late", t->test->has_late, t->test->late, late, why))
		return false;
	rows.gots = split_rows(buf_slice(&t->run.out), &got);
	rows.got = got;
	good = check_rows(&rows, INDENT, why);
	free(got);
	if (!good && t->run.said.n)
		put_quoted(why, "stderr", buf_slice(&t->run.said));
	return good;
}

static int run_trial(struct trial *t, bool *good, struct buf *why, struct err *err)
{
	if (prepare(t, err))
		return -1;
	if (t->missing.n) {
		put_quoted(why, "message", buf_slice(&t->missing));
		return 0;
	}
	t->run.arg = t->arg;
	if (check_run(&t->run, err) || check_memory_read(&t->dead, &t->dead_lines, err) ||
	    check_memory_read(&t->late, &t->late_lines, err))
		return -1;
	*good = judge(t, why);
	return 0;
}

/* ---- TAP */

/* Names without what TAP reads as a directive or an escape. */
static void put_name(struct buf *out, struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		buf_addc(out, name.p[i] == '#' || name.p[i] == '\n' || name.p[i] == '\\'
				      ? ' '
				      : name.p[i]);
}

static void report(const struct trial *t, size_t number, bool good, const struct buf *why,
		   struct buf *out)
{
	struct buf reason = { 0 };

	buf_printf(out, "%sok %zu - ", good ? "" : "not ", number);
	put_name(out, t->rule->id);
	buf_addz(out, ": ");
	put_name(out, t->test->name);
	buf_addc(out, '\n');
	if (!good) {
		buf_addz(out, INDENT "---\n");
		buf_adds(out, buf_slice(why));
		buf_addz(out, INDENT "...\n");
	}
	if (t->dead_lines.n && !(good && t->test->has_dead)) {
		put_reason(t, &reason);
		buf_printf(out, "# bad lines: %" PRIu64 ", the first: %s\n",
			   str_lines(buf_slice(&t->dead_lines)), buf_z(&reason));
	}
	buf_fini(&reason);
}

static int run_test(const struct check *c, size_t i, size_t k, size_t number, bool *good,
		    struct buf *out, struct err *err)
{
	struct trial t = { .c = c,
			   .rule = &c->rules.v[i],
			   .test = &c->rules.v[i].test[k],
			   .definition.fd = -1,
			   .dead.fd = -1,
			   .late.fd = -1 };
	struct buf why = { 0 };
	int rc = run_trial(&t, good, &why, err);

	if (rc == 0)
		report(&t, number, *good, &why, out);
	else
		err_in(err, "rule %.*s: test %.*s", (int)t.rule->id.n, t.rule->id.p,
		       (int)t.test->name.n, t.test->name.p);
	buf_fini(&why);
	free_trial(&t);
	return rc;
}

static int run_all(struct check *c, struct out *o, size_t *failed, struct err *err)
{
	struct buf text = { 0 };
	size_t number = 0;
	int rc = 0;

	for (size_t i = 0; i < c->rules.n && rc == 0; i++)
		for (size_t k = 0; k < c->rules.v[i].tests && rc == 0; k++) {
			bool good = false;

			text.n = 0;
			rc = run_test(c, i, k, ++number, &good, &text, err);
			if (rc == 0)
				rc = out_write(o, text.p, text.n, err) || out_flush(o, err) ? -1
											    : 0;
			*failed += !good;
		}
	buf_fini(&text);
	return rc;
}

int check_test(struct check *c, struct err *err)
{
	struct out *o = out_new(NULL, STDOUT_FILENO, 4096);
	struct buf head = { 0 };
	size_t tests = 0, failed = 0;
	int rc;

	for (size_t i = 0; i < c->rules.n; i++)
		tests += c->rules.v[i].tests;
	buf_printf(&head, "TAP version 13\n1..%zu%s\n", tests, tests ? "" : " # SKIP no tests");
	rc = out_write(o, head.p, head.n, err) || out_flush(o, err) || run_all(c, o, &failed, err)
		     ? -1
		     : 0;
	buf_fini(&head);
	out_free(o);
	if (rc == 0 && failed)
		rc = err_set(err, EX_NO, "%zu of %zu tests failed", failed, tests);
	return rc;
}
