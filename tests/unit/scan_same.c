/* Every engine of the scanner against json_parse: over lines that a seeded generator makes and
 * breaks, over a learned line with each of its bytes changed, and over long lines. */
#include "json/json.h"

#include "scan_engines.h"

/* ---- generated lines ---- */

static uint64_t state = 1;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(next() % n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* What the lines of one block have in common. */
struct style {
	unsigned members, space, odd;
	uint64_t seed;
};

static void add_space(struct buf *b, const struct style *style)
{
	if (style->space == 1)
		buf_addc(b, ' ');
	else if (style->space == 2)
		for (unsigned n = below(3); n > 0; n--)
			buf_addc(b, " \t\r"[below(3)]);
}

static void add_string(struct buf *b, unsigned odd)
{
	static const char *const escapes[] = { "\\\"",    "\\\\",           "\\/",     "\\n",
					       "\\u00e9", "\\ud834\\udd1e", "\\ud800", "\\u0000" };
	static const char *const wide[] = { "\xc3\xa9",     "\xe2\x82\xac", "\xf0\x9f\x98\x80",
					    "\xed\x9f\xbf", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf" };
	unsigned n = below(one_in(4) ? 90 : 20);
	buf_addc(b, '"');
	for (unsigned i = 0; i < n; i++)
		if (odd && one_in(odd))
			buf_addz(b, one_in(2) ? escapes[below(COUNT(escapes))]
					      : wide[below(COUNT(wide))]);
		else
			buf_addc(b, "abcdefgh 0123456789:,{}[]'-_/.~\x7f"[below(32)]);
	buf_addc(b, '"');
}

static void add_number(struct buf *b)
{
	if (one_in(6))
		buf_addc(b, '-');
	buf_addu(b, next() >> (one_in(3) ? below(64) : 50 + below(14)));
	if (one_in(2)) {
		buf_addc(b, '.');
		for (unsigned n = 1 + below(one_in(4) ? 18 : 4); n > 0; n--)
			buf_addc(b, (char)('0' + below(10)));
	}
	if (one_in(8))
		buf_printf(b, "%c%s%u", "eE"[below(2)],
			   below(3) == 0 ? "+"
			   : below(2)    ? "-"
					 : "",
			   below(30));
}

static const char *const names[] = {
	"ts",
	"endpoint",
	"status",
	"latency_ms",
	"payload",
	"price",
	"a",
	"b",
	"c",
	"",
	"\\u0074s",
	"st\\u0061tus",
	"\\ud800",
	"st\xc3\xa9",
	"a name with more than sixteen bytes, one",
	"a name with more than sixteen bytez, one",
	"a name with m.. than sixteen bytes, one",
	"12345678",
	"123456789",
	"1234567890abcdef",
	"1234567890abcdefg",
	"event_id",
	"order_id",
	"owner_id",
	"customer",
	"a name of exactly thirty-two char",
};

static void add_object(struct buf *b, const struct style *style, unsigned depth);

static void add_value(struct buf *b, const struct style *style, unsigned kind, unsigned depth)
{
	static const char *const words[] = { "true", "false", "null" };
	if (kind < 4) {
		add_string(b, style->odd);
	} else if (kind < 7) {
		add_number(b);
	} else if (kind == 7) {
		buf_addz(b, words[below(3)]);
	} else if (kind == 8 && depth < 4) {
		buf_addc(b, '[');
		for (unsigned n = below(4); n > 0; n--) {
			add_space(b, style);
			add_value(b, style, below(10), depth + 1);
			add_space(b, style);
			if (n > 1)
				buf_addc(b, ',');
		}
		buf_addc(b, ']');
	} else if (depth < 4) {
		add_object(b, style, depth + 1);
	} else {
		buf_addz(b, "{}");
	}
}

/* Which members there are follows from the style's own seed, so that lines of a style have the
 * same order; sometimes a kind changes. */
static void add_object(struct buf *b, const struct style *style, unsigned depth)
{
	uint64_t kept = state;
	state = style->seed + depth;
	unsigned members = below(style->members + 1);
	uint64_t shape = state;
	state = kept;
	buf_addc(b, '{');
	for (unsigned i = 0; i < members; i++) {
		kept = state;
		state = shape;
		unsigned name = below(COUNT(names)), kind = below(10);
		shape = state;
		state = kept;
		add_space(b, style);
		buf_printf(b, "\"%s\"", names[one_in(60) ? below(COUNT(names)) : name]);
		add_space(b, style);
		buf_addc(b, ':');
		add_space(b, style);
		add_value(b, style, one_in(60) ? below(10) : kind, depth);
		add_space(b, style);
		if (i + 1 < members)
			buf_addc(b, ',');
	}
	buf_addc(b, '}');
}

/* Breaks a line at one place or leaves it as it is. Never adds a \n. */
static void mutate(struct buf *b, size_t from)
{
	static const char bytes[] =
		"\"\\{}[]:, "
		"\t\r01-+.eEtfn/\x00\x01\x1f\x7f\x80\xa0\xbf\xc0\xc3\xe2\xed\xf0\xf4\xff";
	size_t n = b->n - from, at = from + (n ? next() % n : 0);
	char c = bytes[below(sizeof bytes - 1)];
	if (n == 0)
		return;
	switch (below(5)) {
	case 0:
		b->p[at] = c;
		break;
	case 1:
		memmove(b->p + at, b->p + at + 1, b->n - at - 1);
		b->n--;
		break;
	case 2:
		buf_addc(b, c);
		memmove(b->p + at + 1, b->p + at, b->n - at - 1);
		b->p[at] = c;
		break;
	case 3:
		b->n = at;
		break;
	default:
		b->p[at] = b->p[from + next() % n];
	}
}

static void add_line(struct buf *b, const struct style *style)
{
	size_t from = b->n;
	if (one_in(20))
		buf_addz(b, "\xef\xbb\xbf");
	add_space(b, style);
	if (one_in(40))
		buf_addz(b, one_in(2) ? " " : "");
	else if (one_in(60))
		add_value(b, style, below(10), 0);
	else
		add_object(b, style, 0);
	add_space(b, style);
	for (unsigned n = one_in(4) ? 1 + below(2) : 0; n > 0; n--)
		mutate(b, from);
	buf_addc(b, '\n');
}

/* ---- the reference ---- */

static bool blank(struct slice line)
{
	for (size_t i = str_mark(line); i < line.n; i++)
		if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
			return false;
	return true;
}

static enum scan_status reference(struct json *j, struct slice line)
{
	if (blank(line))
		return SCAN_BLANK;
	return json_parse(j, line, NULL) == 0 && j->node[0].type == JSON_OBJECT ? SCAN_OK
										: SCAN_BAD;
}

static struct field reference_field(const struct json *j, const struct path *path)
{
	static const uint32_t types[] = {
		[JSON_NULL] = FIELD_NULL,     [JSON_FALSE] = FIELD_FALSE,
		[JSON_TRUE] = FIELD_TRUE,     [JSON_NUMBER] = FIELD_NUMBER,
		[JSON_STRING] = FIELD_STRING, [JSON_ARRAY] = FIELD_ARRAY,
		[JSON_OBJECT] = FIELD_OBJECT,
	};
	uint32_t at = 0;
	for (unsigned i = 0; i < path->n; i++) {
		char step[64];
		snprintf(step, sizeof step, "%.*s", (int)path->step[i].n, path->step[i].p);
		at = json_get(j, at, step);
		if (at == 0)
			return (struct field){ NULL, 0, FIELD_MISSING };
	}
	const struct json_node *node = &j->node[at];
	return (struct field){ node->text.p, (uint32_t)node->text.n,
			       node->escaped ? FIELD_ESCAPED : types[node->type] };
}

struct wanted {
	struct path *paths;
	size_t n;
	struct scan *scan[COUNT(engines)];
};

static bool same_fields(const struct json *j, const struct wanted *w, const struct field *row)
{
	for (size_t i = 0; i < w->n; i++) {
		struct field want = reference_field(j, &w->paths[i]);
		if (want.type != row[i].type ||
		    (want.type != FIELD_MISSING && (want.p != row[i].p || want.n != row[i].n)))
			return false;
	}
	return true;
}

/* The lines of a block by one engine; returns how many are right. */
static unsigned right_lines(const struct wanted *w, struct scan *s, const char *p, size_t n,
			    unsigned counts[3])
{
	struct json j = { 0 };
	struct scan_batch batch;
	unsigned right = 0;
	while (n > 0) {
		scan_lines(s, p, n, &batch);
		if (batch.lines == 0 || batch.used > n)
			break;
		for (unsigned i = 0; i < batch.lines; i++) {
			struct slice line = slice(batch.start[i], batch.length[i]);
			enum scan_status want = reference(&j, line);
			bool good = line.p == p && p[line.n] == '\n' &&
				    scan_status(&batch, i) == want;
			if (good && want == SCAN_OK)
				good = same_fields(&j, w, batch.field + i * w->n);
			if (good)
				right++;
			else
				printf("# %d, not %d: %.300s\n", scan_status(&batch, i), want,
				       line.p);
			counts[want]++;
			p += line.n + 1;
			n -= line.n + 1;
		}
	}
	json_fini(&j);
	return right;
}

static const char *const asked[][8] = {
	{ "ts", "endpoint", "status", "latency_ms" },
	{ "payload.price", "payload.a", "ts", "a.b.c", "a.b", "ts" },
	{ "a name with more than sixteen bytes, one", "a name with more than sixteen bytez, one",
	  "12345678", "123456789", "1234567890abcdef", "c", "1234567890abcdefg", "payload" },
	{ "customer" },
	{ "event_id", "order_id", "a name of exactly thirty-two char",
	  "a name with more than sixteen bytes, one", "" },
};

static void ask(struct wanted *w, const char *const *texts)
{
	for (w->n = 0; w->n < 8 && texts[w->n]; w->n++)
		;
	w->paths = mem_array(w->n, sizeof *w->paths);
	for (size_t k = 0; k < w->n; k++) {
		struct buf quoted = { 0 };
		buf_printf(&quoted,
			   strchr(texts[k], ' ') || texts[k][0] == '1' || !texts[k][0] ? ".\"%s\""
										       : "%s",
			   texts[k]);
		if (path_parse(&w->paths[k], buf_slice(&quoted), NULL))
			ok(false, "path %s", texts[k]);
		buf_fini(&quoted);
	}
	for (size_t e = 0; e < COUNT(engines); e++) {
		w->scan[e] = scan_new(w->paths, w->n, NULL);
		if (!scan_force(w->scan[e], engines[e].engine, engines[e].learn)) {
			scan_free(w->scan[e]);
			w->scan[e] = NULL;
		}
	}
}

static void unask(struct wanted *w)
{
	for (size_t e = 0; e < COUNT(engines); e++)
		scan_free(w->scan[e]);
	paths_free(w->paths, w->n);
}

/* Mostly from a fresh start: where little repeats, learning pauses and stays away for long. */
static void right_everywhere(const struct wanted *w, const struct buf *b, unsigned lines,
			     unsigned wrong[COUNT(engines)], unsigned counts[3])
{
	size_t off = below(64);
	bool fresh = below(4) > 0;
	char *room = padded(b, off);
	for (size_t e = 0; e < COUNT(engines); e++) {
		if (!w->scan[e])
			continue;
		if (fresh)
			scan_force(w->scan[e], engines[e].engine, engines[e].learn);
		wrong[e] += lines - right_lines(w, w->scan[e], room + off + SCAN_PAD, b->n, counts);
	}
	free(room);
}

static void generated(unsigned blocks)
{
	struct wanted wanted[COUNT(asked)];
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	for (size_t i = 0; i < COUNT(asked); i++)
		ask(&wanted[i], asked[i]);
	for (unsigned i = 0; i < blocks; i++) {
		struct style style = { 1 + below(12), one_in(2) ? 0 : below(3),
				       one_in(2) ? 0 : 1 + below(30), next() };
		unsigned lines = 1 + below(150);
		b.n = 0;
		for (unsigned k = 0; k < lines; k++) {
			if (one_in(50))
				style.seed = next();
			add_line(&b, &style);
		}
		right_everywhere(&wanted[below(COUNT(asked))], &b, lines, wrong, counts);
	}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted[0].scan[e])
			ok(wrong[e] == 0,
			   "%s: %u blocks of generated lines are what json_parse says",
			   engines[e].name, blocks);
	ok(counts[SCAN_OK] > blocks * 50 && counts[SCAN_BAD] > blocks * 10 &&
		   counts[SCAN_BLANK] > blocks,
	   "%u good lines, %u bad, %u blank", counts[SCAN_OK], counts[SCAN_BAD],
	   counts[SCAN_BLANK]);
	for (size_t i = 0; i < COUNT(asked); i++)
		unask(&wanted[i]);
	buf_fini(&b);
}

/* A line of every kind of value, often enough to be learned, then with each of its bytes
 * replaced by others, taken out, and doubled. */
static void every_byte(void)
{
	static const char line[] =
		" {\"ts\":\"2026-11-20T15:00:00.250Z\",\"a\":{\"b\":{\"c\":-1.5e3}},\"status\":200,"
		" \"latency_ms\" : 0.125,"
		"\"tags\":[\"x\",{\"y\":[1,2]},null],\"endpoint\":\"/a\\u00e9\\n \xc3\xa9 a long "
		"one, longer than 32 bytes, and longer than 64 too\","
		"\"ok\":true,\"none\":null,\"payload\":{\"price\":10,\"a\":\"\"},\"id\":\"24c12312-"
		"6ffd-4722-8230-04ef8df510e6\"}\r";
	static const char others[] = "\"\\{}[]:, \t\r01-.eu/n\x01\x7f\x80\xc3\xff";
	struct wanted wanted[2];
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	ask(&wanted[0], asked[0]);
	ask(&wanted[1], asked[1]);
	for (size_t at = 0; at + 1 < sizeof line; at++) {
		unsigned lines = 0;
		b.n = 0;
		for (size_t k = 0; k < sizeof others + 1; k++) {
			for (int same = 0; same < 2; same++, lines++)
				buf_printf(&b, "%s\n", line);
			buf_add(&b, line, at);
			if (k < sizeof others - 1)
				buf_addc(&b, others[k]);
			else if (k == sizeof others)
				buf_add(&b, line + at, 2);
			buf_printf(&b, "%s\n", line + at + 1);
			lines++;
		}
		right_everywhere(&wanted[at % 2], &b, lines, wrong, counts);
	}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted[0].scan[e])
			ok(wrong[e] == 0,
			   "%s: a learned line with one byte changed is what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_BAD] > 5000 && counts[SCAN_OK] > 2 * counts[SCAN_BAD],
	   "%u good lines, %u bad", counts[SCAN_OK], counts[SCAN_BAD]);
	unask(&wanted[0]);
	unask(&wanted[1]);
	buf_fini(&b);
}

