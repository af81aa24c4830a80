/* What --events makes of a record: columns, keys; and the places that pages go on from. */
#include <string.h>

#include "read/events.h"
#include "tap.h"

static const struct events_conf by_place = {
	.on = true,
	.id = "event_id",
	.type = "event_type",
	.user = "user_id",
	.source = "source",
	.time = "ts",
};

/* The line as an event of topic "log"; what is wrong with it is in why. */
static int read_line(struct events *e, const char *line, struct sink_event *out, struct err *why)
{
	static char block[1024];
	static struct scan_batch batch;
	size_t n = strlen(line);

	memset(block, 0, sizeof(block));
	memcpy(block + SCAN_PAD, line, n);
	block[SCAN_PAD + n] = '\n';
	events_scan(e, block + SCAN_PAD, n + 1, &batch);
	if (!ok(scan_status(&batch, 0) == SCAN_OK, "%s is a record", line))
		return -1;
	return events_read(e, batch.field, slice_z("log"), out, why);
}

static void is_text(struct slice got, const char *want, const char *name)
{
	bool same = want ? got.p && slice_is(got, want) : !got.p;

	ok(same, "%s: %.*s", name, (int)got.n, got.p ? got.p : "");
}

static void test_columns(void)
{
	static const struct {
		const char *line, *id, *type, *user;
		int64_t ts_us;
	} cases[] = {
		{ "{\"event_id\":\"a\",\"event_type\":\"b\",\"user_id\":\"c\",\"ts\":\"1970-01-"
		  "01T00:00:"
		  "01.5Z\"}",
		  "a", "b", "c", 1500000 },
		{ "{\"event_id\":1,\"event_type\":true,\"user_id\":[\"c\"],\"ts\":1}", NULL, NULL,
		  NULL, POS_NONE },
		{ "{\"event_id\":\"a\\u0000\",\"event_type\":\"\",\"user_id\":\"\\u00e9\\n\","
		  "\"ts\":\"x\"}",
		  NULL, "", "\xc3\xa9\n", POS_NONE },
		{ "{\"event_id\":\"\\ud800\",\"event_type\":null}", NULL, NULL, NULL, POS_NONE },
		{ "{\"user_id\":\"1\",\"user_id\":\"2\"}", NULL, NULL, "2", POS_NONE },
	};
	struct err err = ERR_INIT;
	struct events *e = events_new(&by_place, &err);
	struct sink_event event;

	ok(e && !events_keyed(e), "known by their place");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		is_int(read_line(e, cases[i].line, &event, &err), 0, "an event");
		is_text(event.text[EVENT_ID], cases[i].id, "event_id");
		is_text(event.text[EVENT_TYPE], cases[i].type, "event_type");
		is_text(event.text[EVENT_USER], cases[i].user, "user_id");
		is_text(event.text[EVENT_SOURCE], NULL, "source");
		is_text(event.text[EVENT_TOPIC], "log", "topic");
		is_int(event.ts_us, cases[i].ts_us, "ts");
	}
	events_free(e);
}

static void test_long_column(void)
{
	struct err err = ERR_INIT;
	struct events *e = events_new(&by_place, &err);
	struct sink_event event;
	char line[1024 + EVENT_COLUMN_BYTES];

	for (int n = EVENT_COLUMN_BYTES; n <= EVENT_COLUMN_BYTES + 1; n++) {
		static char block[sizeof(line) + 2 * SCAN_PAD];
		static struct scan_batch batch;
		int bytes = snprintf(line, sizeof(line), "{\"user_id\":\"%0*d\"}\n", n, 1);

		memcpy(block + SCAN_PAD, line, (size_t)bytes);
		events_scan(e, block + SCAN_PAD, (size_t)bytes, &batch);
		events_read(e, batch.field, slice_z("log"), &event, &err);
		is_int(event.text[EVENT_USER].p != NULL, n == EVENT_COLUMN_BYTES, "a long text");
	}
	events_free(e);
}

