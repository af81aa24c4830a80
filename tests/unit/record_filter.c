/* Filters of records on a plain stream. */
#include "record_filter_run.h"

static const char verdicts_out[] = "{\"n\":1,\"v\":\"pass\"}\n{\"n\":2}\n{\"n\":4 }\n"
				   "{\"v\":1}\n{\"v\":2}\n{\"n\":10}\n{\"n\":13}\n";

static void plain_cut_anywhere(const struct record_filter *f)
{
	bool same = true;

	for (size_t cut = 0; cut < sizeof(verdicts); cut++) {
		struct result r = run_cut(f, "-q", slice_z(verdicts), cut);

		same = same && r.code == EX_DATAERR && strcmp(buf_z(&r.out), verdicts_out) == 0 &&
		       strstr(buf_z(&r.err), "input:9: ") &&
		       strstr(buf_z(&r.err), "input:11: not wanted") &&
		       strstr(buf_z(&r.err), "2 of 13 lines were bad");
		if (!same)
			printf("# cut at %zu: %d\n# %s\n# %s\n", cut, r.code, buf_z(&r.out),
			       buf_z(&r.err));
		result_fini(&r);
		if (!same)
			break;
	}
	ok(same, "all verdicts, the input cut anywhere");
}

static void raw_lines(void)
{
	struct result r = run_text(&by_text, "-q", "a\n\ndrop\n  \ndup\nno {json\ntwo\nnone\nb\n");

	is_int(r.code, 0, "raw lines: exit code");
	is_str(buf_z(&r.out), "a\n\n  \nno {json\n{\"v\":1}\n{\"v\":2}\nb\n",
	       "raw lines: no JSON is asked for, blank ones are seen");
	result_fini(&r);
	r = run_text(&by_text_dead, "-q", "a\ndead\nb\n");
	is_int(r.code, EX_DATAERR, "a raw line may be dead");
	is_str(buf_z(&r.out), "a\nb\n", "a raw line may be dead: the others");
	ok(strstr(buf_z(&r.err), "input:2: not wanted"), "a raw line may be dead: its place");
	result_fini(&r);
}

static void long_lines(void)
{
	struct buf in = { 0 };
	struct result r;

	buf_addz(&in, "{\"n\":1}\n{\"n\":\"");
	for (int i = 0; i < 50000; i++)
		buf_addz(&in, "long");
	buf_addz(&in, "\"}\n{\"n\":3}\n{\"v\":\"drop\"}\n{\"n\":5}\n");
	r = run_text(&by_field, "--max-line=100", buf_z(&in));
	is_int(r.code, EX_DATAERR, "a long line is bad");
	is_str(buf_z(&r.out), "{\"n\":1}\n{\"n\":3}\n{\"n\":5}\n", "a long line: the others");
	ok(strstr(buf_z(&r.err), "input:2: line of 200008 bytes"), "a long line: its place: %s",
	   buf_z(&r.err));
	ok(strstr(buf_z(&r.err), "1 of 5 lines were bad"), "a long line is counted");
	result_fini(&r);
	r = run_text(&by_text, "--max-line=100", buf_z(&in));
	is_int(r.code, EX_DATAERR, "a filter that finds no dead records ends at a long line");
	result_fini(&r);
	buf_fini(&in);
}

/* Several batches of the scanner, several blocks of the reader. */
static void many_lines(const struct record_filter *f)
{
	enum { LINES = 40000 };
	struct buf in = { 0 }, want = { 0 };
	struct result r;

	for (int i = 0; i < LINES; i++) {
		size_t at = in.n;

		buf_printf(&in, "{\"n\":%d%s}\n", i,
			   i % 3 == 0   ? ",\"v\":\"drop\""
			   : i % 7 == 0 ? ",\"v\":\"two\""
					: "");
		if (i % 3 && i % 7)
			buf_add(&want, in.p + at, in.n - at);
		else if (i % 3)
			buf_addz(&want, "{\"v\":1}\n{\"v\":2}\n");
	}
	r = run_cut(f, "-q", buf_slice(&in), in.n);
	is_int(r.code, 0, "many lines: exit code");
	ok(r.out.n == want.n && memcmp(r.out.p, want.p, want.n) == 0, "many lines");
	result_fini(&r);
	buf_fini(&in);
	buf_fini(&want);
}

static void failures(void)
{
	struct result r = run_text(&by_field, "-q", "{\"n\":1}\n{\"v\":\"fail\"}\n{\"n\":3}\n");

	is_int(r.code, EX_UNAVAILABLE, "a filter that fails: its code");
	is_str(buf_z(&r.err), "hta-test: the store is away\n", "a filter that fails: its words");
	result_fini(&r);
	r = run_text(&misspelt, "-q", "");
	is_int(r.code, EX_USAGE, "a path that is none");
	result_fini(&r);
	r = run_text(&in_vain, "-q", "{\"n\":1}\n{\"n\":2}\n");
	is_int(r.code, EX_TEMPFAIL, "nobody answers: the code");
	is_str(buf_z(&r.out), "", "nobody answers: no line");
	ok(strstr(buf_z(&r.err), "hta-test: nobody answers for"), "nobody answers: its words");
	result_fini(&r);
	r = run_text(&by_field, "-q", "");
	is_int(r.code, 0, "no input");
	is_str(buf_z(&r.out), "", "no input: no output");
	result_fini(&r);
}

/* More lines than may wait at a time. */
static void many_asked(void)
{
	struct buf in = { 0 };
	struct result r;

	for (int i = 0; i < 3 * RECORD_ASKED_MOST; i++)
		buf_printf(&in, "{\"n\":%d}\n", i);
	r = run_cut(&asking, "-q", buf_slice(&in), in.n);
	is_int(r.code, 0, "many that wait: exit code");
	ok(r.out.n == in.n && memcmp(r.out.p, in.p, in.n) == 0, "many that wait");
	result_fini(&r);
	buf_fini(&in);
}

int main(void)
{
	make_folder();
	plain_cut_anywhere(&by_field);
	plain_cut_anywhere(&asking);
	raw_lines();
	long_lines();
	many_lines(&by_field);
	many_lines(&asking);
	many_asked();
	failures();
	remove_folder();
	return done();
}
