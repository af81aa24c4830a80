/* The cutter, both engines: a table, then arrays that are generated, spaced and spoilt, against
 * json_parse. */
#include "tap.h"

#include <stdlib.h>

#include "intake/cut.h"
#include "json/json.h"
#include "random.h"

static const enum cut_engine engines[] = { CUT_PORTABLE, CUT_AVX2 };

enum { ANY = CUT_ONE | CUT_ARRAY | CUT_WRAPPED, ROUNDS = 60000 };

/* lines: | for \n. fault: offset, -1: none. */
static const struct {
	const char *body, *lines;
	unsigned forms;
	enum cut_form form;
	int offset, fault;
} table[] = {
	{ "{\"a\":1}", "{\"a\":1}|", ANY, CUT_ONE, 0, -1 },
	{ "\xef\xbb\xbf {\"a\":\n1}\n", "{\"a\": 1}|", ANY, CUT_ONE, 4, -1 },
	{ "", "|", ANY, CUT_ONE, 0, -1 },
	{ "[]", "", ANY, CUT_ARRAY, 1, -1 },
	{ " [ \n ] \n", "", ANY, CUT_ARRAY, 2, -1 },
	{ "[{},{}]", "{}|{}|", ANY, CUT_ARRAY, 1, -1 },
	{ "[\n {\"a\":\n1} ,\n\t{} ]", "  {\"a\": 1} | \t{} |", ANY, CUT_ARRAY, 1, -1 },
	{ "[{\"a\":\"},{\\\"\"},[1,{}]]", "{\"a\":\"},{\\\"\"}|[1,{}]|", ANY, CUT_ARRAY, 1, -1 },
	{ "[1,\"a,b\",null]", "1|\"a,b\"|null|", ANY, CUT_ARRAY, 1, -1 },
	{ "[{}", "{}|", ANY, CUT_ARRAY, 1, 3 },
	{ "[", "", ANY, CUT_ARRAY, 1, 1 },
	{ "[{}}", "{}|", ANY, CUT_ARRAY, 1, 3 },
	{ "[{}] x", "{}|", ANY, CUT_ARRAY, 1, 5 },
	{ "[{},]", "{}||", ANY, CUT_ARRAY, 1, -1 },
	{ "[{\"a\":\"\n\"}]", "{\"a\":\"\1\"}|", ANY, CUT_ARRAY, 1, -1 },
	{ "[{\"a\":\\\"},{\"b\":1}]", "{\"a\":\\\"},{\"b\":1}]|", ANY, CUT_ARRAY, 1, 18 },
	{ "[{}]", "[{}]|", CUT_ONE, CUT_ONE, 0, -1 },
	{ " { \"events\" : [ {} , {} ] } ", " {} | {} |", ANY, CUT_WRAPPED, 15, -1 },
	{ "{\"events\":[{}],\"a\":1}", "{\"events\":[{}],\"a\":1}|", ANY, CUT_ONE, 0, -1 },
	{ "{\"events\":[{}]", "{}|", ANY, CUT_WRAPPED, 11, 14 },
	{ "{\"events\":[{}]} {}", "{\"events\":[{}]} {}|", ANY, CUT_ONE, 0, -1 },
	{ "{\"a\":1}\n\n{\"b\":2}\n", "{\"a\":1}||{\"b\":2}|", CUT_LINES, CUT_LINES, 0, -1 },
	{ "\n\n", "||", CUT_LINES, CUT_LINES, 0, -1 },
};

static void test_table(enum cut_engine engine, struct cut *c)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char want[128] = "";

		for (size_t k = 0; table[i].lines[k]; k++)
			want[k] = table[i].lines[k] == '|' ? '\n' : table[i].lines[k];
		cut_body(c, slice_z(table[i].body), table[i].forms, 100, engine);
		ok(slice_is(c->lines, want) && c->form == table[i].form &&
			   (c->lines.n == 0 || c->offset == (size_t)table[i].offset) &&
			   c->fault == (table[i].fault < 0 ? CUT_NO_FAULT : (size_t)table[i].fault),
		   "body %zu: form %d, offset %zu, fault %zd, %zu bytes", i, c->form, c->offset,
		   (ssize_t)c->fault, c->lines.n);
	}
}

