/* Control records. A line is parsed and given to every reader, whatever its kind; what a reader
 * understood is written and must read back as the same, byte for byte when written again.
 * Growing leaves a record that parses, with one element more. Arbitrary bytes as a dead record
 * or a message are written as a line that reads back. ctl_find's engines agree with a plain
 * loop. */
#include "fuzz.h"

#include "proto/ctl_internal.h"

static struct ctl_inc inc;

static void parse(struct ctl *c, const struct buf *line)
{
	struct err err = ERR_INIT;
	MUST(!memchr(line->p, '\n', line->n));
	if (ctl_parse(c, buf_slice(line), &err))
		BUG("%s: %.*s", err.msg, (int)line->n, line->p);
}

/* Reads, writes into out. False: not of this kind, with a message. */
typedef bool rewrite_fn(const struct ctl *c, struct buf *out, struct err *err);

static bool rewrite_bar(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_bar bar;
	struct account_of *v;
	struct buf account = { 0 };
	size_t n;
	if (ctl_bar_read(c, &bar, err))
		return false;
	if (ctl_account_read(c, &v, &n, err)) {
		ranges_fini(&bar.ranges);
		return false;
	}
	ctl_account_check(v, n, err);
	for (size_t i = 0; i < n; i++) {
		char *stage = mem_dup(v[i].stage.p, v[i].stage.n);
		if (i > 0)
			buf_addc(&account, ',');
		ctl_account_write(stage, &v[i].a, i == 0 ? &bar.ranges : NULL, &account);
		free(stage);
	}
	char *gen = mem_dup(bar.gen.p, bar.gen.n);
	ctl_bar_write(&inc, bar.epoch, gen, "", &bar.ranges, buf_slice(&account), out);
	free(gen);
	free(v);
	buf_fini(&account);
	ranges_sort(&bar.ranges);
	ranges_fini(&bar.ranges);
	return true;
}

static bool rewrite_probe(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_sink_state *v;
	uint64_t n;
	size_t sinks;
	if (ctl_probe_read(c, &n, &v, &sinks, err))
		return false;
	ctl_open(&inc, "probe", out);
	ctl_add_u64(out, "n", n);
	buf_addz(out, ",\"sinks\":[");
	for (size_t i = 0; i < sinks; i++) {
		if (i > 0)
			buf_addc(out, ',');
		ctl_sink_state_write(&v[i], out);
		ctl_sink_state_fini(&v[i]);
	}
	buf_addz(out, "]}");
	free(v);
	return true;
}

static bool rewrite_init(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_init init;
	if (ctl_init_read(c, &init, err))
		return false;
	ctl_init_write(&inc, &init, out);
	ranges_fini(&init.start);
	return true;
}

static bool rewrite_fail(const struct ctl *c, struct buf *out, struct err *err)
{
	struct err told = ERR_INIT;
	if (ctl_fail_read(c, &told)) {
		*err = told;
		return false;
	}
	MUST(told.code >= 1 && told.code <= 255 && strchr(told.msg, ':'));
	char *name = strchr(told.msg, ':'); /* "stage: msg" */
	*name = '\0';
	memmove(told.msg, name + 1, strlen(name + 1) + 1);
	if (told.msg[0] == ' ')
		memmove(told.msg, told.msg + 1, strlen(told.msg));
	ctl_fail_write(&inc, "fuzz", &told, out);
	return true;
}

/* What is kept of a record: a text without NUL as it is, else its bytes. */
static bool rewrite_dead(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_dead d;
	struct buf raw = { 0 };
	bool base64;
	if (ctl_dead_read(c, &d, &base64, err))
		return false;
	if (base64) {
		if (str_unbase64(d.record, &raw)) {
			buf_fini(&raw);
			err_set(err, EX_DATAERR, "not base64");
			return false;
		}
		d.record = buf_slice(&raw);
	}
	ctl_dead_write(&inc, &d, out);
	buf_fini(&raw);
	return true;
}

static bool rewrite_before(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_before b;
	struct buf lines = { 0 };
	bool is = ctl_before_read(c, &b, &lines, err) == 0;
	b.lines = buf_slice(&lines);
	if (is)
		ctl_before_write(&inc, &b, out);
	buf_fini(&lines);
	return is;
}

static bool rewrite_metrics(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_metrics m;
	if (ctl_metrics_read(c, &m, err))
		return false;
	ctl_metrics_write(&inc, &m, out);
	ctl_metrics_fini(&m);
	return true;
}

static bool read_hello(const struct ctl *c, struct buf *out, struct err *err)
{
	struct ctl_hello hello;
	(void)out;
	if (ctl_hello_read(c, &hello, err))
		return false;
	uint32_t stages = ctl_stages(c);
	MUST(c->kind == CTL_HELLO && stages && c->json.node[stages].type == JSON_ARRAY &&
	     ctl_is_id(hello.inc));
	return true;
}

static const struct {
	rewrite_fn *fn;
	bool writes;
} kinds[] = {
	{ rewrite_bar, true },     { rewrite_probe, true }, { rewrite_init, true },
	{ rewrite_dead, true },    { rewrite_fail, true },  { rewrite_before, true },
	{ rewrite_metrics, true }, { read_hello, false },
};

