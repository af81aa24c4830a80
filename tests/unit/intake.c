/* Requests: what is taken, what is refused and with which words, and which lines come of it. */
#include "tap.h"

#include <stdlib.h>

#include "intake/intake.h"
#include "intake/replay.h"

static const int64_t now_us = 1760000000123000; /* 2025-10-09T08:53:20.123Z */

struct bench {
	struct seen *seen;
	struct intake *in;
	struct intake_route *route[3]; /* /events, /ingest, /publish */
	struct buf lines; /* the last ones, with a NUL behind, as received_at is left out */
	uint32_t ticket, durable;
	const struct intake_result *out;
};

static void bench_open(struct bench *b)
{
	static const char *const paths[] = { "/events", "/ingest", "/publish" };
	struct intake_conf conf = { .max_events = 5, .max_event_bytes = 600, .max_ahead_us = TM_S };

	*b = (struct bench){ .seen = seen_new(3600 * TM_S, 1000, conf.max_events + 1) };
	conf.seen = b->seen;
	b->in = intake_new(&conf);
	for (int i = 0; i < 3; i++)
		b->route[i] = intake_route_new(intake_route_builtin(slice_z(paths[i])), NULL);
}

static void bench_close(struct bench *b)
{
	for (int i = 0; i < 3; i++)
		intake_route_free(b->route[i]);
	intake_free(b->in);
	seen_free(b->seen);
	buf_fini(&b->lines);
}

/* Cuts the stamp that all lines have. */
static void keep_lines(struct bench *b)
{
	static const char stamp[] = ",\"received_at\":\"2025-10-09T08:53:20.123Z\"";
	struct slice s = b->out->lines;

	b->lines.n = 0;
	while (s.n > 0) {
		const char *at = memmem(s.p, s.n, stamp, sizeof(stamp) - 1);
		size_t n = at ? (size_t)(at - s.p) : s.n;

		buf_add(&b->lines, s.p, n);
		n += at ? sizeof(stamp) - 1 : 0;
		s = slice(s.p + n, s.n - n);
	}
	buf_z(&b->lines);
}

static void send_request(struct bench *b, struct intake_request rq)
{
	rq.now_us = now_us;
	rq.random[0] = b->ticket++;
	rq.random[1] = 1;
	rq.ticket = b->ticket;
	rq.durable = b->durable;
	rq.request_id = slice_z("r1");
	b->out = intake_read(b->in, &rq);
	keep_lines(b);
}

static void send_body(struct bench *b, int route, const char *body)
{
	send_request(b, (struct intake_request){ .route = b->route[route], .body = slice_z(body) });
}

static void send_lines(struct bench *b, const char *body, bool lenient)
{
	send_request(b, (struct intake_request){ .route = b->route[0],
						 .body = slice_z(body),
						 .lines = true,
						 .lenient = lenient });
}

/* "INDEX POINTER CODE: DETAIL|.." */
static const char *told(const struct bench *b)
{
	static char text[2048];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < b->out->errors.n && n < sizeof(text); i++) {
		const struct intake_error *e = &b->out->errors.list[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u %.*s %s: %.*s",
				      i ? "|" : "", e->index, (int)e->pointer.n, e->pointer.p,
				      e->code, (int)e->detail.n, e->detail.p);
	}
	return text;
}

/* ---- lines */

#define PUBLISH(id, more)                                                                  \
	"{\"topic\":\"t\",\"event_id\":\"" id "\",\"timestamp\":\"2025-10-09T08:00:00Z\"," \
	"\"source\":\"s\",\"payload\":{" more "}}"

static void test_stamps(void)
{
	struct bench b;

	bench_open(&b);
	send_body(&b, 2, PUBLISH("e1", ""));
	is_bytes(b.lines.p, b.lines.n, PUBLISH("e1", "") "\n",
		 "a whole event gets received_at only");
	is_str(b.out->received_at, "2025-10-09T08:53:20.123Z", "which the answer has too");
	is_bytes(b.out->event_id.p, b.out->event_id.n, "\"e1\"", "and its id");
	is_bytes(b.out->topic.p, b.out->topic.n, "\"t\"", "and its topic");
	send_body(&b, 0, " {\"event_type\" :\n\"v\",\"user_id\":\"u\",\"payload\":{ } \r\n} ");
	is_bytes(b.lines.p, b.lines.n,
		 "{\"event_type\" : \"v\",\"user_id\":\"u\",\"payload\":{ } \r ,\"event_id\":"
		 "\"0199c82c-c07b-7000-8005-85874402c179\",\"timestamp\":\"2025-10-09T08:53:20."
		 "123Z\","
		 "\"topic\":\"events\"}\n",
		 "what is left out is stamped, what is there stays");
	is_bytes(b.out->event_id.p, b.out->event_id.n, "\"0199c82c-c07b-7000-8005-85874402c179\"",
		 "the made id is told");
	bench_close(&b);
}