static void test_too_many(enum cut_engine engine, struct cut *c)
{
	static const char *const bodies[] = { "[{},{},{}]", "[1,2,3]", "[{},{},{},{},{},{}" };

	for (size_t i = 0; i < 3; i++) {
		cut_body(c, slice_z(bodies[i]), ANY, 2, engine);
		ok(c->too_many, "%s has more than 2", bodies[i]);
		cut_body(c, slice_z(bodies[i]), ANY, i == 2 ? 6 : 3, engine);
		ok(!c->too_many, "%s has not more", bodies[i]);
	}
}

/* ---- generated */

static const char *const pieces[] = {
	"{}",
	"{\"a\":1}",
	"{\"a\":{\"b\":[1,2,{\"c\":\"}\"}]}}",
	"[1,[2,3]]",
	"{\"quote\":\"\\\"\",\"slash\":\"\\\\\"}",
	"{\"long\":\"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 01234\"}",
	"{\"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\":\"\\\\\\\"\"}",
	"{\"\xc3\xa9\":\"[[[{{{,,,\"}",
	"12",
	"\"],[\"",
	"null",
};

static const char *const spaces[] = { "", "", "", " ", "\n", "\t\r\n  " };

static void add_space(struct buf *b)
{
	buf_addz(b, spaces[below(sizeof(spaces) / sizeof(*spaces))]);
}

static void generate(struct buf *b)
{
	unsigned n = below(8), kinds = below(3) ? 8 : sizeof(pieces) / sizeof(*pieces);

	b->n = 0;
	buf_addc(b, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		add_space(b);
		buf_addz(b, pieces[below(kinds)]);
		add_space(b);
	}
	buf_addc(b, ']');
	for (unsigned spoil = below(4) ? 0 : 1 + below(3); spoil && b->n > 1; spoil--) {
		unsigned at = 1 + below((unsigned)b->n - 1);

		if (below(2))
			b->p[at] = "\"\\{}[],:\n\1x"[below(11)];
		else if (b->n > 2)
			memmove(b->p + at, b->p + at + 1, --b->n - at);
	}
}

/* Whether what was cut is as it should be. */
static bool same_as(const struct cut *c, const struct json *whole, bool valid, struct slice body)
{
	struct json one = { 0 };
	const char *p = c->lines.p, *end = p + c->lines.n;
	uint32_t at = 1;
	bool good = c->fault == CUT_NO_FAULT;

	for (; p < end; p++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		bool fine = json_parse(&one, slice(p, (size_t)(stop - p)), NULL) == 0;

		good &= fine;
		if (valid && (!fine || at == whole->n ||
			      whole->node[at].text.p - body.p !=
				      (ssize_t)cut_offset(c, one.node[0].text.p) ||
			      whole->node[at].text.n != one.node[0].text.n))
			return false;
		at = valid ? whole->node[at].next : 0;
		p = stop;
	}
	json_fini(&one);
	return good == valid && (!valid || at == whole->n);
}

static void test_generated(enum cut_engine engine, struct cut *c)
{
	struct json whole = { 0 };
	struct buf b = { 0 };
	unsigned wrong = 0, good = 0;

	state = 7;
	for (int i = 0; i < ROUNDS; i++) {
		generate(&b);
		bool valid = json_parse(&whole, buf_slice(&b), NULL) == 0;

		good += valid;
		/* in an allocation of its own, so that a sanitizer sees a read beyond it */
		char *body = malloc(b.n);
		memcpy(body, b.p, b.n);
		cut_body(c, slice(body, b.n), ANY, 100, engine);
		if (valid)
			json_parse(&whole, slice(body, b.n), NULL);
		if (!same_as(c, &whole, valid, slice(body, b.n)) && wrong++ < 5)
			printf("# %.*s\n", (int)b.n, b.p);
		free(body);
	}
	ok(wrong == 0, "%d arrays, %u of them valid, are cut as json_parse reads them", ROUNDS,
	   good);
	buf_fini(&b);
	json_fini(&whole);
}

int main(void)
{
	struct cut c = { 0 };

	for (size_t i = 0; i < 2; i++) {
		if (!cut_has(engines[i])) {
			ok(true, "no such engine here # SKIP");
			continue;
		}
		test_table(engines[i], &c);
		test_too_many(engines[i], &c);
		test_generated(engines[i], &c);
	}
	cut_fini(&c);
	return done();
}
