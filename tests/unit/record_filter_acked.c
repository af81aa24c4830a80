/* Filters of records on an acknowledged stream: dead records, the account, and places. */
#include "record_filter_run.h"

#include "ctl_lines.h"

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
	make_folder();
	acknowledged_verdicts(&with_barrier);
	acknowledged_verdicts(&asking);
	acknowledged_cut_anywhere(&by_field);
	acknowledged_cut_anywhere(&asking);
	places_below();
	remove_folder();
	return done();
}