static void test_forms(void)
{
	struct bench b;

	bench_open(&b);
	send_body(&b, 1,
		  "[{\"event_type\":\"a\",\"user_id\":\"1\"},\n{\"event_type\":\"b\",\"user_id\":"
		  "\"1\"}]");
	ok(b.out->status == INTAKE_OK && b.out->events == 2 && b.out->fresh == 2, "an array");
	is_int(b.out->n_lines, 2, "is two lines");
	send_body(&b, 2, "{\"events\":[" PUBLISH("1", "") "," PUBLISH("2", "") "]}");
	ok(b.out->status == INTAKE_OK && b.out->fresh == 2, "a wrapped array");
	send_lines(&b,
		   "{\"event_type\":\"a\",\"user_id\":\"1\",\"payload\":{}}\r\n\n"
		   "{\"event_type\":\"a\",\"user_id\":\"1\",\"payload\":{}}",
		   false);
	ok(b.out->status == INTAKE_OK && b.out->fresh == 2 && b.out->events == 2, "lines: %s %s",
	   intake_code(b.out->status), told(&b));
	bench_close(&b);
}

/* ---- refusals */

#define GOOD "{\"event_type\":\"a\",\"user_id\":\"u\",\"payload\":{}}"
#define DEEP16 "[[[[[[[[[[[[[[[["
#define DEEP64 DEEP16 DEEP16 DEEP16 DEEP16
#define SHALLOW16 "]]]]]]]]]]]]]]]]"
#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	int route;
	const char *body;
	enum intake_status status;
	const char *detail, *errors;
} refusals[] = {
	{ 0, "", INTAKE_MALFORMED, "byte 1: a value expected, but the text ends", "" },
	{ 0, "{\"a\":1", INTAKE_MALFORMED, "byte 7: , or } expected, but the text ends", "" },
	{ 0, GOOD " x", INTAKE_MALFORMED, "byte 47: something follows the value", "" },
	{ 1, "[" GOOD ",{\"a\":01}]", INTAKE_MALFORMED, "byte 54: , or } expected, not 1", "" },
	{ 1, "[" GOOD ",]", INTAKE_MALFORMED, "byte 48: a value expected, not ]", "" },
	{ 1, "[" GOOD, INTAKE_MALFORMED, "byte 47: , or ] expected, but the text ends", "" },
	{ 1, "[" GOOD "}", INTAKE_MALFORMED, "byte 47: , or ] expected, not }", "" },
	{ 1, "[" GOOD "]]", INTAKE_MALFORMED, "byte 48: something follows the value", "" },
	{ 1, "[{\"a\":\"\n\"}]", INTAKE_MALFORMED, "byte 8: a control character stands in a string",
	  "" },
	{ 1, "[\xef\xbb\xbf" GOOD "]", INTAKE_MALFORMED, "byte 2: a value expected, not byte 0xef",
	  "" },
	{ 0, "\xef\xbb\xbf\xef\xbb\xbf{}", INTAKE_MALFORMED,
	  "byte 4: a value expected, not byte 0xef", "" },
	{ 0, "{\"a\":\"\xff\"}", INTAKE_MALFORMED, "byte 7: not UTF-8", "" },
	{ 1, "[]", INTAKE_EMPTY, "there is no event in the body", "" },
	{ 1, "[{},{},{},{},{},{}]", INTAKE_TOO_MANY,
	  "more than 5 events; send them in several requests", "" },
	{ 1,
	  "[" GOOD
	  ",{\"a\":\"" LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 "\"}]",
	  INTAKE_TOO_LARGE, "event 1 has more than 600 bytes", "" },
	{ 0, "5", INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0  not-an-object: expected an object" },
	{ 0, "[" GOOD "]", INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0  not-an-object: expected an object" },
	{ 1, "[null," GOOD "]", INTAKE_INVALID, "1 of 2 events is not valid; nothing was accepted",
	  "0  not-an-object: expected an object" },
	{ 0, "{\"payload\":[],\"user_id\":5,\"topic\":\"\",\"source\":\"\\u0000\"}", INTAKE_INVALID,
	  "1 of 1 events is not valid; nothing was accepted",
	  "0 /event_type missing-member: it must be there|"
	  "0 /topic not-a-string: an empty string|"
	  "0 /user_id not-a-string: expected a string of 1 to 256 bytes|"
	  "0 /source not-a-string: it holds \\u0000, or half of a surrogate pair|"
	  "0 /payload not-an-object: expected an object" },
	{ 1, "[{\"event_type\":\"a\",\"user_id\":\"" LONG64 LONG64 LONG64 LONG64 "x\"}]",
	  INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0 /user_id not-a-string: a string of more than 256 bytes" },
	{ 1, "[{\"event_type\":\"a\",\"user_id\":\"u\",\"event_id\":null}]", INTAKE_INVALID,
	  "1 of 1 events is not valid; nothing was accepted",
	  "0 /event_id not-a-string: expected a string of 1 to 256 bytes" },
	{ 1, "[" GOOD ",{\"event_type\":\"a\",\"user_id\":\"u\",\"timestamp\":\"yesterday\"}]",
	  INTAKE_INVALID, "1 of 2 events is not valid; nothing was accepted",
	  "1 /timestamp not-a-time: expected RFC 3339, got \"yesterday\"" },
	{ 1, "[{\"event_type\":\"a\",\"user_id\":\"u\",\"timestamp\":1760000000}]", INTAKE_INVALID,
	  "1 of 1 events is not valid; nothing was accepted",
	  "0 /timestamp not-a-time: a number, and the server was not told its unit, got "
	  "1760000000" },
	{ 1, "[{\"event_type\":\"a\",\"user_id\":\"u\",\"timestamp\":null}]", INTAKE_INVALID,
	  "1 of 1 events is not valid; nothing was accepted",
	  "0 /timestamp not-a-time: expected RFC 3339, got null" },
	{ 1,
	  "[{\"event_type\":\"a\",\"user_id\":\"u\",\"timestamp\":\"2025-10-09T08:53:21.124Z\"}]",
	  INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0 /timestamp too-far-ahead: more than 1 s ahead of the server's clock" },
	{ 1, "[{\"event_type\":\"a\",\"user_id\":\"u\",\"x\":{\"b\":[{\"a/b\":1,\"a\\/b\":2}]}}]",
	  INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0 /x/b/0/a~1b duplicate-member: the name stands twice in its object" },
	{ 1, "[{\"event_type\":\"a\",\"user_id\":\"u\",\"user_id\":\"v\"}]", INTAKE_INVALID,
	  "1 of 1 events is not valid; nothing was accepted",
	  "0 /user_id duplicate-member: the name stands twice in its object" },
	{ 1,
	  "[{\"event_type\":\"a\",\"user_id\":\"u\",\"x\":" DEEP16 DEEP16 DEEP16 DEEP16 SHALLOW16
		  SHALLOW16 SHALLOW16 SHALLOW16 "}]",
	  INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0  too-deep: nested deeper than 64" },
	{ 0, DEEP16 DEEP16 DEEP16 DEEP16 "[", INTAKE_MALFORMED,
	  "byte 66: a value expected, but the text ends", "" },
	{ 1, "[" GOOD "," DEEP64 DEEP64 DEEP64 DEEP64 "[", INTAKE_INVALID,
	  "event 1 is nested deeper than 64", "1  too-deep: nested deeper than 64" },
	{ 1,
	  "[{\"event_type\":\"a\",\"user_id\":\"u\",\"received_at\":1,\"$dead\":{},\"$hta\":0,"
	  "\"$log\":0,\"$request\":0}]",
	  INTAKE_INVALID, "1 of 1 events is not valid; nothing was accepted",
	  "0 /received_at reserved-member: it is set by the server, and not by its clients|"
	  "0 /$dead reserved-member: it is set by the server, and not by its clients|"
	  "0 /$hta reserved-member: it is set by the server, and not by its clients|"
	  "0 /$log reserved-member: it is set by the server, and not by its clients|"
	  "0 /$request reserved-member: it is set by the server, and not by its clients" },
};

static void test_refusals(void)
{
	struct bench b;

	bench_open(&b);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		send_body(&b, refusals[i].route, refusals[i].body);
		ok(b.out->status == refusals[i].status &&
			   strcmp(b.out->detail, refusals[i].detail) == 0 &&
			   strcmp(told(&b), refusals[i].errors) == 0,
		   "refusal %zu: %s %s; %s", i, intake_code(b.out->status), b.out->detail,
		   told(&b));
		ok(b.out->n_lines == 0 && b.out->lines.n == 0, "no line");
	}
	is_int(seen_stats(b.seen).ids, 0, "what is refused leaves nothing behind");
	bench_close(&b);
}

static void test_many_errors(void)
{
	struct bench b;
	struct buf body = { 0 };

	bench_open(&b);
	buf_addz(&body, "[{}");
	for (int i = 0; i < 4; i++)
		buf_addz(&body, ",{\"topic\":1,\"event_id\":1,\"source\":1}");
	buf_addz(&body, "]");
	send_body(&b, 1, buf_z(&body));
	is_int(b.out->errors.total, 22, "all errors are counted");
	is_int(b.out->rejected, 5, "and events");
	buf_fini(&body);
	bench_close(&b);
}

/* ---- lenient */

static void test_lenient(void)
{
	struct bench b;

	bench_open(&b);
	send_lines(&b, GOOD "\n{\"a\":}\n\xff\n" PUBLISH("e", "") "\n", true);
	ok(b.out->status == INTAKE_OK && b.out->fresh == 1 && b.out->rejected == 3 &&
		   b.out->n_lines == 4 && b.out->events == 4,
	   "%u fresh, %u rejected, %u lines of %u events", b.out->fresh, b.out->rejected,
	   b.out->n_lines, b.out->events);
	ok(strstr(b.lines.p,
		  "}\n{\"$dead\":{\"reason\":\"malformed-json: byte 6: a value expected, "
		  "not }\",\"request_id\":\"r1\"},\"record\":\"{\\\"a\\\":}\"}\n"),
	   "a dead letter stands in its place");
	ok(strstr(b.lines.p, "\"enc\":\"base64\"},\"record\":\"/w==\"}\n"),
	   "what is no text is base64");
	ok(strstr(b.lines.p, "\"missing-member at /event_type: it must be there\""),
	   "the reason is the first error");
	send_lines(&b, GOOD "\n{\"a\":}\n", false);
	ok(b.out->status == INTAKE_INVALID && b.out->n_lines == 0, "strict takes none");
	bench_close(&b);
}

/* ---- seen before */

static void test_duplicates(void)
{
	struct bench b;

	bench_open(&b);
	send_body(&b, 2, PUBLISH("e1", ""));
	ok(b.out->fresh == 1 && !b.out->waits, "the first one is fresh");
	send_body(&b, 2, PUBLISH("e1", "\"a\":1"));
	ok(b.out->duplicates == 1 && b.out->n_lines == 0 && b.out->conflicting == 1,
	   "the second is not");
	ok(b.out->waits && b.out->wait_ticket == 1, "it waits for the first one's append");
	b.durable = 1;
	send_body(&b, 2, PUBLISH("e1", ""));
	ok(!b.out->waits && b.out->conflicting == 0, "until that is durable");
	send_body(&b, 2, "{\"events\":[" PUBLISH("e2", "") "," PUBLISH("\\u00652", "") "]}");
	ok(b.out->fresh == 1 && b.out->duplicates == 1 && b.out->waits &&
		   b.out->wait_ticket == b.ticket,
	   "a duplicate within a request waits for its own append");
	intake_undo(b.in);
	send_body(&b, 2, PUBLISH("e2", ""));
	is_int(b.out->fresh, 1, "an append that failed is taken back");
	send_body(&b, 2, "{\"events\":[" PUBLISH("e3", "") ",{}]}");
	send_body(&b, 2, PUBLISH("e3", ""));
	is_int(b.out->fresh, 1, "so is a request that is refused");
	send_body(&b, 1, "[{\"event_type\":\"a\",\"user_id\":\"1\",\"event_id\":\"e1\"}]");
	is_int(b.out->fresh, 1, "the same id of another topic is another event");
	bench_close(&b);
}

static void send_key(struct bench *b, const char *key, const char *body)
{
	send_request(b, (struct intake_request){ .route = b->route[1],
						 .body = slice_z(body),
						 .idempotency_key = slice_z(key),
						 .key_id = slice_z("client") });
}

#define TWO "[{\"event_type\":\"a\",\"user_id\":\"1\"},{\"event_type\":\"b\",\"user_id\":\"1\"}]"

static void test_idempotency(void)
{
	struct bench b;

	bench_open(&b);
	send_key(&b, "K", TWO);
	ok(b.out->fresh == 2 && !b.out->replayed, "a key that is new");
	ok(strstr(b.lines.p, ",\"$request\":\"") == strrchr(b.lines.p, '$') - 2,
	   "its stamp is in one line");
	char first[128];
	snprintf(first, sizeof(first), "%.*s", (int)b.out->event_id.n, b.out->event_id.p);
	send_key(&b, "K", TWO);
	ok(b.out->duplicates == 2 && b.out->replayed && b.out->n_lines == 0, "is a replay then");
	is_bytes(b.out->event_id.p, b.out->event_id.n, first, "with the same ids");
	send_key(&b, "K", "[{\"event_type\":\"a\",\"user_id\":\"1\"}]");
	ok(b.out->status == INTAKE_MISMATCH && b.out->n_lines == 0, "another body is a mismatch");
	send_key(&b, "L", TWO);
	is_int(b.out->fresh, 2, "another key is another request");
	intake_undo(b.in);
	send_key(&b, "L", "[{\"event_type\":\"c\",\"user_id\":\"1\"}]");
	ok(b.out->fresh == 1 && !b.out->replayed, "one that failed is forgotten, its key too");
	bench_close(&b);
}

static void test_replay(void)
{
	struct bench b;
	struct buf log = { 0 };

	bench_open(&b);
	send_key(&b, "K", TWO);
	for (int i = 0; i < SCAN_PAD; i++)
		buf_addc(&log, ' ');
	buf_adds(&log, b.out->lines);
	send_body(&b, 2, PUBLISH("\\u0065", ""));
	buf_adds(&log, b.out->lines);
	send_lines(&b, PUBLISH("dead", "") "\n", true);
	buf_adds(&log, b.out->lines);
	memset(buf_room(&log, SCAN_PAD), ' ', SCAN_PAD);
	seen_free(b.seen);
	intake_free(b.in);
	b.seen = seen_new(3600 * TM_S, 1000, 200);
	b.in = intake_new(
		&(struct intake_conf){ .max_events = 5, .max_event_bytes = 600, .seen = b.seen });
	struct replay *r = replay_new(b.seen);
	is_int(replay_lines(r, slice(log.p + SCAN_PAD, log.n - SCAN_PAD), now_us - TM_S, 0), 3,
	       "three ids are read back");
	replay_free(r);
	send_key(&b, "K", TWO);
	ok(b.out->duplicates == 2 && b.out->replayed && !b.out->waits, "a replay after a restart");
	send_key(&b, "K", "[]");
	is_int(b.out->status, INTAKE_MISMATCH, "a mismatch too");
	send_body(&b, 2, PUBLISH("e", ""));
	ok(b.out->duplicates == 1 && !b.out->conflicting, "and an id");
	buf_fini(&log);
	bench_close(&b);
}

static void test_topics(void)
{
	struct seen *seen = seen_new(3600 * TM_S, 1000, 201);
	struct intake *in = intake_new(&(struct intake_conf){
		.max_events = 200, .max_event_bytes = 1000, .max_ahead_us = TM_S, .seen = seen });
	struct intake_route *r = intake_route_new(intake_route_builtin(slice_z("/ingest")), NULL);
	struct buf body = { 0 };

	for (int i = 0; i < 200; i++)
		buf_printf(&body,
			   "%c{\"event_type\":\"a\",\"user_id\":\"u\",\"topic\":\"%d\",\"event_"
			   "id\":\"%d\"}",
			   i ? ',' : '[', i / 2, i % 3);
	buf_addc(&body, ']');
	const struct intake_result *out = intake_read(
		in, &(struct intake_request){
			    .route = r, .body = buf_slice(&body), .now_us = now_us, .ticket = 1 });
	const struct intake_topic *first = &out->topics[0], *rest = &out->topics[63];
	ok(out->n_topics == 64 && slice_is(first->topic, "0") && first->fresh == 2 &&
		   rest->topic.n == 0 && rest->fresh == 200 - 63 * 2,
	   "%u topics, the first has %u, the rest %u", out->n_topics, first->fresh, rest->fresh);
	out = intake_read(
		in, &(struct intake_request){
			    .route = r, .body = buf_slice(&body), .now_us = now_us, .ticket = 2 });
	ok(first->fresh == 0 && first->duplicates == 2 && out->duplicates == 200,
	   "once more: duplicates");
	intake_free(in);
	intake_route_free(r);
	seen_free(seen);
	buf_fini(&body);
}

int main(void)
{
	test_topics();
	test_stamps();
	test_forms();
	test_refusals();
	test_many_errors();
	test_lenient();
	test_duplicates();
	test_idempotency();
	test_replay();
	return done();
}
