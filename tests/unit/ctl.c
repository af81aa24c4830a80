/* Control records: what is one and what stays data; those that open and close a stream. */
#include "proto/ctl_internal.h"
#include "ctl_lines.h"

#include <stdlib.h>

/* ---- incarnations and finding */

static void test_inc(void)
{
	struct ctl_inc a, b;
	ctl_inc_set(&a, INC "more");
	is_str(a.id, INC, "the id");
	is_str(a.prefix, OPEN, "the prefix");
	is_int(strlen(a.prefix), CTL_PREFIX_BYTES, "its length");
	ctl_inc_random(&a);
	ctl_inc_random(&b);
	ok(ctl_is_id(slice_z(a.id)) && ctl_is_id(slice_z(b.id)) && strcmp(a.id, b.id) != 0,
	   "random ones differ");
}

/* The definition, byte by byte. */
static size_t find_slowly(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || p[i - 1] == '\n') && n - i >= CTL_PREFIX_BYTES &&
		    memcmp(p + i, inc.prefix, CTL_PREFIX_BYTES) == 0)
			return i;
	return n;
}

static bool finds(const char *p, size_t n)
{
	size_t want = find_slowly(p, n);
	/* of this length exactly: a read beyond it shows under asan */
	char *copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	bool same = ctl_find(&inc, copy, n) == want && ctl_find_portable(&inc, copy, n) == want;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		same = same && ctl_find_avx2(&inc, copy, n) == want;
#endif
	free(copy);
	return same;
}

static void test_find(void)
{
	struct buf b = { 0 };
	bool all = true;
	ok(finds("", 0) && finds("\n", 1) && finds("{}\n", 3), "blocks without one");
	for (size_t at = 0; at < 300; at++) {
		b.n = 0;
		for (size_t i = 1; i < at; i++)
			buf_addc(&b, i % 7 ? 'x' : '\n');
		if (at)
			buf_addc(&b, '\n');
		buf_addz(&b, OPEN "\"k\":\"at\"}\n");
		for (size_t i = 0; i < 200; i++)
			buf_addc(&b, '$');
		all = all && find_slowly(b.p, b.n) == at && finds(b.p, b.n);
		for (size_t cut = at; cut < at + 40; cut++)
			all = all && finds(b.p, cut);
		if (at) { /* not behind a newline: data */
			b.p[at - 1] = ' ';
			all = all && find_slowly(b.p, b.n) == b.n && finds(b.p, b.n);
		}
	}
	ok(all, "one at every offset, cut at every byte");
	buf_fini(&b);
}

/* Blocks of pieces that are nearly control lines; a linear generator with a fixed seed. */
static void test_find_random(void)
{
	static const char *const pieces[] = {
		"\n",
		"{",
		"\"",
		"$",
		"$hta",
		"{\"$",
		"\n{\"$hta\":\"",
		"\n\n\n$",
		"\nxx$",
		OPEN,
		"\n" OPEN,
		"\n" OPEN,
		"{\"$hta\":\"0123456789abcdee\",",
		"\n{\"$hta\":\"" INC "\"}",
		"\n{\"$hta\":\"hello\",",
		"\n {\"$hta\":\"" INC "\",",
		"{\"event\":\"x\",\"value\":1}\n",
		"0123456789012345678901234567890123456789",
	};
	struct buf b = { 0 };
	uint64_t seed = 42;
	int wrong = 0, found = 0;
	for (int round = 0; round < 20000; round++) {
		b.n = 0;
		for (size_t n = (size_t)(seed >> 33) % 40; n > 0; n--) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			buf_addz(&b, pieces[(seed >> 33) % (sizeof(pieces) / sizeof(*pieces))]);
		}
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		wrong += !finds(b.n ? b.p : "", b.n);
		found += find_slowly(b.p, b.n) < b.n;
	}
	is_int(wrong, 0, "the engines and the definition agree");
	ok(found > 1000 && found < 19000, "with and without one: %d of 20000", found);
	buf_fini(&b);
}

