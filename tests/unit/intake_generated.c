/* Requests that are generated, and spoilt, against a slow reader that is written anew over json.h:
 * the same status, the same byte of a malformed body, the same events refused with the same codes,
 * both engines. */
#include "tap.h"

#include <stdlib.h>

#include "intake/intake.h"
#include "intake/members.h"
#include "random.h"

enum { ROUNDS = 40000, MOST = 40, DEEP = 64 };

static const int64_t now_us = 1760000000123000;

static const struct intake_conf defaults = { .max_events = MOST,
					     .max_event_bytes = 100000,
					     .max_ahead_us = TM_S };

/* ---- the slow reader */

static struct slice decoded(const struct json *j, uint32_t at, struct buf *b)
{
	b->n = 0;
	return json_string(j, at, b) ? j->node[at].text : buf_slice(b);
}

/* Whether two members of one object in that subtree have one name. */
static bool twice(const struct json *j, uint32_t at)
{
	struct buf a = { 0 }, b = { 0 };
	bool found = false;

	for (uint32_t o = at; o < j->node[at].next && !found; o++) {
		if (j->node[o].type != JSON_OBJECT)
			continue;
		for (uint32_t i = o + 1; i < j->node[o].next; i = j->node[i + 1].next)
			for (uint32_t k = o + 1; k < i; k = j->node[k + 1].next)
				found |= slice_eq(decoded(j, i, &a), decoded(j, k, &b));
	}
	buf_fini(&a);
	buf_fini(&b);
	return found;
}

