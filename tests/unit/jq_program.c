/* Programs of jq over single records: verdicts, outputs, what they may not do, and that a million
 * records leave no memory behind. */
#include "xform/jq_program.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- verdicts ---- */

static const struct {
	const char *program, *record, *says;
} verdicts[] = {
	{ ".a == 1", "{\"a\":1}", "holds" },
	{ ".a == 1", "{\"a\":2}", "holds not" },
	{ ".a", "{\"a\":0}", "holds" },
	{ ".a", "{\"a\":null}", "holds not" },
	{ "empty", "{}", "holds not" },
	{ "null, false, 5", "{}", "holds" },
	{ "null, false", "{}", "holds not" },
	{ "true, error(\"x\")", "{}", "holds" },
	{ "error(\"x\"), true", "{}", "x" },
	{ "error(\"\\(.a) ms\")", "{\"a\":5}", "5 ms" },
	{ "error({a: 1})", "{}", "{\"a\":1} (not a string)" },
	{ ".a.b", "{\"a\":5}", "Cannot index number with string \"b\"" },
	{ "select(.a | test(\"^x\"))", "{\"a\":\"xy\"}", "holds" },
	{ "def f: .a; f", "{\"a\":1}", "holds" },
	{ "def f: .a; def g: f; g == 1 # end", "{\"a\":1}", "holds" },
	{ ".a as $x | reduce .b[] as $y (0; . + $y) | . == $x", "{\"a\":3,\"b\":[1,2]}", "holds" },
	{ ".a", "{\"a\":", "Unfinished JSON term at EOF at line 1, column 5" },
	{ ".a", "{\"a\":1} {}", "Unexpected extra JSON values" },
	{ ".a", "\xef\xbb\xbf{\"a\":1}\r\n", "holds" },
	{ "[.[] | index(\"\")] == [null, null]", "[\"\", \"x\"]", "holds" },
	{ ".a | index(\"b\") == 1", "{\"a\":\"abcb\"}", "holds" },
	{ ".a | rindex(\"b\") == 3", "{\"a\":\"abcb\"}", "holds" },
	{ ".a | indices(\"b\") == [1, 3]", "{\"a\":\"abcb\"}", "holds" },
	{ ".a | [index(1), rindex([1, 2]), index(5), index([])] == [0, 2, null, null]",
	  "{\"a\":[1,3,1,2]}", "holds" },
	{ ".a | [indices(2), indices([1, 2]), indices([]), indices(\"\")] == [[], [], [], []]",
	  "{\"a\":[1]}", "holds" },
	{ ".a | [indices(1), indices([1, 2])] == [[0, 2], [2]]", "{\"a\":[1,3,1,2]}", "holds" },
	{ ".a | [ltrimstr(\"x\"), rtrimstr(\"y\")] == [\"y\", \"x\"]", "{\"a\":\"xy\"}", "holds" },
	{ ".a | [ltrimstr(\"x\"), rtrimstr(1)] == [5, 5]", "{\"a\":5}", "holds" },
	{ ".a | todate == \"1970-01-01T00:00:05Z\"", "{\"a\":5}", "holds" },
	{ ".a | gmtime | strftime(\"%Y\") == \"1970\"", "{\"a\":5}", "holds" },
	{ ".a | todate", "{\"a\":1e300}",
	  "errror converting number of seconds since epoch to datetime" },
	/* no environment, and nothing but the record */
	{ "env == {} and $ENV == {}", "{}", "holds" },
	{ "env.HOME", "{}", "holds not" },
	{ "def f: $ENV; f | length > 0", "{}", "holds not" },
	{ "now", "{}", "now is not for rules" },
	{ "input", "{}", "input is not for rules" },
	{ "[inputs]", "{}", "inputs is not for rules" },
	{ "input_filename", "{}", "input_filename is not for rules" },
	{ "input_line_number", "{}", "input_line_number is not for rules" },
	{ "debug", "{}", "debug is not for rules" },
	{ "stderr", "{}", "stderr is not for rules" },
	{ "halt", "{}", "halt is not for rules" },
	{ "halt_error", "{}", "halt_error is not for rules" },
	{ "halt_error(1)", "{}", "halt_error is not for rules" },
	{ "0 | localtime", "{}", "localtime is not for rules" },
	{ "0 | strflocaltime(\"%Y\")", "{}", "strflocaltime is not for rules" },
	{ "\"a\" | modulemeta", "{}", "modulemeta is not for rules" },
	{ "$__loc__.line == 1", "{}", "holds" },
	{ "label $x | break $x", "{}", "holds not" },
};

