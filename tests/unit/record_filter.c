/* Each case runs a filter in a child, its input through a pipe that is cut where the case wants
 * it: the second part is written when the first was read. The filter's verdict stands in the
 * record, as .v. */
#include "tool/record_filter.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "ctl_lines.h"

static char *dir; /* of the counters pages */

/* ---- filters */

static enum record_verdict verdict_of(struct slice v, struct buf *replace, struct err *why)
{
	if (slice_is(v, "drop"))
		return RECORD_DROP;
	if (slice_is(v, "dup"))
		return RECORD_DUPLICATE;
	if (slice_is(v, "two"))
		buf_addz(replace, "{\"v\":1}\n{\"v\":2}\n");
	if (slice_is(v, "two") || slice_is(v, "none"))
		return RECORD_REPLACE;
	if (slice_is(v, "dead"))
		err_set(why, EX_DATAERR, "not wanted");
	if (slice_is(v, "dead"))
		return RECORD_DEAD;
	if (slice_is(v, "fail"))
		err_set(why, EX_UNAVAILABLE, "the store is away");
	return slice_is(v, "fail") ? RECORD_FAILED : RECORD_PASS;
}

static enum record_verdict judge_field(void *self, const struct record *r, struct buf *replace,
				       struct err *why)
{
	(void)self;
	return r->field[1].type == FIELD_STRING
		       ? verdict_of(slice(r->field[1].p, r->field[1].n), replace, why)
		       : RECORD_PASS;
}

/* The same, asking where it may. */
static struct {
	enum record_verdict verdict[RECORD_ASKED_MOST];
	size_t n;
} wait_list;

static enum record_verdict ask_field(void *self, const struct record *r, struct buf *replace,
				     struct err *why)
{
	enum record_verdict v = judge_field(self, r, replace, why);

	if (v != RECORD_PASS && v != RECORD_DROP && v != RECORD_DUPLICATE)
		return v;
	wait_list.verdict[wait_list.n++] = v;
	return RECORD_ASKED;
}

static int answer_fields(void *self, enum record_verdict *verdict, size_t n, struct err *err)
{
	(void)self;
	if (n != wait_list.n)
		return err_set(err, EX_SOFTWARE, "%zu wait, not %zu", wait_list.n, n);
	memcpy(verdict, wait_list.verdict, n * sizeof(*verdict));
	wait_list.n = 0;
	return 0;
}

static int refuse_fields(void *self, enum record_verdict *verdict, size_t n, struct err *err)
{
	(void)self, (void)verdict;
	return err_set(err, EX_TEMPFAIL, "nobody answers for %zu", n);
}

static enum record_verdict judge_text(void *self, const struct record *r, struct buf *replace,
				      struct err *why)
{
	(void)self;
	if (r->field || r->run->block.p + r->at != r->line.p)
		BUG("a line is not where it stands");
	return verdict_of(r->line, replace, why);
}

static int note_barrier(void *self, struct stage *st, const struct ctl *bar, struct err *err)
{
	static const char held[] = "{\"held\":true}\n";

	(void)self, (void)bar;
	stage_account(st)->added++;
	return stage_pass(st, slice(held, sizeof(held) - 1), 1, err);
}

static const char *const paths[] = { ".n", ".v", NULL }, *const bad_paths[] = { "a[", NULL };
static const struct record_filter by_field = { .paths = paths, .record = judge_field },
				  by_text = { .record = judge_text },
				  by_text_dead = { .record = judge_text, .finds_dead = true },
				  with_barrier = { .paths = paths,
						   .record = judge_field,
						   .barrier = note_barrier },
				  asking = { .paths = paths,
					     .record = ask_field,
					     .settle = answer_fields,
					     .barrier = note_barrier },
				  in_vain = { .paths = paths,
					      .record = ask_field,
					      .settle = refuse_fields },
				  misspelt = { .paths = bad_paths, .record = judge_field };

/* ---- a run */

struct result {
	int code;
	struct buf out, err;
};

static void result_fini(struct result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}

static int run_filter(void *self, struct err *err)
{
	return record_filter_run(self, NULL, NULL, 0, err);
}

