/* Control records: what is one and what stays data; those that open and close a stream. */
#include "proto/ctl_at_form.h"
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

static void test_at(void)
{
	struct buf b = { 0 };
	struct ctl c = { 0 };
	struct slice topic;
	int64_t p, o;
	ctl_at_write(&inc, &(struct ctl_at){ .topic = z("events"), .partition = 3, .offset = 123 },
		     &b);
	is_bytes(b.p, b.n, OPEN "\"k\":\"at\",\"t\":\"events\",\"p\":3,\"o\":123}", "at");
	b.n = 0;
	ctl_at_write(
		&inc,
		&(struct ctl_at){ .topic = z("events"), .offset = 5, .time_us = 1767225600000000 },
		&b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"at\",\"t\":\"events\",\"p\":0,\"o\":5,\"ts\":1767225600000000}",
		 "at with a timestamp");
	b.n = 0;
	ctl_at_write(&inc, &(struct ctl_at){ .topic = z("a\"b"), .offset = INT64_MAX }, &b);
	read_back(&c, &b, CTL_AT);
	ok(json_get_text(&c.json, 0, "t", &topic) && slice_is(topic, "a\"b") &&
		   json_get_i64(&c.json, 0, "p", &p) && p == 0,
	   "a topic with a quote");
	ok(json_get_i64(&c.json, 0, "o", &o) && o == INT64_MAX &&
		   memmem(b.p, b.n, "\"o\":\"9223372036854775807\"", 25),
	   "a large offset is a string");
	buf_fini(&b);
	ctl_fini(&c);
}

static void test_at_read(void)
{
	static const struct {
		const char *members, *member;
	} bad[] = {
		{ "\"t\":\"e\",\"p\":0", "o" },
		{ "\"t\":\"e\",\"p\":-1,\"o\":1", "p" },
		{ "\"t\":7,\"p\":0,\"o\":1", "t" },
		{ "\"t\":\"e\",\"p\":0,\"o\":1,\"ts\":\"soon\"", "ts" },
		{ "\"t\":\"e\",\"p\":0,\"o\":1,\"from\":\"e/0/1\"", "t" },
		{ "\"t\":\"e\",\"p\":0,\"o\":1,\"from\":{\"t\":\"e\",\"p\":0}", "o" },
	};
	struct ctl_at at = { .topic = z("events"), .offset = 9, .time_us = CTL_AT_TIME_US }, got;
	struct buf b = { 0 };
	struct ctl c = { 0 };
	struct err err = ERR_INIT;

	ctl_at_from(&at, z("dirty/3/9223372036854775807"));
	at.inexact = true;
	at.retries = 2;
	ctl_at_write(&inc, &at, &b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"at\",\"t\":\"events\",\"p\":0,\"o\":9,\"ts\":60000000,\"from\":"
		      "{\"t\":\"dirty\",\"p\":3,\"o\":\"9223372036854775807\"},\"retries\":2,"
		      "\"inexact\":true}",
		 "at of a record that was sent again");
	read_back(&c, &b, CTL_AT);
	ok(ctl_at_read(&c, &got, &err) == 0 && slice_is(got.topic, "events") &&
		   got.partition == 0 && got.offset == 9 && got.time_us == CTL_AT_TIME_US &&
		   got.inexact && slice_is(got.from_topic, "dirty") && got.from_partition == 3 &&
		   got.from_offset == INT64_MAX && got.retries == 2 && ctl_at_is_alone(&got),
	   "and is read: %s", err.msg);
	ok(parse(&c, OPEN "\"k\":\"at\",\"t\":\"e\",\"p\":1,\"o\":2,\"from\":null}", &err) == 0 &&
		   ctl_at_read(&c, &got, &err) == 0 && !got.from_topic.p && !got.inexact &&
		   got.time_us == 0 && got.partition == 1 && got.offset == 2 && !got.retries &&
		   !ctl_at_is_alone(&got),
	   "at of any other: %s", err.msg);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char line[256], said[64];

		err = (struct err)ERR_INIT;
		snprintf(line, sizeof(line), OPEN "\"k\":\"at\",%s}", bad[i].members);
		snprintf(said, sizeof(said), ": %s is missing", bad[i].member);
		ok(parse(&c, line, &err) == 0 && ctl_at_read(&c, &got, &err) == -1 &&
			   err.code == EX_DATAERR && strstr(err.msg, said),
		   "%s: %s", bad[i].members, err.msg);
	}
	buf_fini(&b);
	ctl_fini(&c);
}