static void single_records(void)
{
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		struct err err = ERR_INIT;
		struct jq_program *p = jq_program_new(slice_z(verdicts[i].program), &err);
		/* twice: nothing is left of a record, of one that failed neither */
		for (int again = 0; again < 2 && p; again++) {
			err_clear(&err);
			enum jq_verdict v = jq_program_judge(p, slice_z(verdicts[i].record), &err);
			const char *says = v == JQ_HOLDS       ? "holds"
					   : v == JQ_HOLDS_NOT ? "holds not"
							       : err.msg;
			is_str(says, verdicts[i].says, verdicts[i].program);
		}
		ok(p && err.code == (err.msg[0] ? EX_DATAERR : 0), "%s: %s", verdicts[i].program,
		   p ? "code" : err.msg);
		jq_program_free(p);
	}
}

/* ---- programs that are none ---- */

static const struct {
	const char *program, *says;
} refusals[] = {
	{ "", "jq: syntax error, unexpected $end" },
	{ "# nothing", "jq: syntax error, unexpected $end" },
	{ ".a =", "jq: syntax error, unexpected $end" },
	{ "1) | (2", "jq: syntax error, unexpected INVALID_CHARACTER, expecting $end" },
	{ "foo", "jq: foo/0 is not defined" },
	{ ".a | foo(1)", "jq: foo/1 is not defined" },
	{ "$x", "jq: $x is not defined" },
	{ "$ARGS", "jq: $ARGS is not defined" },
	{ "import \"a\" as a; .", "jq: syntax error, unexpected import" },
	{ "include \"a\"; .", "jq: syntax error, unexpected include" },
	{ "module {}; .", "jq: syntax error, unexpected module" },
	{ "def f: 1;", "jq: syntax error, unexpected $end" },
};

static void refused_programs(void)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct err err = ERR_INIT;
		struct jq_program *p = jq_program_new(slice_z(refusals[i].program), &err);
		ok(!p && err.code == EX_USAGE, "refused: %s", refusals[i].program);
		is_str(err.msg, refusals[i].says, refusals[i].program);
		jq_program_free(p);
	}
	ok(!jq_program_new(slice(".a\0", 3), NULL), "a NUL in the program");
}

/* ~/.jq, which jq reads into every program. */
static void home_is_hidden(void)
{
	char folder[] = "/tmp/hta-jq.XXXXXX", path[64];
	struct err err = ERR_INIT;
	if (!ok(mkdtemp(folder) != NULL, "a folder"))
		return;
	snprintf(path, sizeof(path), "%s/.jq", folder);
	FILE *f = fopen(path, "w");
	fputs("def not: \"hidden\"; def ours: 1;", f);
	fclose(f);
	setenv("HOME", folder, 1);
	struct jq_program *p = jq_program_new(slice_z("1 | not"), &err);
	ok(p && jq_program_judge(p, slice_z("{}"), &err) == JQ_HOLDS_NOT, "~/.jq hides nothing");
	ok(!jq_program_new(slice_z("ours"), NULL), "~/.jq defines nothing");
	is_str(getenv("HOME"), folder, "HOME is what it was");
	jq_program_free(p);
	unlink(path);
	rmdir(folder);
}

/* ---- outputs ---- */

static int add_output(void *arg, struct slice json, struct err *err)
{
	struct buf *b = arg;
	buf_adds(b, json);
	buf_addc(b, '\n');
	return b->n > 30 ? err_set(err, EX_IOERR, "enough") : 0;
}

