/* Every engine of the scanner against json_parse, over lines that a seeded generator makes and
 * breaks. */
#include "scan_reference.h"

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

int main(void)
{
	generated(2000);
	return done();
}
