/* The pure parts of the DynamoDB driver: URLs, items as they are written and read again. */
#include "drv/dynamo/dynamo_item.h"
#include "drv/dynamo/dynamo_place.h"

#include <stdlib.h>

#include "base/tm.h"
#include "tap.h"

static const char *shown(const char *text)
{
	return text ? text : "-";
}

static void test_good_urls(void)
{
	static const struct {
		const char *text, *region, *table, *url, *host;
	} cases[] = {
		{ "dynamodb://eu-west-1/events", "eu-west-1", "events",
		  "https://dynamodb.eu-west-1.amazonaws.com/", "dynamodb.eu-west-1.amazonaws.com" },
		{ "dynamodb://cn-north-1/a.b-c_D9", "cn-north-1", "a.b-c_D9",
		  "https://dynamodb.cn-north-1.amazonaws.com.cn/",
		  "dynamodb.cn-north-1.amazonaws.com.cn" },
		{ "dynamodb:///events", "us-east-1", "events",
		  "https://dynamodb.us-east-1.amazonaws.com/", "dynamodb.us-east-1.amazonaws.com" },
		{ "dynamodb://x-1", "x-1", "-", "https://dynamodb.x-1.amazonaws.com/",
		  "dynamodb.x-1.amazonaws.com" },
		{ "dynamodb://x-1/abc?endpoint=http://127.0.0.1:8000", "x-1", "abc",
		  "http://127.0.0.1:8000/", "127.0.0.1:8000" },
		{ "dynamodb://x-1?endpoint=https://h/", "x-1", "-", "https://h/", "h" },
		/* the host is what is sent as Host: without the scheme's own port */
		{ "dynamodb://x-1?endpoint=https://h:443/", "x-1", "-", "https://h:443/", "h" },
		{ "dynamodb://x-1?endpoint=http://h:80", "x-1", "-", "http://h:80/", "h" },
		{ "dynamodb://x-1?endpoint=https://h:80", "x-1", "-", "https://h:80/", "h:80" },
		{ "dynamodb://x-1?endpoint=http://h:443", "x-1", "-", "http://h:443/", "h:443" },
		{ "dynamodb://x-1?endpoint=http://h:8080", "x-1", "-", "http://h:8080/", "h:8080" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct dynamo_place p;

		if (!ok(dynamo_place_init(&p, cases[i].text, &err) == 0, "%s %s", cases[i].text,
			err.msg))
			continue;
		is_str(p.region, cases[i].region, "region");
		is_str(shown(p.table), cases[i].table, "table");
		is_str(p.url, cases[i].url, "url");
		is_str(p.host, cases[i].host, "host");
		dynamo_place_fini(&p);
	}
}

static void test_bad_urls(void)
{
	static const char *const cases[] = {
		"",
		"events",
		"dynamodb:/x/events",
		"dynamodb://EU/events",
		"dynamodb://eu_1/events",
		"dynamodb://eu-1/ab",
		"dynamodb://eu-1/a/b/c",
		"dynamodb://eu-1/a b c",
		"dynamodb://eu-1/abc\"",
		"dynamodb://eu-1/abc?",
		"dynamodb://eu-1/abc?endpoint=",
		"dynamodb://eu-1/abc?endpoint=h:1",
		"dynamodb://eu-1/abc?endpoint=ftp://h",
		"dynamodb://eu-1/abc?endpoint=http://",
		"dynamodb://eu-1/abc?endpoint=http://h:",
		"dynamodb://eu-1/abc?endpoint=http://h/p",
		"dynamodb://eu-1/abc?endpoint=http://u@h",
		"dynamodb://eu-1/abc?x=1",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct dynamo_place p;

		ok(dynamo_place_init(&p, cases[i], &err) && err.code == EX_USAGE, "no URL: %s",
		   cases[i]);
	}
}

static void test_times(void)
{
	static const struct {
		int64_t us;
		const char *text, *day;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000Z", "1970-01-01" },
		{ 1767225600000001, "2026-01-01T00:00:00.000001Z", "2026-01-01" },
		{ 1767225599999999, "2025-12-31T23:59:59.999999Z", "2025-12-31" },
		{ 1767225600500000, "2026-01-01T00:00:00.500000Z", "2026-01-01" },
		{ TM_MAX_US - 1, "2199-12-31T23:59:59.999999Z", "2199-12-31" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[DYNAMO_TIME_CHARS + 1], day[DYNAMO_DAY_CHARS + 1];

		dynamo_time(cases[i].us, text);
		is_str(text, cases[i].text, "time");
		dynamo_day(dynamo_day_of(cases[i].us), day);
		is_str(day, cases[i].day, "day");
	}
}

static const struct events_conf conf = { .id = "event_id", .time = "ts" };

static struct sink_event event_of(const char *id, int64_t us)
{
	struct sink_event e = { .ts_us = us };

	if (id)
		e.text[EVENT_ID] = slice_z(id);
	return e;
}

static void test_keys(void)
{
	struct sink_event a = event_of("a", 5), b = event_of("a", 6), c = event_of("ab", 5);
	struct sink_record record = { .line = slice_z("{}") };
	struct err why = ERR_INIT;

	ok(dynamo_event_key(&conf, &record, &a, &why) == 0 &&
		   dynamo_event_key(&conf, &record, &b, &why) == 0 &&
		   dynamo_event_key(&conf, &record, &c, &why) == 0,
	   "keys");
	ok(memcmp(a.key, b.key, EVENT_KEY_BYTES) && memcmp(a.key, c.key, EVENT_KEY_BYTES),
	   "of another time and another id they differ");
	b = event_of("a", 5);
	dynamo_event_key(&conf, &record, &b, &why);
	ok(memcmp(a.key, b.key, EVENT_KEY_BYTES) == 0, "of the same they are the same");
}

static void test_what_is_no_item(void)
{
	char *long_line = malloc(DYNAMO_ITEM_BYTES);
	const struct {
		const char *id;
		int64_t us;
		struct slice line;
		const char *why;
	} cases[] = {
		{ NULL, 5, slice_z("{}"), "event_id is no text of 1 to 1024 bytes" },
		{ "", 5, slice_z("{}"), "event_id is no text" },
		{ DYNAMO_DAYS, 5, slice_z("{}"), "under which the table keeps its days" },
		{ "a", POS_NONE, slice_z("{}"), "ts is no time" },
		{ "a", 5, slice_z("\xff"), "it is not UTF-8" },
		{ "a", 5, slice(long_line, DYNAMO_ITEM_BYTES), "DynamoDB has 409600 at most" },
	};

	memset(long_line, 'x', DYNAMO_ITEM_BYTES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sink_event e = event_of(cases[i].id, cases[i].us);
		struct sink_record record = { .line = cases[i].line };
		struct err why = ERR_INIT;

		ok(dynamo_event_key(&conf, &record, &e, &why) && why.code == EX_DATAERR &&
			   strstr(why.msg, cases[i].why),
		   "%s: %s", cases[i].why, why.msg);
	}
	free(long_line);
}

/* What is written is read again, whatever is in the texts. */
static void test_round_trip(void)
{
	struct sink_event e = event_of("a\"\\\n\xc3\xa9", 1767225600000001);
	struct sink_record record = { .topic = slice_z("t/\"1\""),
				      .line = slice_z("{\"x\":\"\\u0000\\\" \xf0\x9f\x98\x80\"}"),
				      .partition = 2147483647,
				      .offset = INT64_MAX,
				      .event = &e };
	struct buf item = { 0 }, texts = { 0 };
	struct json j = { 0 };
	struct stored_event got;
	struct err err = ERR_INIT;

	e.text[EVENT_USER] = slice_z("u");
	dynamo_put_event(&record, 1767225601000000, 1767229200, &item);
	ok(json_parse(&j, buf_slice(&item), &err) == 0, "an item is JSON: %s", err.msg);
	ok(dynamo_take_event(&j, 0, &texts, &got, &err) == 0, "it is an event: %s", err.msg);
	ok(slice_eq(got.text[EVENT_ID], e.text[EVENT_ID]), "event_id");
	ok(slice_is(got.text[EVENT_USER], "u") && !got.text[EVENT_TYPE].p, "user_id, no type");
	ok(slice_eq(got.record, record.line), "payload");
	ok(got.place.ts_us == e.ts_us && got.received_us == 1767225601000000, "times");
	ok(got.place.in_log && got.place.partition == record.partition &&
		   got.place.offset == INT64_MAX && slice_eq(got.place.topic, record.topic),
	   "place");
	ok(dynamo_same_place(&j, 0, &record), "the same place");
	record.offset--;
	ok(!dynamo_same_place(&j, 0, &record), "another offset");
	json_fini(&j);
	buf_fini(&item);
	buf_fini(&texts);
}

static void test_no_event(void)
{
	static const char *const cases[] = {
		"{}",
		"{\"event_id\":{\"S\":\"hta:days\"},\"timestamp\":{\"S\":\"2026-01-01\"}}",
		"{\"event_id\":{\"S\":\"a\"},\"timestamp\":{\"S\":\"2026-01-01T00:00:00Z\"}}",
		"{\"event_id\":\"a\",\"timestamp\":{\"S\":\"2026-01-01T00:00:00Z\"},"
		"\"payload\":{\"S\":\"{}\"}}",
		"{\"event_id\":{\"S\":\"a\"},\"timestamp\":{\"N\":\"5\"},"
		"\"payload\":{\"S\":\"{}\"}}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf texts = { 0 };
		struct json j = { 0 };
		struct stored_event got;
		struct err err = ERR_INIT;

		json_parse(&j, slice_z(cases[i]), &err);
		ok(dynamo_take_event(&j, 0, &texts, &got, &err) && err.code == EX_DATAERR,
		   "no event: %s", cases[i]);
		json_fini(&j);
		buf_fini(&texts);
	}
}

int main(void)
{
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_DYNAMODB");
	test_good_urls();
	test_bad_urls();
	test_times();
	test_keys();
	test_what_is_no_item();
	test_round_trip();
	test_no_event();
	return done();
}