static const struct {
	const char *program, *record, *outputs, *error;
} runs[] = {
	{ ".b = 1", "{\"b\": 2, \"a\" : [ 1.0, \"\\u00e9\" ]}",
	  "{\"b\":1,\"a\":[1,\"\xc3\xa9\"]}\n", "" },
	{ ".", "{ \"b\": 1.0, \"a\":\"\\u00e9\"}", "{ \"b\": 1.0, \"a\":\"\\u00e9\"}\n", "" },
	{ ".[]", "[1,null,\"x\"]", "1\nnull\n\"x\"\n", "" },
	{ "empty", "{}", "", "" },
	{ "1, error(\"x\"), 2", "{}", "1\n", "x" },
	{ "1, error(null), 2", "{}", "1\n2\n", "" },
	{ "range(100)", "{}", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n", "enough" },
	{ ".", "{]", "", "Unmatched ']' at line 1, column 2" },
};

static void outputs(void)
{
	for (size_t i = 0; i < COUNT(runs); i++) {
		struct err err = ERR_INIT;
		struct buf b = { 0 };
		struct jq_program *p = jq_program_new(slice_z(runs[i].program), &err);
		int result = jq_program_run(p, slice_z(runs[i].record), add_output, &b, &err);
		is_str(buf_z(&b), runs[i].outputs, runs[i].program);
		is_str(err.msg, runs[i].error, runs[i].record);
		is_int(result, runs[i].error[0] ? -1 : 0, runs[i].program);
		jq_program_free(p);
		buf_fini(&b);
	}
}

/* ---- threads ---- */

static void *judge_many(void *arg)
{
	size_t holds = 0;
	for (int i = 0; i < 20000; i++)
		holds += jq_program_judge(arg, slice_z("{\"a\":{\"b\":[1,2,3]}}"), NULL) ==
			 JQ_HOLDS;
	return (void *)holds;
}

static void threads(void)
{
	enum { THREADS = 4 };
	struct jq_program *p[THREADS];
	pthread_t thread[THREADS];
	for (int i = 0; i < THREADS; i++) {
		p[i] = jq_program_new(slice_z(".a.b | add == 6"), NULL);
		pthread_create(&thread[i], NULL, judge_many, p[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		void *holds;
		pthread_join(thread[i], &holds);
		is_int((size_t)holds, 20000, "a program made here and run there");
		jq_program_free(p[i]);
	}
}

/* ---- memory ---- */

/* AddressSanitizer keeps what was freed for a while, and sees what was not. */
#ifdef __has_feature
enum { KEEPS_FREED = __has_feature(address_sanitizer) };
#else
enum { KEEPS_FREED = 0 };
#endif

static long resident_pages(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%*s %ld", &pages) != 1)
		pages = -1;
	if (f)
		fclose(f);
	return pages;
}

static int drop_output(void *arg, struct slice json, struct err *err)
{
	(void)arg;
	(void)json;
	(void)err;
	return 0;
}

static void many_records(struct jq_program *p, int n)
{
	static const char *const record[] = { "{\"a\":\"text\",\"b\":[1,{\"c\":null}]}",
					      "{\"a\":5,\"b\":[]}", "{\"a\":", "{\"a\":[{}]}" };
	for (int i = 0; i < n; i++) {
		struct err err;
		struct slice text = slice_z(record[i % 4]);
		if (i % 8 < 4)
			jq_program_judge(p, text, &err);
		else
			jq_program_run(p, text, drop_output, NULL, &err);
	}
}

static void no_leak(void)
{
	struct jq_program *p = jq_program_new(
		slice_z("null, (.a | ltrimstr(\"t\") == 1), .b, .a + \"x\""), NULL);
	many_records(p, 10000);
	long before = resident_pages();
	many_records(p, 1000000);
	long grown = resident_pages() - before;
	ok(before > 0 && (grown < 64 || KEEPS_FREED), "a million records: %ld pages more", grown);
	jq_program_free(p);
}

int main(void)
{
	single_records();
	refused_programs();
	home_is_hidden();
	outputs();
	threads();
	no_leak();
	return done();
}