static unsigned depth_of(const struct json *j, uint32_t at)
{
	unsigned deepest = 0;

	for (uint32_t i = at; i < j->node[at].next; i++) {
		unsigned depth = 0;

		for (uint32_t k = at; k <= i; k++)
			depth += j->node[k].next > i &&
				 (j->node[k].type == JSON_OBJECT || j->node[k].type == JSON_ARRAY);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest;
}

static bool good_text(const struct json *j, uint32_t at)
{
	struct buf b = { 0 };
	bool good = j->node[at].type == JSON_STRING && json_string(j, at, &b) == 0 && b.n > 0 &&
		    b.n <= INTAKE_TEXT_BYTES && !memchr(b.p, 0, b.n);

	buf_fini(&b);
	return good;
}

static bool good_time(const struct json *j, uint32_t at)
{
	int64_t us;

	return j->node[at].type == JSON_STRING && !j->node[at].escaped &&
	       tm_parse(j->node[at].text, &us) == 0 && us >= TM_MIN_US && us < TM_MAX_US &&
	       us <= now_us + TM_S;
}

static bool good_event(const struct json *j, uint32_t at)
{
	static const char *const texts[] = { "topic", "event_id", "event_type", "user_id",
					     "source" };
	static const char *const reserved[] = { "received_at", "$dead", "$hta", "$log",
						"$request" };
	bool good = j->node[at].type == JSON_OBJECT && depth_of(j, at) <= DEEP && !twice(j, at);
	uint32_t v;

	for (int i = 0; i < 5; i++) {
		if ((v = json_get(j, at, texts[i])))
			good &= good_text(j, v);
		else
			good &= i != 2 && i != 3;
		good &= !json_get(j, at, reserved[i]);
	}
	if ((v = json_get(j, at, "payload")))
		good &= j->node[v].type == JSON_OBJECT;
	if ((v = json_get(j, at, "timestamp")))
		good &= good_time(j, v);
	return good;
}

/* ---- generated */

static const char *const members[] = {
	"\"event_type\":\"a\"",
	"\"user_id\":\"u1\"",
	"\"user_id\":\"\\u0075\"",
	"\"event_id\":\"0123456789\"",
	"\"event_id\":\"\\ud800\"",
	"\"topic\":\"t\"",
	"\"topic\":\"\"",
	"\"\\u0074opic\":\"t\"",
	"\"timestamp\":\"2025-10-09T08:00:00Z\"",
	"\"timestamp\":\"2025-10-09 08:00:00.5+01:00\"",
	"\"timestamp\":12",
	"\"timestamp\":\"2026-10-09T08:00:00Z\"",
	"\"payload\":{\"a\":1,\"b\":{\"a\":[{\"a\":1},{\"a\":2}]}}",
	"\"payload\":{\"a\":\"{\\\"a\\\":1}\",\"b\":\"\\\\\",\"\":0}",
	"\"payload\":{\"n\":1,\"x\":[1,2],\"n\":3}",
	"\"payload\":5",
	"\"a longer name than any other has that stands here\":null",
	"\"a longer name than any other had that stands here\":true",
	"\"n1\":0,\"n2\":0,\"n3\":0,\"n4\":0,\"n5\":0,\"n6\":0,\"n7\":0,\"n8\":0,\"n9\":0",
	"\"quoted \\\" name\":\"\\\"\"",
	"\"quoted \\u0022 name\":\":\"",
	"\"colons\":\":::\\\":\"",
	"\"$dead\":{}",
	"\"received_at\":\"now\"",
	"\"source\":\"\xc3\xa9\xf0\x9f\x98\x80\"",
	"\"d\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]"
	"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	"\"d\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]"
	"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

static void add_event(struct buf *b)
{
	unsigned n = below(6);

	buf_addz(b, below(10) ? "{\"event_type\":\"v\"" : "{\"x\":1");
	if (below(10))
		buf_addz(b, ",\"user_id\":\"someone\"");
	for (; n > 0; n--) {
		unsigned good = sizeof(members) / sizeof(*members);

		buf_addz(b, below(5) ? "," : below(2) ? " ,\n" : ",\t ");
		buf_addz(b, members[2 + below(good - 2)]);
	}
	buf_addc(b, '}');
}

static void generate(struct buf *b)
{
	unsigned n = below(below(10) ? 6 : MOST + 2);

	b->n = 0;
	buf_addc(b, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_addz(b, below(8) ? "," : "\n , ");
		if (below(30))
			add_event(b);
		else
			buf_addz(b, below(2) ? "5" : "[{}]");
	}
	buf_addc(b, ']');
	if (below(3))
		return;
	for (unsigned spoil = 1 + below(2); spoil && b->n > 2; spoil--) {
		unsigned at = 1 + below((unsigned)b->n - 2);

		if (below(3))
			b->p[at] = "\"\\{}[],:\n\1x\xff"[below(12)];
		else
			memmove(b->p + at, b->p + at + 1, --b->n - at);
	}
}

/* ---- compared */

/* Text behind "byte ". */
static unsigned long byte_of(const char *text)
{
	return strncmp(text, "byte ", 5) == 0 ? strtoul(text + 5, NULL, 10) : 0;
}

static bool is_told(const struct intake_errors *e, uint32_t index)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->list[i].index == index)
			return true;
	return e->total > e->n;
}

static bool same_result(const struct intake_result *out, struct slice body)
{
	struct json j = { 0 };
	struct err err = ERR_INIT;
	uint32_t n = 0, bad = 0;
	bool same = true;

	if (json_parse(&j, body, &err)) {
		json_fini(&j);
		return out->status == INTAKE_TOO_MANY || (out->status == INTAKE_MALFORMED &&
							  byte_of(out->detail) == byte_of(err.msg));
	}
	for (uint32_t i = 1; i < j.n; i = j.node[i].next, n++) {
		bool good = n < MOST && good_event(&j, i);

		bad += !good;
		same &= n >= MOST || good != is_told(&out->errors, n);
	}
	json_fini(&j);
	if (n == 0 || n > MOST)
		return out->status == (n ? INTAKE_TOO_MANY : INTAKE_EMPTY);
	return same && out->status == (bad ? INTAKE_INVALID : INTAKE_OK) && out->events == n &&
	       out->rejected == bad && (bad || out->fresh + out->duplicates == n);
}