/* Lines of the same texts with values that are of every kind, or of none. */
static void every_kind(void)
{
	static const char *const values[] = {
		"1", "0", "12.5", "-1", "1e5", "1234567890123456", "12345678901234567",
		"123456789012.345", "true", "false", "null", "\"\"", "\"x\"", "\"\\n\"",
		"\"a string of exactly thirty-two..\"",
		"\"a string that is longer than thirty-two bytes\"", "[]", "[1]", "[[],{}]", "{}",
		"{\"a\":1}",
	}, *const broken[] = {
		"", "tru", "nul", "truefalse", "01", "-", "1.", ".5", "1e", "+1", "\"x", "x\"",
		"\"\\x\"", "\"\t\"", "[", "]", "[1,]", "[1}", "{", "{\"a\"}", "\"\"\"\"", "1 1",
		",",
	};
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	ask(&wanted, (const char *const[8]){ "a", "b", "payload.a" });
	for (unsigned i = 0; i < 1500; i++) {
		unsigned lines = 1 + below(100), kinds = 1 + below(3), first = below(COUNT(values));
		b.n = 0;
		for (unsigned k = 0; k < lines; k++) {
			const char *v[3];
			for (int m = 0; m < 3; m++)
				v[m] = one_in(30)
					       ? broken[below(COUNT(broken))]
					       : values[(first + below(kinds) * 5 + (unsigned)m) %
							COUNT(values)];
			buf_printf(&b, "{\"a\":%s,\"payload\":{\"a\":%s},\"b\":%s}\n", v[0], v[1],
				   v[2]);
		}
		right_everywhere(&wanted, &b, lines, wrong, counts);
	}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0,
			   "%s: values of every kind and none are what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_BAD] > 10000 && counts[SCAN_OK] > counts[SCAN_BAD], "%u good lines, %u bad",
	   counts[SCAN_OK], counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

/* Every byte behind a backslash, and at each place of \uXXXX, near the beginning of a string and
 * beyond its first 32 and 64 bytes. */
static void every_escape(void)
{
	static const struct {
		const char *before, *behind;
	} forms[] = {
		{ "\\", "" },       { "\\u", "000" },       { "\\u0", "00" }, { "\\u00", "0" },
		{ "\\u000", "" },   { "\\\\", "" },         { "", "" },       { "\xc3", "" },
		{ "\xe2\x82", "" }, { "\xf0\x9f\x98", "" }, { "", "\xbf" },   { "", "\x80\x80" },
	};
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	ask(&wanted, (const char *const[8]){ "a" });
	for (size_t form = 0; form < COUNT(forms); form++)
		for (unsigned before = 0; before < 140; before += 1 + before % 7) {
			unsigned lines = 0;
			b.n = 0;
			for (int c = 1; c < 256; c++)
				if (c != '\n') {
					buf_printf(&b, "{\"a\":\"%.*s", (int)before,
						   "..............................................."
						   "................."
						   "..............................................."
						   ".............................");
					buf_printf(&b, "%s%c%s%s\"}\n", forms[form].before, c,
						   forms[form].behind, c % 3 ? "" : " and on");
					lines++;
				}
			right_everywhere(&wanted, &b, lines, wrong, counts);
		}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0, "%s: every escape is what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_BAD] > 10000 && counts[SCAN_OK] > 10000, "%u good lines, %u bad",
	   counts[SCAN_OK], counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

static void add_times(struct buf *b, const char *text, unsigned n)
{
	for (; n > 0; n--)
		buf_addz(b, text);
}

/* An array that is one value of what was learned, at the bottom of 100 objects: its own depth is
 * not all that counts. */
static void depth(void)
{
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 }, lines = 0;
	struct buf b = { 0 };
	ask(&wanted, asked[0]);
	for (; lines < 60; lines++) {
		unsigned arrays = lines % 5 == 4 ? JSON_DEPTH - 99 : JSON_DEPTH - 100 - lines % 5;
		add_times(&b, "{\"a\":", 100);
		add_times(&b, "[", arrays);
		add_times(&b, "]", arrays);
		add_times(&b, "}", 100);
		buf_addc(&b, '\n');
	}
	right_everywhere(&wanted, &b, lines, wrong, counts);
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0, "%s: deep lines are what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_OK] == 4 * counts[SCAN_BAD], "%u good lines, %u bad", counts[SCAN_OK],
	   counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

/* Long lines: of more names than are guessed, of long strings, of texts too long to be learned. */
static void long_lines(void)
{
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 }, lines = 0;
	struct buf b = { 0 };
	ask(&wanted, asked[0]);
	for (; lines < 60; lines++) {
		buf_addz(&b, "{\"status\":1");
		for (unsigned k = below(3000); k > 0; k--)
			buf_printf(&b, ",\"k%u\":%u", k, k);
		buf_addz(&b, ",\"text\":\"");
		for (unsigned k = below(9000); k > 0; k--)
			buf_addz(&b, one_in(300)    ? "\\u00e9"
				     : one_in(300)  ? "\xe2\x82\xac"
				     : one_in(300)  ? "\\\\"
				     : one_in(9000) ? "\t"
						    : "ten letters");
		buf_printf(&b, "\",\"endpoint\":\"%u\",\"list\":[", lines);
		for (unsigned k = below(2000); k > 0; k--)
			buf_printf(&b, "{\"ts\":%u},", k);
		buf_addz(&b, "[]],\"ts\":\"x\"}\n");
	}
	right_everywhere(&wanted, &b, lines, wrong, counts);
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0, "%s: %zu kB in %u lines are what json_parse says",
			   engines[e].name, b.n / 1000, lines);
	ok(counts[SCAN_OK] > 0 && counts[SCAN_BAD] > 0, "%u good, %u bad", counts[SCAN_OK],
	   counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

int main(void)
{
	every_byte();
	every_escape();
	every_kind();
	depth();
	generated(2000);
	long_lines();
	return done();
}