_Noreturn static void be_filter(const struct record_filter *f, const char *option, int in, int out,
				int err)
{
	const struct prog prog = { .name = "hta-test",
				   .summary = "a test",
				   .synopsis = "[OPTIONS]",
				   .more = stage_opts_dead,
				   .more_self = stage_options(),
				   .run = run_filter };
	char *argv[] = { mem_strdup("hta-test"), mem_strdup(option), NULL };

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	for (int fd = 3; fd < 32; fd++)
		close(fd);
	exit(prog_main(&prog, (void *)(uintptr_t)f, 2, argv));
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* Until the child has read what is in the pipe, or has left. */
static void wait_read(int fd, pid_t child)
{
	int waiting = 1;

	while (ioctl(fd, FIONREAD, &waiting) == 0 && waiting && kill(child, 0) == 0 &&
	       waitpid(child, NULL, WNOHANG | WNOWAIT) == 0)
		sched_yield();
}

static void read_file(FILE *f, struct buf *out)
{
	char bytes[4096];
	size_t n;

	rewind(f);
	while ((n = fread(bytes, 1, sizeof(bytes), f)))
		buf_add(out, bytes, n);
	buf_z(out);
	fclose(f);
}

/* cut: bytes of the first part. */
static struct result run_cut(const struct record_filter *f, const char *option, struct slice in,
			     size_t cut)
{
	struct result r = { 0 };
	FILE *out = tmpfile(), *err = tmpfile();
	int fd[2], status = 0;
	pid_t child;

	if (pipe(fd) || !out || !err)
		BUG("no pipe or file");
	fflush(stdout);
	child = fork();
	if (child == 0)
		be_filter(f, option, fd[0], fileno(out), fileno(err));
	write_all(fd[1], in.p, cut);
	wait_read(fd[1], child);
	write_all(fd[1], in.p + cut, in.n - cut);
	close(fd[1]);
	close(fd[0]);
	waitpid(child, &status, 0);
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_file(out, &r.out);
	read_file(err, &r.err);
	return r;
}

static struct result run_text(const struct record_filter *f, const char *option, const char *in)
{
	return run_cut(f, option, slice_z(in), strlen(in));
}

/* ---- plain streams */

static const char verdicts[] = "{\"n\":1,\"v\":\"pass\"}\n"
			       "{\"n\":2}\n"
			       "{\"v\":\"drop\"}\n"
			       "{\"n\":4 }\n"
			       "{\"v\":\"two\"}\n"
			       "{\"v\":\"none\"}\n"
			       "{\"v\":\"dup\"}\n"
			       "\n"
			       "no json\n"
			       "{\"n\":10}\n"
			       "{\"v\":\"dead\"}\n"
			       "{\"v\":\"drop\"}\n"
			       "{\"n\":13}";
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

/* ---- acknowledged streams */

static void add_line(struct buf *out)
{
	buf_addc(out, '\n');
}

/* The hello of a source, its first probe with a sink far below that claims dead records, an epoch
 * of the verdicts above at offset 100, a barrier, the end. placed: that sink knows records by their
 * place. */
static void stream_of(const char *data, uint64_t lines, const char *unit, bool placed,
		      struct buf *out)
{
	const struct ctl_at at = { .topic = slice_z("t"), .partition = 3, .offset = 100 };
	struct account account = { .in = lines, .out = lines, .bytes = strlen(data) };
	struct buf element = { 0 };
	struct ranges ranges = { 0 };
	struct range *r = ranges_add(&ranges, slice_z("t"), 3);

	r->from = 100;
	r->to = 100 + (int64_t)(strcmp(unit, "byte") == 0 ? strlen(data) : lines);
	ctl_inc_set(&inc, INC);
	buf_printf(out,
		   "{\"$hta\":\"hello\",\"v\":1,\"inc\":\"" INC "\",\"job\":\"j\",\"group\":\"g\","
		   "\"unit\":\"%s\",\"ack\":\"/x\",\"stages\":[{\"s\":\"hta-consume\"}]}\n",
		   unit);
	buf_printf(out,
		   OPEN "\"k\":\"probe\",\"n\":1,\"job\":\"j\",\"claim\":[2],%s\"sinks\":[]}\n",
		   placed ? "\"placed\":2," : "");
	ctl_at_write(&inc, &at, out);
	add_line(out);
	buf_addz(out, data);
	ctl_account_write("hta-consume", &account, NULL, &element);
	ctl_bar_write(&inc, 1, GEN, "", &ranges, buf_slice(&element), out);
	add_line(out);
	ctl_end_write(&inc, true, out);
	add_line(out);
	ranges_fini(&ranges);
	buf_fini(&element);
}

static void acknowledged_stream(const char *data, uint64_t lines, struct buf *out)
{
	stream_of(data, lines, "record", false, out);
}

static struct slice next_line(struct slice *rest)
{
	const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct slice line = slice(rest->p, nl ? (size_t)(nl - rest->p) : rest->n);

	rest->p += line.n + (nl != NULL);
	rest->n -= line.n + (nl != NULL);
	return line;
}

/* Data lines and dead records in order, and the account. */
static void acknowledged_verdicts(const struct record_filter *f)
{
	static const char want[] = "{\"n\":1,\"v\":\"pass\"}|{\"n\":2}|{\"n\":4 }|{\"v\":1}|"
				   "{\"v\":2}|dead 108|{\"n\":10}|dead 110|{\"n\":13}|"
				   "{\"held\":true}|";
	struct buf in = { 0 }, data = { 0 }, got = { 0 };
	struct ctl c = { 0 };
	struct account_of *account = NULL;
	struct err err = ERR_INIT;
	struct result r;
	struct slice rest;
	size_t n = 0;

	buf_addz(&data, verdicts);
	add_line(&data);
	acknowledged_stream(buf_z(&data), 13, &in);
	r = run_cut(f, "-q", buf_slice(&in), in.n);
	is_int(r.code, 0, "acknowledged: exit code");
	rest = buf_slice(&r.out);
	next_line(&rest); /* the hello */
	while (rest.n) {
		struct slice line = next_line(&rest);

		if (line.n < CTL_PREFIX_BYTES ||
		    memcmp(line.p, inc.prefix, CTL_PREFIX_BYTES) != 0) {
			buf_adds(&got, line);
			buf_addc(&got, '|');
			continue;
		}
		ok(ctl_parse(&c, line, &err) == 0, "a control record %s", err.msg);
		if (c.kind == CTL_DEAD) {
			struct ctl_dead dead;
			bool base64;

			ok(ctl_dead_read(&c, &dead, &base64, &err) == 0, "a dead record");
			buf_printf(&got, "dead %lld|", (long long)dead.offset);
		} else if (c.kind == CTL_BAR) {
			ok(ctl_account_read(&c, &account, &n, &err) == 0, "an account");
			is_int(n, 2, "two stages");
			ok(ctl_account_check(account, n, &err) == 0, "books balance: %s", err.msg);
		}
	}
	is_str(buf_z(&got), want, "acknowledged: what goes out, in order");
	if (n == 2) {
		const struct account *a = &account[1].a;

		is_int(a->in, 13, "in");
		is_int(a->out, 8, "out");
		is_int(a->filtered, 4, "filtered: two that dropped, one replaced by none, a blank");
		is_int(a->duplicate, 1, "duplicate");
		is_int(a->dead, 2, "dead");
		is_int(a->added, 2, "added: the second line of two, and the barrier's own");
	}
	free(account);
	ctl_fini(&c);
	result_fini(&r);
	buf_fini(&got);
	buf_fini(&data);
	buf_fini(&in);
}

static void acknowledged_cut_anywhere(const struct record_filter *f)
{
	struct buf in = { 0 }, data = { 0 };
	struct result whole;
	bool same = true;

	buf_addz(&data, verdicts);
	add_line(&data);
	acknowledged_stream(buf_z(&data), 13, &in);
	whole = run_cut(f, "-q", buf_slice(&in), in.n);
	for (size_t cut = 1; cut < in.n && same; cut += 3) {
		struct result r = run_cut(f, "-q", buf_slice(&in), cut);
		const char *a = strstr(buf_z(&r.out), "\"probe\""), *b;

		b = strstr(buf_z(&whole.out), "\"probe\"");
		same = r.code == 0 && a && b && strcmp(a, b) == 0;
		if (!same)
			printf("# cut at %zu: %d\n# %s\n# %s\n", cut, r.code, buf_z(&r.out),
			       buf_z(&r.err));
		result_fini(&r);
	}
	ok(same, "acknowledged, the input cut anywhere");
	result_fini(&whole);
	buf_fini(&data);
	buf_fini(&in);
}

/* ---- places: what a stage below makes of them */

/* Whether this line stands at the offset, counted from 100. */
static bool stands_at(const char *data, bool bytes, int64_t offset, struct slice line)
{
	const char *p = data + (bytes ? offset - 100 : 0);

	for (int64_t i = 100; !bytes && i < offset; i++)
		p = strchr(p, '\n') + 1;
	return strncmp(p, line.p, line.n) == 0 && p[line.n] == '\n';
}

/* What came out: lines that passed are where they are said to be. How many `at` there were. */
static unsigned check_places(struct slice out, const char *data, bool bytes, bool placed)
{
	struct ctl c = { 0 };
	struct ctl_at at = { 0 };
	struct err err = ERR_INIT;
	unsigned n = 0, wrong = 0;

	next_line(&out); /* the hello */
	while (out.n) {
		struct slice line = next_line(&out);

		if (line.n >= CTL_PREFIX_BYTES &&
		    memcmp(line.p, inc.prefix, CTL_PREFIX_BYTES) == 0) {
			ctl_parse(&c, line, &err);
			n += c.kind == CTL_AT;
			if (c.kind == CTL_AT)
				ctl_at_read(&c, &at, &err);
			continue;
		}
		wrong += line.n > 4 && memcmp(line.p, "{\"n\"", 4) == 0 &&
			 (at.inexact ? placed : !stands_at(data, bytes, at.offset, line));
		wrong += placed && memcmp(line.p, "{\"v\"", 4) == 0 &&
			 (!at.inexact || !stands_at(data, bytes, at.offset, z("{\"v\":\"two\"}")));
		if (!at.inexact)
			at.offset += bytes ? (int64_t)line.n + 1 : 1;
	}
	is_int(wrong, 0, "lines stand where they are said to");
	ctl_fini(&c);
	return n;
}

static void cut_places(const char *data, bool bytes, bool placed, unsigned want)
{
	struct buf in = { 0 };

	stream_of(data, 13, bytes ? "byte" : "record", placed, &in);
	for (size_t cut = 1; cut < in.n; cut += 97) {
		struct result r = run_cut(&by_field, "-q", buf_slice(&in), cut);

		is_int(r.code, 0, "exit code");
		is_int(check_places(buf_slice(&r.out), data, bytes, placed), want,
		       "said where lines have moved, and no more");
		result_fini(&r);
	}
	buf_fini(&in);
}

static void places_below(void)
{
	struct buf data = { 0 };

	buf_addz(&data, verdicts);
	add_line(&data);
	for (int bytes = 0; bytes < 2; bytes++) {
		cut_places(buf_z(&data), bytes, true, 5);
		/* the source's, and one that says inexact */
		cut_places(buf_z(&data), bytes, false, 2);
	}
	buf_fini(&data);
}

int main(void)
{
	char name[] = "/tmp/hta-record_filter-XXXXXX", *remove;

	dir = mkdtemp(name);
	if (!dir || setenv("HTA_RUN", dir, 1))
		BUG("no folder");
	signal(SIGPIPE, SIG_IGN);
	plain_cut_anywhere(&by_field);
	plain_cut_anywhere(&asking);
	raw_lines();
	long_lines();
	many_lines(&by_field);
	many_lines(&asking);
	many_asked();
	failures();
	acknowledged_verdicts(&with_barrier);
	acknowledged_verdicts(&asking);
	acknowledged_cut_anywhere(&by_field);
	acknowledged_cut_anywhere(&asking);
	places_below();
	remove = mem_printf("rm -rf %s", dir);
	ok(system(remove) == 0, "the folder is gone");
	free(remove);
	return done();
}
