/* Conditions against libjq: what the scanner's parser takes, jq takes too, and both say the same of
 * every record, errors and their texts included. The first byte chooses between texts of the
 * fuzzer's own, a line each, and generated ones; all of an input go into one program of jq, whose
 * compiling is what costs. The records come from the input too: a hash of it is their seed.
 *
 * Excepted: numbers that doubles cannot tell apart. Records have no halves of surrogate pairs,
 * which jq refuses wherever they stand. */
#include "fuzz.h"

#include <stdio.h>

#include "base/hash.h"
#include "json/json.h"
#include "scan/predicate.h"
#include "scan/predicate_internal.h"
#include "xform/jq_program.h"

enum { TEXTS_MAX = 24, LINES = SCAN_BATCH, MESSAGE_BYTES = 900 };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t state;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

#define ANY(list) (list)[below(COUNT(list))]

/* ---- conditions ---- */

static const char *const numbers[] = {
	"0",
	"-0",
	"1",
	"1.0",
	"-1",
	"5",
	"500",
	"5e2",
	"499.99",
	"0.1",
	"1e-3",
	"12345678901",
	"-0.000001",
	"1e20",
	"123456789012345",
	"1e300",
	"0.12345678912",
};
static const char *const strings[] = {
	"\"\"",
	"\"a\"",
	"\"ab\"",
	"\"\\u0061b\"",
	"\"/api/v1/orders\"",
	"\"/api\"",
	"\"\\/api\"",
	"\"orders\"",
	"\"\xc3\xa9\"",
	"\"\\u00e9\"",
	"\"\xf0\x9f\x98\x80\"",
	"\"\\ud83d\\ude00\"",
	"\"abcdefgh\"",
	"\"abcdefghijklmnopqrstuvwxyz\"",
	"\"xyz\"",
	"\"\\\"\\\\\\n\"",
	"\"\\u0000\"",
	"\"abcdefghijklmnop\"",
	"\"5\"",
};
static const char *const words[] = { "null", "true", "false" };
static const char *const steps[] = { ".a", ".b", ".c", ".\"a b\"", "[\"b\"]", ".\"a\"" };
static const char *const names[] = { "\"a\"", "\"b\"", "\"c\"", "\"a b\"", "\"\\u0061\"" };

static const char *any_scalar(void)
{
	unsigned way = below(8);
	return way < 4 ? ANY(numbers) : way < 7 ? ANY(strings) : ANY(words);
}

/* At most three names, so that four paths in a row of pipes stay below sixteen. */
static void make_path(struct buf *b)
{
	buf_addz(b, ANY(steps));
	if (b->p[b->n - 1] == ']') /* the first step has a dot */
		buf_addz(b, ".c");
	if (below(3) == 0)
		buf_addz(b, ANY(steps));
}

static void add_path(struct buf *b)
{
	struct buf path = { 0 };
	make_path(&path);
	buf_addz(b, path.p[0] == '[' ? "." : "");
	buf_adds(b, buf_slice(&path));
	buf_fini(&path);
}

static void add_list(struct buf *b)
{
	buf_addz(b, any_scalar());
	while (below(3))
		buf_printf(b, ", %s", any_scalar());
}

static void add_condition(struct buf *b, unsigned depth, bool context);

static void add_atom(struct buf *b, bool context)
{
	static const char *const ops[] = { "==", "!=", "<", "<=", ">", ">=" };
	switch (below(context ? 12 : 9)) {
	case 0:
		add_path(b);
		return;
	case 1:
		buf_printf(b, "has(%s)", ANY(names));
		return;
	case 2:
		buf_addz(b, "IN(");
		add_path(b);
		buf_addz(b, "; ");
		add_list(b);
		buf_addc(b, ')');
		return;
	case 3:
		buf_printf(b, "%s %s ", any_scalar(), ANY(ops));
		add_path(b);
		return;
	case 9:
		buf_printf(b, "%s(%s)", below(2) ? "startswith" : "endswith", ANY(strings));
		return;
	case 10:
		buf_addz(b, "IN(");
		add_list(b);
		buf_addc(b, ')');
		return;
	case 11:
		buf_printf(b, below(2) ? ". %s %s" : "not", ANY(ops), any_scalar());
		return;
	default:
		add_path(b);
		buf_printf(b, " %s %s", ANY(ops), any_scalar());
	}
}

