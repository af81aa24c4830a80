#include "json/path.h"
#include "tap.h"

static void test_good(void)
{
	static const struct {
		const char *text, *name, *canonical;
		unsigned n;
	} cases[] = {
		{ "user_id", "user_id", ".user_id", 1 },
		{ ".user_id", "user_id", ".user_id", 1 },
		{ "_a9", "_a9", "._a9", 1 },
		{ ".payload.price", "payload.price", ".payload.price", 2 },
		{ "payload.price", "payload.price", ".payload.price", 2 },
		{ ".\"http.status\"", "http.status", ".\"http.status\"", 1 },
		{ "\"http.status\"", "http.status", ".\"http.status\"", 1 },
		{ ".a[\"b.c\"]", "a.b.c", ".a.\"b.c\"", 2 },
		{ "a[\"b.c\"].d", "a.b.c.d", ".a.\"b.c\".d", 3 },
		{ ".a.\"b.c\"", "a.b.c", ".a.\"b.c\"", 2 },
		{ ".[\"a\"]", "a", ".a", 1 },
		{ "[\"a\"][\"b\"]", "a.b", ".a.b", 2 },
		{ ".a.[\"b\"]", "a.b", ".a.b", 2 },
		{ ".\"\\u0061\"", "a", ".a", 1 },
		{ ".\"x\\\"y\\\\\"", "x\"y\\", ".\"x\\\"y\\\\\"", 1 },
		{ ".\"\"", "", ".\"\"", 1 },
		{ ".a.\"\".b", "a..b", ".a.\"\".b", 3 },
		{ ".\"\xc3\xa9t\xc3\xa9\"", "\xc3\xa9t\xc3\xa9", ".\"\xc3\xa9t\xc3\xa9\"", 1 },
		{ ".\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", ".\"\xf0\x9f\x98\x80\"", 1 },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p",
		  ".a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", 16 },
		{ ".\"9a\"", "9a", ".\"9a\"", 1 },
	};
	struct path p, again;
	struct buf b = { 0 }, twice = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		if (!ok(path_parse(&p, slice_z(cases[i].text), &err) == 0, "%s %s", cases[i].text,
			err.msg))
			continue;
		is_str(p.name, cases[i].name, "its name");
		is_int(p.n, cases[i].n, "its steps");
		b.n = twice.n = 0;
		path_canonical(&p, &b);
		is_bytes(b.p, b.n, cases[i].canonical, "canonical");
		if (ok(path_parse(&again, buf_slice(&b), &err) == 0, "which is a path again")) {
			path_canonical(&again, &twice);
			ok(slice_eq(buf_slice(&b), buf_slice(&twice)), "the same one");
			path_fini(&again);
		}
		path_fini(&p);
	}
	ok(path_parse(&p, slice_z(".a[\"b.c\"].d"), NULL) == 0 && slice_is(p.step[0], "a") &&
		   slice_is(p.step[1], "b.c") && slice_is(p.step[2], "d"),
	   "steps");
	path_fini(&p);
	buf_fini(&b);
	buf_fini(&twice);
}

static void test_bad(void)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "character 1: a name expected" },
		{ ".", "character 2: a name expected" },
		{ "..a", "character 2: a name expected" },
		{ ".a.", "character 4: a name expected" },
		{ "a..b", "character 3: a name expected" },
		{ "9a", "character 1: a name expected" },
		{ ".a-b", "character 3: a dot expected" },
		{ "a b", "character 2: a dot expected" },
		{ " a", "character 1: a name expected" },
		{ ".a[0]", "character 4: only members of objects" },
		{ ".a[]", "character 4: only members of objects" },
		{ ".a[\"b\"", "character 7: ] expected" },
		{ ".a\"b\"", "character 3: a dot expected" },
		{ "a[\"b\"]c", "character 7: a dot expected" },
		{ ".\"a", "character 2: not a JSON string" },
		{ ".\"a\\\"", "character 2: not a JSON string" },
		{ ".\"\\x\"", "character 2: not a JSON string" },
		{ ".\"\xff\"", "character 2: not a JSON string" },
		{ "\xc3\xa9", "character 1: a name expected" },
		{ ".\"\\ud800\"", "character 2: half of a surrogate pair" },
		{ ".\"a\\u0000\"", "character 2: a NUL in a name" },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "character 32: more than 16 steps" },
		{ ".a,.b", "character 3: a dot expected" },
		{ ".a?", "character 3: a dot expected" },
		{ "a|b", "character 2: a dot expected" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct path p;
		ok(path_parse(&p, slice_z(cases[i].text), &err) == -1 && err.code == EX_USAGE,
		   "%s is refused", cases[i].text);
		ok(strstr(err.msg, cases[i].reason) &&
			   strstr(err.msg, "like user_id, .payload.price"),
		   "%s", err.msg);
		path_fini(&p);
	}
}

int main(void)
{
	test_good();
	test_bad();
	return done();
}