/* What a form says of a line is what reading it says; of any other it says nothing. */
static void test_at_form(void)
{
	static const struct {
		const char *members, *other;
		int64_t offset; /* of the other; -1: it is not of the form */
	} cases[] = {
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":12", 12 },
		{ "\"t\":\"e\",\"p\":1,\"o\":0", "\"t\":\"e\",\"p\":1,\"o\":999999999999999",
		  999999999999999 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7,\"ts\":60000000",
		  "\"t\":\"e\",\"p\":1,\"o\":0,\"ts\":60000000", 0 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7,\"ts\":60000000",
		  "\"t\":\"e\",\"p\":1,\"o\":8,\"ts\":120000000", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":9,\"inexact\":true",
		  -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":2,\"o\":9", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":08", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":-8", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":8.5", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7", "\"t\":\"e\",\"p\":1,\"o\":1000000000000000", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":\"7\"", "\"t\":\"e\",\"p\":1,\"o\":\"8\"", -1 },
		{ "\"t\":\"e\",\"p\":1,\"o\":7,\"from\":{\"t\":\"e\",\"p\":1,\"o\":7}",
		  "\"t\":\"e\",\"p\":1,\"o\":8,\"from\":{\"t\":\"e\",\"p\":1,\"o\":7}", -1 },
		{ "\"t\":\"e\",\"p\":1,\"x\":{\"y\":1,\"o\":5},\"o\" :7",
		  "\"t\":\"e\",\"p\":1,\"x\":{\"y\":1,\"o\":6},\"o\" :7", -1 },
	};
	struct ctl_at_form f = { 0 };
	struct ctl c = { 0 };
	struct ctl_at at;
	struct buf b = { 0 };
	int64_t offset;

	ok(!ctl_at_form_read(&f, z(OPEN "1"), &offset) && !ctl_at_form_write(&f, 1, &b) && !b.n,
	   "no form, no line");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		char line[256], other[256];

		snprintf(line, sizeof(line), OPEN "\"k\":\"at\",%s}", cases[i].members);
		snprintf(other, sizeof(other), OPEN "\"k\":\"at\",%s}", cases[i].other);
		ok(parse(&c, line, &err) == 0 && ctl_at_read(&c, &at, &err) == 0, "%s", err.msg);
		ctl_at_form_learn(&f, z(line), at.offset);
		is_int(ctl_at_form_read(&f, z(other), &offset) ? offset : -1, cases[i].offset,
		       other);
		b.n = 0;
		if (cases[i].offset < 0)
			continue;
		ok(ctl_at_form_write(&f, offset, &b) && slice_is(buf_slice(&b), other), "and back");
	}
	ctl_at_form_learn(&f, z(OPEN "\"k\":\"at\",\"t\":\"e\",\"p\":1,\"o\":7}"), 8);
	ok(!ctl_at_form_write(&f, 8, &b), "another offset than was read: none");
	ctl_at_form_learn(&f, z(OPEN "\"k\":\"at\",\"t\":\"e\",\"p\":1,\"o\":7}"), 7);
	ok(!ctl_at_form_write(&f, 1000000000000000, &b) && !ctl_at_form_write(&f, -1, &b),
	   "an offset that is written as a string: none");
	ctl_at_form_fini(&f);
	buf_fini(&b);
	ctl_fini(&c);
}