/* Behind "path |" there is a context. */
static void add_part(struct buf *b, unsigned depth, bool context)
{
	switch (depth ? below(6) : 5) {
	case 0:
		buf_addc(b, '(');
		add_condition(b, depth - 1, context);
		buf_addc(b, ')');
		return;
	case 1:
	case 2:
		buf_addc(b, '(');
		add_path(b);
		buf_addz(b, " | ");
		add_condition(b, depth - 1, true);
		buf_addc(b, ')');
		return;
	case 3:
		buf_addz(b, "((");
		add_condition(b, depth - 1, context);
		buf_addz(b, ") | not)");
		return;
	default:
		add_atom(b, context);
	}
}

static void add_condition(struct buf *b, unsigned depth, bool context)
{
	add_part(b, depth, context);
	while (depth && below(2)) {
		buf_addz(b, below(2) ? " and " : " or ");
		add_part(b, --depth, context);
	}
}

/* ---- records ---- */

static void add_object(struct buf *b, unsigned depth);

static void add_value(struct buf *b, unsigned depth)
{
	unsigned way = below(depth ? 12 : 8);
	if (way >= 8)
		add_object(b, depth - 1);
	else if (way == 7)
		buf_addz(b, below(2) ? "[]" : "[1,{\"a\":null}]");
	else
		buf_addz(b, any_scalar());
}

static void add_object(struct buf *b, unsigned depth)
{
	buf_addc(b, '{');
	for (unsigned i = 0, n = below(5); i < n; i++) {
		buf_printf(b, "%s%s:", i ? "," : "", ANY(names));
		add_value(b, depth);
	}
	buf_addc(b, '}');
}

/* A block of lines with what the scanner wants around it. */
static void make_block(struct buf *b)
{
	memset(buf_room(b, SCAN_PAD), '{', SCAN_PAD);
	b->n = SCAN_PAD;
	for (unsigned i = 0; i < LINES; i++) {
		buf_addz(b, below(50) ? "" : "\xef\xbb\xbf");
		add_object(b, 3);
		buf_addc(b, '\n');
	}
	memset(buf_room(b, SCAN_PAD), '"', SCAN_PAD);
}

/* ---- both ---- */

struct side {
	struct predicate *p;
	struct predicate_sets sets;
	struct scan *scan;
	struct scan_batch batch;
};

/* Whether the literals stand to all numbers of the records as their doubles do. */
static bool doubles_tell(const struct predicate *p)
{
	for (size_t i = 0; i < p->literals; i++)
		for (size_t k = 0; k < COUNT(numbers); k++) {
			if (p->literal[i].class != CLASS_NUMBER)
				continue;
			struct buf text = { 0 };
			buf_adds(&text, p->literal[i].text);
			double a = strtod(buf_z(&text), NULL), b = strtod(numbers[k], NULL);
			int exact = predicate_number_cmp(p->literal[i].text, slice_z(numbers[k]));
			buf_fini(&text);
			if ((a > b) - (a < b) != (exact > 0) - (exact < 0))
				return false;
		}
	return true;
}

static void judge_block(struct side *s, const struct buf *block)
{
	struct path path[SCAN_FIELDS];
	for (size_t i = 0; i < predicate_fields(s->p); i++)
		path[i] = *predicate_field(s->p, i);
	s->scan = scan_new(path, predicate_fields(s->p), NULL);
	scan_lines(s->scan, block->p + SCAN_PAD, block->n - SCAN_PAD, &s->batch);
	MUST(s->batch.lines == LINES && s->batch.valid == UINT64_MAX);
	s->sets = predicate_run(s->p, &s->batch, scan_width(s->scan), s->batch.valid);
	MUST((s->sets.holds & s->sets.wrong) == 0);
}

/* What jq says of one line: an array of [true], [false] or a message for each condition. */
struct verdicts {
	struct side *side;
	size_t n;
	unsigned line;
};