static void test_look_alikes(void)
{
	static const char *const data[] = {
		" " OPEN "\"k\":\"end\"}\n",
		"{ \"$hta\":\"" INC "\",\"k\":\"end\"}\n",
		"{\"$hta\": \"" INC "\",\"k\":\"end\"}\n",
		"{\"$hta\":\"0123456789ABCDEF\",\"k\":\"end\"}\n",
		"{\"$hta\":\"" INC "\" ,\"k\":\"end\"}\n",
		"{\"$hta\":\"" INC "\"}\n",
		"{\"a\":\"\\n{\\\"$hta\\\":\\\"" INC "\\\",\"}\n",
		"{\"$hta\":\"0123456789abcdee\",\"k\":\"end\"}\n",
		"{\"$hta\":\"hello\",\"v\":1}\n",
		"x" OPEN "\"k\":\"end\"}\n",
		"[" OPEN "\"k\":\"end\"}]\n",
		"{\"$htb\":\"" INC "\",\"k\":\"end\"}\n",
	};
	for (size_t i = 0; i < sizeof(data) / sizeof(*data); i++)
		ok(ctl_find(&inc, data[i], strlen(data[i])) == strlen(data[i]),
		   "look-alike %zu is data", i);
}

/* ---- parsing */

static void test_parse(void)
{
	static const struct {
		const char *line;
		enum ctl_kind kind;
	} good[] = {
		{ "{\"$hta\":\"hello\",\"v\":1}", CTL_HELLO },
		{ "{\"$hta\":\"hello\",\"k\":\"bar\"}", CTL_HELLO },
		{ OPEN "\"k\":\"at\"}", CTL_AT },
		{ OPEN "\"k\":\"probe\"}", CTL_PROBE },
		{ OPEN "\"k\":\"init\"}", CTL_INIT },
		{ OPEN "\"k\":\"bar\"}", CTL_BAR },
		{ OPEN "\"k\":\"dead\"}", CTL_DEAD },
		{ OPEN "\"k\":\"late\"}", CTL_LATE },
		{ OPEN "\"k\":\"fail\"}", CTL_FAIL },
		{ OPEN "\"x\":[],\"k\":\"end\"}", CTL_END },
		{ OPEN "\"k\":\"hello\"}", CTL_OTHER },
		{ OPEN "\"k\":\"rules\"}", CTL_OTHER },
		{ OPEN "\"k\":\"\"}", CTL_OTHER },
		{ OPEN "\"k\":\"b\\u0061r\"}", CTL_BAR },
	};
	static const char *const bad[] = { "",
					   "[]",
					   OPEN "}",
					   OPEN "\"k\":1}",
					   OPEN "\"k\":null}",
					   OPEN "\"j\":\"at\"}",
					   OPEN "\"k\":\"at\"",
					   OPEN "\"k\":\"at\"}}",
					   OPEN "\"k\":\"\xff\"}" };
	struct ctl c = { 0 };
	struct err err = ERR_INIT;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ok(parse(&c, good[i].line, &err) == 0 && c.kind == good[i].kind, "%s",
		   good[i].line);
		ok(slice_is(c.line, good[i].line), "keeps the line");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err_clear(&err);
		ok(parse(&c, bad[i], &err) == -1 && err.code == EX_DATAERR &&
			   strstr(err.msg, "control record"),
		   "refused: %s", err.msg);
	}
	struct slice a, b;
	ok(parse(&c,
		 OPEN "\"k\":\"x\",\"a\":\"\\u00e9\\n\",\"b\":\"\\\"\",\"bad\":\"\\ud800\",\"o\":{"
		      "\"c\\u0064\":\"e\"}}",
		 &err) == 0,
	   "strings with escapes");
	ok(json_get_text(&c.json, 0, "a", &a) && slice_is(a, "\xc3\xa9\n") &&
		   json_get_text(&c.json, 0, "b", &b) && slice_is(b, "\""),
	   "stand decoded");
	ok(json_get_text(&c.json, json_get(&c.json, 0, "o"), "cd", &a) && slice_is(a, "e") &&
		   !json_get_text(&c.json, 0, "bad", &a),
	   "but for half a pair");
	ctl_fini(&c);
}