static void check_kind(const struct ctl *c, rewrite_fn *fn, bool writes)
{
	struct buf once = { 0 }, twice = { 0 };
	struct err err = ERR_INIT;
	struct ctl again = { 0 };
	if (!fn(c, &once, &err)) {
		MUST((err.code == EX_DATAERR || err.code == EX_PROTOCOL) && err.msg[0]);
	} else if (writes) {
		parse(&again, &once);
		if (!fn(&again, &twice, &err))
			BUG("%s: %.*s", err.msg, (int)once.n, once.p);
		if (!slice_eq(buf_slice(&once), buf_slice(&twice)))
			BUG("%.*s then %.*s", (int)once.n, once.p, (int)twice.n, twice.p);
	}
	ctl_fini(&again);
	buf_fini(&once);
	buf_fini(&twice);
}

/* The array that is the last member of the record, 0: none is. */
static uint32_t last_array(const struct ctl *c)
{
	uint32_t last = 0;
	for (uint32_t i = json_first(&c->json, 0); i < c->json.node[0].next;
	     i = c->json.node[i].next)
		last = i;
	return last && c->json.node[last].type == JSON_ARRAY ? last : 0;
}

static unsigned children(const struct ctl *c, uint32_t at)
{
	unsigned n = 0;
	for (uint32_t i = json_first(&c->json, at); i < c->json.node[at].next;
	     i = c->json.node[i].next)
		n++;
	return n;
}

static void check_grow(const struct ctl *c)
{
	struct buf grown = { 0 };
	struct ctl again = { 0 };
	uint32_t array = last_array(c);
	if (ctl_grow(c->line, slice_z("{\"s\":\"fuzz\"}"), &grown) == 0) {
		parse(&again, &grown);
		MUST(array && last_array(&again) == array &&
		     children(&again, array) == children(c, array) + 1 && again.kind == c->kind);
	} else {
		MUST(!array && grown.n == 0);
	}
	ctl_fini(&again);
	buf_fini(&grown);
}

static void check_line(struct slice line)
{
	struct ctl c = { 0 };
	struct err err = ERR_INIT;
	if (ctl_parse(&c, line, &err)) {
		MUST(err.code == EX_DATAERR && err.msg[0]);
	} else {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			check_kind(&c, kinds[i].fn, kinds[i].writes);
		check_grow(&c);
	}
	ctl_fini(&c);
}

static void check_bytes(struct slice bytes)
{
	struct ctl_dead d = { .late = bytes.n & 1,
			      .stage = slice_z("fuzz"),
			      .topic = slice_z("t"),
			      .offset = 3,
			      .why = bytes,
			      .size = bytes.n,
			      .record = bytes };
	struct ctl_dead back;
	struct buf line = { 0 }, raw = { 0 };
	struct err err = { .code = EX_DATAERR }, told = ERR_INIT;
	struct ctl c = { 0 };
	bool base64;
	ctl_dead_write(&inc, &d, &line);
	parse(&c, &line);
	MUST(ctl_dead_read(&c, &back, &base64, NULL) == 0 && back.late == d.late &&
	     back.size == d.size && back.offset == 3);
	if (base64)
		MUST(str_unbase64(back.record, &raw) == 0);
	struct slice kept = base64 ? buf_slice(&raw) : back.record;
	MUST(kept.n <= bytes.n && (kept.n == bytes.n || kept.n > CTL_KEEP_BYTES - 4) &&
	     (kept.n == 0 || memcmp(kept.p, bytes.p, kept.n) == 0));
	memcpy(err.msg, bytes.p, bytes.n < ERR_MSG_BYTES ? bytes.n : ERR_MSG_BYTES - 1);
	line.n = 0;
	ctl_fail_write(&inc, "fuzz", &err, &line);
	parse(&c, &line);
	MUST(ctl_fail_read(&c, &told) == 0 && told.code == EX_DATAERR &&
	     strncmp(told.msg, "fuzz: ", 6) == 0);
	ctl_fini(&c);
	buf_fini(&line);
	buf_fini(&raw);
}

/* Whole lines; what starts with \1 becomes a control line. */
static void check_find(struct slice s)
{
	struct buf block = { 0 };
	bool start = true;
	for (size_t i = 0; i < s.n; i++) {
		if (start && s.p[i] == 1)
			buf_add(&block, inc.prefix, CTL_PREFIX_BYTES);
		else
			buf_addc(&block, s.p[i]);
		start = s.p[i] == '\n';
	}
	buf_addc(&block, '\n');
	size_t want = 0;
	while (want < block.n && (block.n - want < CTL_PREFIX_BYTES ||
				  memcmp(block.p + want, inc.prefix, CTL_PREFIX_BYTES) != 0))
		want = (size_t)((char *)memchr(block.p + want, '\n', block.n - want) - block.p) + 1;
	char *exact = mem_alloc(block.n);
	memcpy(exact, block.p, block.n);
	MUST(ctl_find(&inc, exact, block.n) == want &&
	     ctl_find_portable(&inc, exact, block.n) == want);
	free(exact);
	buf_fini(&block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = slice((const char *)data, n);
	if (!inc.id[0])
		ctl_inc_set(&inc, "0123456789abcdef");
	if (n > 0 && data[0] == 'b')
		check_bytes(slice(s.p + 1, n - 1));
	else if (n > 0 && data[0] == 'f')
		check_find(slice(s.p + 1, n - 1));
	else
		check_line(n && memchr(s.p, '\n', n)
				   ? slice(s.p, (size_t)((char *)memchr(s.p, '\n', n) - s.p))
				   : s);
	return 0;
}