static void check_verdict(const struct side *s, unsigned line, const struct json *j, uint32_t at)
{
	bool wrong = s->sets.wrong >> line & 1, holds = s->sets.holds >> line & 1;
	struct buf message = { 0 };
	struct err why = ERR_INIT;
	struct slice text = slice(s->batch.start[line], s->batch.length[line]);
	if ((j->node[at].type == JSON_STRING) != wrong)
		BUG("jq: %.*s, we: wrong %d, holds %d: %.*s", (int)j->node[at].text.n,
		    j->node[at].text.p, wrong, holds, (int)text.n, text.p);
	if (!wrong) {
		if ((j->node[at + 1].type == JSON_TRUE) != holds)
			BUG("we: holds %d, jq not: %.*s", holds, (int)text.n, text.p);
		return;
	}
	predicate_why(s->p, &s->batch, scan_width(s->scan), line, &why);
	MUST(json_string(j, at, &message) == 0);
	if (strncmp(buf_z(&message), why.msg, MESSAGE_BYTES) != 0)
		BUG("jq: \"%s\", we: \"%s\"", message.p, why.msg);
	buf_fini(&message);
}

static int check_line(void *arg, struct slice output, struct err *err)
{
	struct verdicts *v = arg;
	struct json j = { 0 };
	MUST(json_parse(&j, output, err) == 0);
	uint32_t at = json_first(&j, 0);
	for (size_t i = 0; i < v->n; i++, at = j.node[at].next)
		check_verdict(&v->side[i], v->line, &j, at);
	MUST(at == j.node[0].next);
	json_fini(&j);
	return 0;
}

static void check(struct side *side, size_t n, struct buf *program)
{
	struct buf block = { 0 };
	struct err err = ERR_INIT;
	buf_addz(program, "]");
	struct jq_program *jq = jq_program_new(buf_slice(program), &err);
	if (!jq)
		BUG("%s: %s", err.msg, buf_z(program));
	make_block(&block);
	for (size_t i = 0; i < n; i++)
		judge_block(&side[i], &block);
	for (unsigned line = 0; line < LINES; line++) {
		struct verdicts v = { side, n, line };
		struct slice text = slice(side->batch.start[line], side->batch.length[line]);
		MUST(jq_program_run(jq, text, check_line, &v, &err) == 0);
	}
	buf_fini(&block);
	jq_program_free(jq);
}

/* One more condition, if it is one. */
static size_t add_text(struct side *side, size_t n, struct slice text, struct buf *program)
{
	struct err err = ERR_INIT;
	struct predicate *p = predicate_new(text, &err);
	if (!p)
		MUST(err.code == EX_USAGE && err.msg[0]);
	if (!p || !doubles_tell(p)) {
		predicate_free(p);
		return n;
	}
	side[n] = (struct side){ .p = p };
	buf_printf(program, "%s(try [(%.*s\n) | if . then true else false end] catch .)",
		   n ? ", " : "[", (int)text.n, text.p);
	return n + 1;
}

static size_t own_texts(struct side *side, struct slice s, struct buf *program)
{
	size_t n = 0;
	while (s.n && n < TEXTS_MAX) {
		const char *end = memchr(s.p, '\n', s.n);
		struct slice text = slice(s.p, end ? (size_t)(end - s.p) : s.n);
		n = add_text(side, n, text, program);
		s = slice(s.p + text.n + (end != NULL), s.n - text.n - (end != NULL));
	}
	return n;
}

static size_t made_texts(struct side *side, struct buf *program)
{
	size_t n = 0;
	for (unsigned i = 0; i < TEXTS_MAX; i++) {
		struct buf text = { 0 };
		add_condition(&text, 3, false);
		size_t before = n;
		n = add_text(side, n, buf_slice(&text), program);
		if (n == before)
			BUG("not of the subset: %s", buf_z(&text));
		buf_fini(&text);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = slice((const char *)data, n);
	struct side side[TEXTS_MAX] = { 0 };
	struct buf program = { 0 };
	state = hash_murmur64a(s.p ? s.p : "", s.n) | 1;
	bool own = fuzz_byte(&s) != 'm';
	size_t sides = own ? own_texts(side, s, &program) : made_texts(side, &program);
	if (sides)
		check(side, sides, &program);
	for (size_t i = 0; i < sides; i++) {
		predicate_free(side[i].p);
		scan_free(side[i].scan);
	}
	buf_fini(&program);
	return 0;
}