/* Lines of one group have one key, those of two groups two. */
static void test_keys(void)
{
	static const struct {
		int group;
		const char *line;
	} cases[] = {
		{ 1, "{\"a\":{\"b\":\"x\"},\"c\":1}" },
		{ 1, "{\"c\":1.0,\"a\":{\"b\":\"\\u0078\"},\"d\":5}" },
		{ 1, "{\"c\":10e-1,\"a\":{\"b\":\"y\",\"b\":\"x\"}}" },
		{ 2, "{\"a\":{\"b\":\"x\"},\"c\":\"1\"}" },
		{ 3, "{\"a\":{\"b\":\"x\"},\"c\":true}" },
		{ 4, "{\"a\":{\"b\":\"x\"},\"c\":\"true\"}" },
		{ 5, "{\"a\":{\"b\":\"x\\u0000\"},\"c\":1}" },
		{ 6, "{\"a\":{\"b\":1},\"c\":\"x\"}" },
	};
	static const char *const bad[] = {
		"{\"a\":{\"b\":\"x\"}}",      "{\"a\":{\"b\":null},\"c\":1}",
		"{\"a\":\"x\",\"c\":1}",      "{\"a\":{\"b\":[]},\"c\":1}",
		"{\"a\":{\"b\":{}},\"c\":1}", "{\"a\":{\"b\":\"\\udc00\"},\"c\":1}",
	};
	enum { N = sizeof(cases) / sizeof(*cases) };
	struct events_conf conf = by_place;
	struct err err = ERR_INIT;
	struct sink_event event[N];
	struct events *e;

	conf.key = "c,a.b,@topic";
	e = events_new(&conf, &err);
	for (size_t i = 0; i < N; i++) {
		is_int(read_line(e, cases[i].line, &event[i], &err), 0, "has a key");
		for (size_t k = 0; k < i; k++)
			is_int(memcmp(event[i].key, event[k].key, EVENT_KEY_BYTES) == 0,
			       cases[i].group == cases[k].group, "equal keys");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		is_int(read_line(e, bad[i], &event[0], &err), -1, "has none");
		ok(err.code == EX_DATAERR && strstr(err.msg, "--key"), "says why: %s", err.msg);
	}
	events_free(e);
}

static void test_confs(void)
{
	static const char *const bad[] = {
		"", "a,,b", "a,a", "a.", "@topic,@topic", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"
	};
	struct events_conf conf = by_place;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		conf.key = bad[i];
		ok(!events_new(&conf, &err) && err.code == EX_USAGE, "--key %s: %s", bad[i],
		   err.msg);
	}
	conf = by_place;
	conf.topic_path = "t";
	ok(!events_new(&conf, &err) && err.code == EX_USAGE, "--topic-path alone: %s", err.msg);
	conf = by_place;
	conf.user = "a..b";
	ok(!events_new(&conf, &err) && err.code == EX_USAGE, "a path that is none: %s", err.msg);
}

static void test_places(void)
{
	static const char *const good[] = {
		"2026-01-01T00:00:00Z/events/0/123",
		"2026-01-01T00:00:00.000001Z/a/b//c/2147483647/9223372036854775807",
		"/events/1/2",
		"///",
		"////00112233445566778899aabbccddeeff",
		"2026-01-01T00:00:00.250Z/x///00112233445566778899aabbccddeeff",
		"/x/3/4/00112233445566778899aabbccddeeff",
	};
	static const char *const bad[] = {
		"",
		"x",
		"/",
		"//",
		"/x//1",
		"/x/1/",
		"/x/-1/2",
		"/x/1/2x",
		"/1/2",
		"yesterday/x/1/2",
		"/x/2147483648/1",
		"/x/1/9223372036854775808",
		"/x/1/0011223344556677889900112233445566",
		"00112233445566778899aabbccddeeff",
		"/00112233445566778899aabbccddeeff",
		"/1/00112233445566778899aabbccddeeff",
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct events_place p;
		struct buf text = { 0 };

		is_int(events_place_parse(good[i], &p, &err), 0, "a place");
		events_place_format(&p, &text);
		is_str(buf_z(&text), good[i], "and back");
		buf_fini(&text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct events_place p;

		ok(events_place_parse(bad[i], &p, &err) && err.code == EX_USAGE, "%s is none",
		   bad[i]);
	}
}

int main(void)
{
	test_columns();
	test_long_column();
	test_keys();
	test_confs();
	test_places();
	return done();
}