/* Each line is JSON, is as long as its event and the stamps, and no name stands twice. */
static bool good_lines(const struct intake_result *out)
{
	struct slice left = out->lines;
	struct json j = { 0 };
	uint32_t n = 0;

	for (; left.n > 0; n++) {
		const char *stop = memchr(left.p, '\n', left.n);
		struct slice line = slice(left.p, (size_t)(stop - left.p));

		if (json_parse(&j, line, NULL) || twice(&j, 0) || !json_get(&j, 0, "received_at") ||
		    !json_get(&j, 0, "timestamp") || !json_get(&j, 0, "topic") ||
		    !json_get(&j, 0, "event_id"))
			break;
		left = slice(stop + 1, left.n - line.n - 1);
	}
	json_fini(&j);
	return left.n == 0 && n == out->n_lines && n == out->fresh;
}

static void test_engine(enum cut_engine engine)
{
	struct intake_conf conf = defaults;
	struct intake_route *route = intake_route_new(intake_route_builtin(slice_z("/ingest")),
						      NULL);
	struct buf b = { 0 };
	unsigned wrong = 0, count[INTAKE_MISMATCH + 1] = { 0 };

	conf.seen = seen_new(3600 * TM_S, 1000, MOST + 1);
	conf.engine = engine;
	struct intake *in = intake_new(&conf);

	state = 11;
	for (unsigned i = 0; i < ROUNDS; i++) {
		generate(&b);
		const struct intake_result *out = intake_read(
			in, &(struct intake_request){ .route = route,
						      .body = buf_slice(&b),
						      .now_us = now_us,
						      .random = { i, i },
						      .ticket = i });

		count[out->status]++;
		if ((!same_result(out, buf_slice(&b)) || !good_lines(out)) && wrong++ < 5)
			printf("# %s %s, %u errors: %.*s\n", intake_code(out->status), out->detail,
			       out->errors.n, b.n < 500 ? (int)b.n : 500, b.p);
	}
	ok(wrong == 0, "%u taken, %u malformed, %u not valid, %u empty, %u too many",
	   count[INTAKE_OK], count[INTAKE_MALFORMED], count[INTAKE_INVALID], count[INTAKE_EMPTY],
	   count[INTAKE_TOO_MANY]);
	intake_free(in);
	intake_route_free(route);
	seen_free(conf.seen);
	buf_fini(&b);
}

/* An object of many members, which the quick walk leaves to the exact one. */
static void test_many_names(void)
{
	struct members n = { 0 };
	struct buf b = { 0 }, pointer = { 0 };

	for (int i = 0; i < SCAN_PAD; i++)
		buf_addc(&b, ' ');
	buf_addz(&b, "{\"a\":{\"x\":0");
	for (int i = 0; i < 50000; i++)
		buf_printf(&b, ",\"%d\":0", i);
	buf_addz(&b, "}}");
	memset(buf_room(&b, SCAN_PAD), ' ', SCAN_PAD);
	is_int(members_check(&n, slice(b.p + SCAN_PAD, b.n - SCAN_PAD), &pointer), MEMBERS_FINE,
	       "50,000 names, all different");
	b.n -= 2;
	buf_addz(&b, ",\"\\u0034711\":0}}");
	memset(buf_room(&b, SCAN_PAD), ' ', SCAN_PAD);
	for (enum cut_engine e = CUT_PORTABLE; e <= CUT_AVX2; e++)
		ok(!members_fine(slice(b.p + SCAN_PAD, b.n - SCAN_PAD), e), "one of them twice");
	is_int(members_check(&n, slice(b.p + SCAN_PAD, b.n - SCAN_PAD), &pointer), MEMBERS_TWICE,
	       "is found");
	is_bytes(pointer.p, pointer.n, "/a/4711", "where it is");
	members_fini(&n);
	buf_fini(&b);
	buf_fini(&pointer);
}

int main(void)
{
	test_engine(CUT_PORTABLE);
	test_engine(CUT_AVX2);
	test_many_names();
	return done();
}