static void test_grow(void)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "{\"a\":[]}", "{\"a\":[E]}" },
		{ "{\"a\":[1]}", "{\"a\":[1,E]}" },
		{ "{\"a\":[ ]}", "{\"a\":[E]}" },
		{ "{\"a\" : [ 1 ] } ", "{\"a\" : [ 1,E]}" },
		{ "{\"a\":[[]]}", "{\"a\":[[],E]}" },
		{ "{\"a\":[\"[\"]}", "{\"a\":[\"[\",E]}" },
		{ "{\"a\":[{}]}\r", "{\"a\":[{},E]}" },
		{ "{\"a\":1}", NULL },
		{ "[]", NULL },
		{ "", NULL },
		{ "}", NULL },
		{ "]}", NULL },
		{ "{\"a\":[]} x", NULL },
		{ "{\"a\":[],\"b\":1}", NULL },
		{ "{\"a\":[]", NULL },
		{ "   ", NULL },
	};
	struct buf b = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		b.n = 0;
		int rc = ctl_grow(z(cases[i].line), z("E"), &b);
		is_int(rc, cases[i].want ? 0 : -1, cases[i].line);
		is_bytes(b.p, b.n, cases[i].want ? cases[i].want : "", "grown, or nothing");
	}
	buf_fini(&b);
}

/* ---- hello */

#define HELLO                                                          \
	"{\"$hta\":\"hello\",\"v\":1,\"inc\":\"" INC "\",\"job\":\"j " \
	"\\\"1\\\"\",\"group\":\"g\",\"unit\":\"record\",\"ack\":\"/run/h/a.sock\",\"stages\":[]}"
#define HELLO_WITH(members) "{\"$hta\":\"hello\"," members "}"
#define REST ",\"unit\":\"byte\",\"ack\":\"/a\",\"stages\":[]"

#define HELLO_OF(stages)                                                          \
	HELLO_WITH("\"v\":1,\"inc\":\"" INC "\",\"job\":\"j\",\"unit\":\"byte\"," \
		   "\"ack\":\"\",\"stages\":" stages)

static void test_hello(void)
{
	struct ctl c = { 0 };
	struct ctl_hello h;
	struct err err = ERR_INIT;
	struct buf line[5] = { 0 };
	buf_addz(&line[0], HELLO);
	for (int i = 0; i < 4; i++) {
		char element[64];
		snprintf(element, sizeof(element),
			 "{\"s\":\"stage%d\",\"version\":\"0.1.0\",\"pid\":%d}", i, 100 + i);
		ok(ctl_grow(buf_slice(&line[i]), z(element), &line[i + 1]) == 0,
		   "grows for stage %d", i);
		ok(ctl_parse(&c, buf_slice(&line[i + 1]), &err) == 0 &&
			   ctl_hello_read(&c, &h, &err) == 0,
		   "is read %s", err.msg);
		is_int(h.n_stages, i + 1, "its stages");
	}
	ok(slice_is(h.inc, INC) && slice_is(h.job, "j \"1\"") && slice_is(h.group, "g") &&
		   slice_is(h.ack, "/run/h/a.sock") && !h.bytes,
	   "members");
	uint32_t last = json_first(&c.json, ctl_stages(&c));
	for (int i = 0; i < 3; i++)
		last = c.json.node[last].next;
	struct slice name;
	ok(json_get_text(&c.json, last, "s", &name) && slice_is(name, "stage3"), "the last stage");
	/* jq 1.6 -c made this of a line with \u007f and 1.0 in it; json.dumps of python puts
	 * spaces */
	struct buf grown = { 0 };
	ok(ctl_grow(z("{\"$hta\":\"hello\",\"v\":1,\"inc\":\"" INC "\",\"job\":\"j "
		      "\\\"\xc3\xa9\\u007f\\\"\",\"group\":null,\"unit\":\"byte\",\"ack\":\"/a\","
		      "\"stages\":[{\"s\":\"a\",\"x\":1,\"big\":\"18446744073709551615\",\"t\":"
		      "1700000000123456}]}"),
		    z("{\"s\":\"b\"}"), &grown) == 0,
	   "what jq has printed grows");
	ok(ctl_parse(&c, buf_slice(&grown), &err) == 0 && ctl_hello_read(&c, &h, &err) == 0 &&
		   h.n_stages == 2 && slice_is(h.job, "j \"\xc3\xa9\x7f\""),
	   "and is read %s", err.msg);
	uint64_t big;
	ok(json_get_u64(&c.json, json_first(&c.json, ctl_stages(&c)), "big", &big) &&
		   big == UINT64_MAX,
	   "with its numbers");
	buf_fini(&grown);
	ok(!h.rows && !h.failed, "no stage has metrics, none has failed");
	ok(parse(&c,
		 HELLO_OF("[{\"s\":\"a\"},{\"s\":\"b\",\"metrics\":[]},{\"s\":\"c\",\"failed\":"
			  "false}]"),
		 &err) == 0 &&
		   ctl_hello_read(&c, &h, &err) == 0 && h.rows && !h.failed && h.n_stages == 3,
	   "one has metrics");
	ok(parse(&c, HELLO_OF("[{\"s\":\"a\",\"failed\":true},{\"s\":\"b\"}]"), &err) == 0 &&
		   ctl_hello_read(&c, &h, &err) == 0 && !h.rows && h.failed && h.n_stages == 2,
	   "one has failed");
	ok(parse(&c,
		 HELLO_WITH("\"v\": 1, \"inc\": \"" INC
			    "\", \"job\": \"\\u00e9\", \"group\": null, \"unit\": \"byte\", "
			    "\"ack\": \"/a\", \"stages\": [ ] "),
		 &err) == 0 &&
		   ctl_hello_read(&c, &h, &err) == 0 && h.group.p == NULL && h.bytes &&
		   slice_is(h.job, "\xc3\xa9") && h.n_stages == 0,
	   "re-printed, of files");
	for (int i = 0; i < 5; i++)
		buf_fini(&line[i]);
	ctl_fini(&c);
}