static void test_at_from(void)
{
	static const struct {
		const char *text;
		int32_t partition;
		int64_t offset;
	} good[] = {
		{ "e/0/0", 0, 0 },
		{ "e/2147483647/12", INT32_MAX, 12 },
		{ "file:9:00/0/5", 0, 5 },
		{ "a/b/1/2", 1, 2 },
	};
	static const char *const bad[] = {
		"",        "e",        "e/1",     "/1/2",
		"e/1/",    "e//2",     "e/-1/2",  "e/1/2 ",
		"e/+1/2",  "e/01/2",   "e/1/x",   "e/2147483648/1",
		"e/1/0x2", "\xff/1/2", "e/1/2\n", "e/1/9223372036854775808",
	};
	static const char *const number[] = { "", "0", "-1", "01", " 1", "1.0", "2147483648" };
	struct ctl_at at;
	char most[300];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ctl_at_from(&at, z(good[i].text));
		ok(at.from_topic.p && at.from_partition == good[i].partition &&
			   at.from_offset == good[i].offset &&
			   at.from_topic.p + at.from_topic.n < good[i].text + strlen(good[i].text),
		   "%s is a place", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		at.from_topic = z("before");
		ctl_at_from(&at, z(bad[i]));
		ok(!at.from_topic.p, "%s is none", bad[i]);
	}
	ctl_at_from(&at, slice(NULL, 0));
	ok(!at.from_topic.p, "a null is none");
	ctl_at_from(&at, slice("e\0/1/2", 6));
	ok(!at.from_topic.p, "a NUL in the topic is none");
	memset(most, 'e', sizeof(most));
	memcpy(most + 256, "/1/2", 5);
	ctl_at_from(&at, z(most + 1));
	ok(at.from_topic.n == 255, "the longest topic");
	ctl_at_from(&at, z(most));
	ok(!at.from_topic.p, "one that is longer");
	ok(ctl_retries(z("12")) == 12 && ctl_retries(z("2147483647")) == INT32_MAX, "retries");
	for (size_t i = 0; i < sizeof(number) / sizeof(*number); i++)
		ok(ctl_retries(z(number[i])) == 0, "\"%s\" are none", number[i]);
	ok(ctl_retries(slice(NULL, 0)) == 0, "nor is a null");
}

static void test_at_time(void)
{
	static const struct {
		int64_t us, at;
	} cases[] = {
		{ POS_NONE, 0 },
		{ -1, 0 },
		{ 0, 0 },
		{ 1, CTL_AT_TIME_US },
		{ CTL_AT_TIME_US, CTL_AT_TIME_US },
		{ CTL_AT_TIME_US + 1, 2 * CTL_AT_TIME_US },
		{ 1767225599999999, 1767225600000000 },
		{ 1767225600000000, 1767225600000000 },
		{ 1767225600000001, 1767225660000000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		is_int(ctl_at_time(cases[i].us), cases[i].at, "up to the full minute");
		for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++)
			ok(ctl_at_covers(cases[i].at, cases[k].us) == (cases[k].at == cases[i].at),
			   "what an `at` covers has its time (%zu, %zu)", i, k);
	}
	ok(ctl_at_time(INT64_MAX) > 0 && ctl_at_time(INT64_MAX) % CTL_AT_TIME_US == 0,
	   "nor does the last time of all overflow");
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

#define SLICE(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
static const struct ctl_metric two[] = {
	{ SLICE("a\"\xc3\xa9"), SLICE(INC), 60000000, SLICE("{\"by\":[\"k\"]}"), { 0 }, false },
	{ SLICE("b"), SLICE(GEN), 0, SLICE("{}"), SLICE("[[\"count\",\"x.avg.n\"]]"), true },
};
#define ONE "{\"name\":\"b\",\"cfg\":\"" GEN "\",\"every_us\":0,\"def\":{}"

static bool same_metric(const struct ctl_metric *a, const struct ctl_metric *b)
{
	return slice_eq(a->name, b->name) && slice_eq(a->cfg, b->cfg) &&
	       a->every_us == b->every_us && slice_eq(a->def, b->def) &&
	       slice_eq(a->columns, b->columns) && a->final == b->final;
}

static void test_metrics(void)
{
	static const char *const bad[] = {
		"\"metrics\":[]}",
		"\"set\":\"short\",\"metrics\":[]}",
		"\"set\":\"" GEN "\"}",
		"\"set\":\"" GEN "\",\"metrics\":{}}",
		"\"set\":\"" GEN "\",\"metrics\":[" ONE "},1]}",
		"\"set\":\"" GEN "\",\"metrics\":[" ONE ",\"columns\":{}}]}",
		"\"set\":\"" GEN "\",\"metrics\":[" ONE ",\"final\":1}]}",
		"\"set\":\"" GEN "\",\"metrics\":[{\"name\":\"b\",\"cfg\":\"" GEN "\"}]}",
		"\"set\":\"" GEN "\",\"metrics\":[{\"name\":\"b\",\"cfg\":\"" GEN
		"\",\"every_us\":-1,\"def\":{}}]}",
		"\"set\":\"" GEN "\",\"metrics\":[{\"name\":\"b\",\"cfg\":\"" GEN
		"\",\"every_us\":1,\"def\":\"{}\"}]}",
	};
	struct ctl_metrics got,
		set = { { z(GEN), NULL, 0 }, (struct ctl_metric *)(uintptr_t)two, 2 };
	struct buf b = { 0 };
	struct err err = ERR_INIT;
	struct ctl c = { 0 };

	ctl_metrics_write(&inc, &set, &b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"metrics\",\"set\":\"" GEN
		      "\",\"rules\":[],\"metrics\":[{\"name\":\"a\\\"\xc3\xa9\","
		      "\"cfg\":\"" INC "\",\"every_us\":60000000,\"def\":{\"by\":[\"k\"]}}," ONE
		      ",\"columns\":[[\"count\",\"x.avg.n\"]],\"final\":true}]}",
		 "metrics");
	read_back(&c, &b, CTL_METRICS);
	ok(ctl_metrics_read(&c, &got, &err) == 0 && slice_is(got.rules.set, GEN) && got.n == 2 &&
		   same_metric(&got.metric[0], &two[0]) && same_metric(&got.metric[1], &two[1]),
	   "read back");
	ctl_metrics_fini(&got);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		b.n = 0;
		buf_printf(&b, OPEN "\"k\":\"metrics\",%s", bad[i]);
		read_back(&c, &b, CTL_METRICS);
		ok(ctl_metrics_read(&c, &got, &err) == -1 && err.code == EX_DATAERR, "refused: %s",
		   bad[i]);
	}
	buf_fini(&b);
	ctl_fini(&c);
}

static void test_rules(void)
{
	const struct ctl_rule three[] = {
		{ z("b"), z("b@2"), z(GEN), 2, CTL_RULE_ACTIVE },
		{ z("a"), z("a"), z(INC), 1, CTL_RULE_ACTIVE },
		{ z("p"), z("p"), z(INC), 1, CTL_RULE_PAUSED },
	};
	const struct ctl_rule turned[] = {
		{ z("a"), z("a"), z(INC), 1, CTL_RULE_ACTIVE },
		{ z("b"), z("b@2"), z(GEN), 2, CTL_RULE_ACTIVE },
		{ .rule = z("gone"), .state = CTL_RULE_RETIRED },
	};
	struct ctl_metrics got,
		set = { { z(GEN), (struct ctl_rule *)(uintptr_t)turned, 3 }, NULL, 0 };
	char one[CTL_INC_CHARS + 1], other[CTL_INC_CHARS + 1], fewer[CTL_INC_CHARS + 1];
	struct buf b = { 0 };
	struct err err = ERR_INIT;
	struct ctl c = { 0 };

	ctl_rules_set(three, 3, one);
	ctl_rules_set(turned, 3, other);
	ctl_rules_set(three, 1, fewer);
	is_str(one, other, "a set is the active ones, in any order");
	ok(strcmp(one, fewer) != 0, "fewer are another set");
	ctl_metrics_write(&inc, &set, &b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"metrics\",\"set\":\"" GEN
		      "\",\"rules\":[{\"rule\":\"a\",\"state\":\"active\",\"version\":1,"
		      "\"metric\":\"a\",\"cfg\":\"" INC
		      "\"},{\"rule\":\"b\",\"state\":\"active\",\"version\":2,"
		      "\"metric\":\"b@2\",\"cfg\":\"" GEN
		      "\"},{\"rule\":\"gone\",\"state\":\"retired\"}],\"metrics\":[]}",
		 "rules");
	read_back(&c, &b, CTL_METRICS);
	ok(ctl_metrics_read(&c, &got, &err) == 0 && got.rules.n == 3, "read back");
	for (size_t i = 0; i < got.rules.n; i++)
		ok(slice_eq(got.rules.rule[i].rule, turned[i].rule) &&
			   slice_eq(got.rules.rule[i].metric, turned[i].metric) &&
			   slice_eq(got.rules.rule[i].cfg, turned[i].cfg) &&
			   got.rules.rule[i].state == turned[i].state,
		   "rule %zu", i);
	ctl_metrics_fini(&got);
	b.n = 0;
	buf_addz(&b, OPEN "\"k\":\"metrics\",\"set\":\"" GEN
			  "\",\"rules\":[{\"rule\":\"a\",\"state\":\"asleep\"}],"
			  "\"metrics\":[]}");
	read_back(&c, &b, CTL_METRICS);
	ok(ctl_metrics_read(&c, &got, &err) == -1 && err.code == EX_DATAERR,
	   "a state that is none is refused");
	buf_fini(&b);
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
	test_at();
	test_at_read();
	test_at_form();
	test_at_from();
	test_at_time();
	test_before();
	test_metrics();
	test_rules();
	test_fail_end();
	test_ack();
	return done();
}