static void test_hello_refused(void)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{ HELLO_WITH("\"v\":2,\"inc\":\"" INC "\",\"job\":\"j\"" REST), EX_PROTOCOL },
		{ HELLO_WITH("\"inc\":\"" INC "\",\"job\":\"j\"" REST), EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"0123\",\"job\":\"j\"" REST), EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"0123456789abcdeg\",\"job\":\"j\"" REST),
		  EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"" INC "\"" REST), EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"" INC "\",\"job\":\"j\",\"group\":1" REST),
		  EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"" INC
			     "\",\"job\":\"j\",\"unit\":\"line\",\"ack\":\"/a\",\"stages\":[]"),
		  EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"" INC
			     "\",\"job\":\"j\",\"unit\":\"byte\",\"stages\":[]"),
		  EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"" INC
			     "\",\"job\":\"j\",\"unit\":\"byte\",\"ack\":\"/a\",\"stages\":{}"),
		  EX_DATAERR },
		{ HELLO_WITH("\"v\":1,\"inc\":\"" INC
			     "\",\"job\":\"j\",\"unit\":\"byte\",\"ack\":\"/a\""),
		  EX_DATAERR },
		{ OPEN "\"k\":\"bar\"}", EX_DATAERR },
	};
	struct ctl c = { 0 };
	struct ctl_hello h;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		ok(parse(&c, cases[i].line, &err) == 0 && ctl_hello_read(&c, &h, &err) == -1,
		   "hello %zu is refused", i);
		is_int(err.code, cases[i].code, err.msg);
	}
	ctl_fini(&c);
}

static void test_before(void)
{
	struct ctl_before d = { .topic = z("file:9:00"),
				.mark_us = 1767225600000000,
				.lines = z("{\"ts\":\"\xc3\xa9\"}\nnot \xff\n\n\\u\t\n") },
			  got;
	struct buf b = { 0 }, lines = { 0 };
	struct err err = ERR_INIT;
	struct ctl c = { 0 };

	ctl_before_write(&inc, &d, &b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"before\",\"t\":\"file:9:00\",\"p\":0,\"wm\":1767225600000000,"
		      "\"rec\":[\"{\\\"ts\\\":\\\"\xc3\xa9\\\"}\",\"\",\"\\\\u\\t\"]}",
		 "before");
	read_back(&c, &b, CTL_BEFORE);
	ok(ctl_before_read(&c, &got, &lines, &err) == 0 && slice_is(got.topic, "file:9:00") &&
		   got.partition == 0 && got.mark_us == d.mark_us,
	   "read back");
	is_bytes(lines.p, lines.n, "{\"ts\":\"\xc3\xa9\"}\n\n\\u\t\n",
		 "with its lines, but for what is no text");
	b.n = lines.n = 0;
	ctl_before_write(&inc, &(struct ctl_before){ .topic = z("t"), .partition = 7 }, &b);
	is_bytes(b.p, b.n, OPEN "\"k\":\"before\",\"t\":\"t\",\"p\":7,\"rec\":[]}",
		 "before without anything");
	read_back(&c, &b, CTL_BEFORE);
	ok(ctl_before_read(&c, &got, &lines, &err) == 0 && got.mark_us == 0 && lines.n == 0,
	   "read back");
	for (int i = 0; i < 3; i++) {
		static const char *const bad[] = { "[1]}", "[\"a\\nb\"]}", "{}}" };

		b.n = 0;
		buf_addz(&b, OPEN "\"k\":\"before\",\"t\":\"t\",\"p\":0,\"rec\":");
		buf_addz(&b, bad[i]);
		read_back(&c, &b, CTL_BEFORE);
		ok(ctl_before_read(&c, &got, &lines, &err) == -1 && err.code == EX_DATAERR,
		   "refused: %s", bad[i]);
	}
	buf_fini(&b);
	buf_fini(&lines);
	ctl_fini(&c);
}

/* ---- fail, end, acks */

static void test_fail_end(void)
{
	struct buf b = { 0 };
	struct ctl c = { 0 };
	struct err e = { .code = EX_TEMPFAIL }, got = ERR_INIT;
	struct slice reason;
	snprintf(e.msg, sizeof(e.msg), "cannot open \"a\xff\": no\tsuch file");
	ctl_fail_write(&inc, "hta-sink-pg", &e, &b);
	read_back(&c, &b, CTL_FAIL);
	ok(ctl_fail_read(&c, &got) == 0, "is read");
	is_int(got.code, EX_TEMPFAIL, "its code");
	is_str(got.msg, "hta-sink-pg: cannot open \"a\xef\xbf\xbd\": no\tsuch file", "its message");
	static const char *const bad[] = {
		OPEN "\"k\":\"fail\"}",
		OPEN "\"k\":\"fail\",\"code\":0,\"s\":\"x\",\"msg\":\"m\"}",
		OPEN "\"k\":\"fail\",\"code\":256,\"s\":\"x\",\"msg\":\"m\"}",
		OPEN "\"k\":\"fail\",\"code\":65,\"msg\":\"m\"}",
		OPEN "\"k\":\"fail\",\"code\":65,\"s\":\"x\"}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(parse(&c, bad[i], &got) == 0 && ctl_fail_read(&c, &got) == -1 &&
			   got.code == EX_DATAERR,
		   "refused: %s", got.msg);
	for (int eof = 0; eof < 2; eof++) {
		b.n = 0;
		ctl_end_write(&inc, eof, &b);
		read_back(&c, &b, CTL_END);
		ok(json_get_text(&c.json, 0, "reason", &reason) &&
			   slice_is(reason, eof ? "eof" : "stop"),
		   "the reason of the end");
	}
	buf_fini(&b);
	ctl_fini(&c);
}

static void test_ack(void)
{
	struct buf b = { 0 };
	struct json j = { 0 };
	struct slice id;
	ctl_ack_write(&inc, "ack", 17, 123, &b);
	is_bytes(b.p, b.n, "{\"inc\":\"" INC "\",\"k\":\"ack\",\"e\":17,\"rows\":123}", "an ack");
	b.n = 0;
	ctl_ack_line_write(&inc, "hello", z(HELLO), &b);
	is_bytes(b.p, b.n, "{\"inc\":\"" INC "\",\"k\":\"hello\",\"line\":" HELLO "}", "a line");
	ok(json_parse(&j, buf_slice(&b), NULL) == 0 &&
		   json_get_text(&j, json_get(&j, 0, "line"), "inc", &id) && slice_is(id, INC),
	   "read back");
	buf_fini(&b);
	json_fini(&j);
}

int main(void)
{
	ctl_inc_set(&inc, INC);
	test_inc();
	test_find();
	test_find_random();
	test_look_alikes();
	test_parse();
	test_grow();
	test_hello();
	test_hello_refused();
	test_before();
	test_fail_end();
	test_ack();
	return done();
}
