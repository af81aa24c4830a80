/* The pure parts of the S3 driver: answers, names, offsets, credentials, places. */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/s3/s3_key.h"
#include "drv/s3/s3_place.h"
#include "drv/s3/s3_xml.h"
#include "net/aws_credentials.h"
#include "net/aws_service.h"
#include "proto/pos.h"
#include "random.h"
#include "tap.h"

/* ---- XML */

static void note_element(void *arg, const char *path, struct slice text)
{
	buf_printf(arg, "%s=%.*s;", path, (int)text.n, text.p);
}

static void check_xml(const char *document, const char *want)
{
	struct buf got = { 0 };
	struct err err = ERR_INIT;
	int rc = xml_read(slice_z(document), note_element, &got, &err);

	is_str(rc ? err.msg : buf_z(&got), want, document);
	buf_fini(&got);
}

static void test_xml(void)
{
	check_xml("<?xml version=\"1.0\" encoding='UTF-8'?>\n<a xmlns=\"http://x/\"><b>1</b><c/>"
		  "<b k='v' >&lt;&amp;&#65;&#x20ac;&quot;</b></a>\n",
		  "a/b=1;a/c=;a/b=<&A\xe2\x82\xac\";a=;");
	check_xml("  \n <n:Error><Code>Slow</Code></n:Error>", "Error/Code=Slow;Error=;");
	check_xml("<a>&more;</a>", "XML, byte 4: an entity that is none of XML's five");
	check_xml("<a>&#xd800;</a>", "XML, byte 4: an entity that is none of XML's five");
	check_xml("<a>&#0;</a>", "XML, byte 4: an entity that is none of XML's five");
	check_xml("<a>&amp</a>", "XML, byte 4: an entity does not end");
	check_xml("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
		  "XML, byte 1: something that no answer has");
	check_xml("<a><!-- b --></a>", "XML, byte 4: something that no answer has");
	check_xml("<a><![CDATA[b]]></a>", "XML, byte 4: something that no answer has");
	check_xml("<a><b></a></b>", "XML, byte 10: another element was begun");
	check_xml("<a>", "XML, byte 4: an element does not end");
	check_xml("<a></a><b/>", "XML, byte 8: something behind the document");
	check_xml("<a b=c></a>", "XML, byte 6: an attribute's value has no quotes");
	check_xml("", "XML, byte 1: nothing");
	check_xml("not XML", "XML, byte 1: no element begins here");
	check_xml("</a>", "XML, byte 1: no element begins here");
	check_xml("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", "XML, byte 51: too deep");
}

/* ---- names */

static void check_name(const char *topic, int32_t partition, int64_t from, const char *want)
{
	struct buf key = { 0 };
	struct s3_name name = { .partition = -1 };

	buf_addz(&key, "p/events/2026/11/27/");
	s3_key_place(slice_z(topic), partition, from, &key);
	buf_addz(&key, s3_key_suffix(PACK_GZIP));
	is_str(buf_z(&key), want, topic);
	ok(s3_key_read(buf_slice(&key), &name) && slice_is(buf_slice(&name.topic), topic) &&
		   name.partition == partition && name.from == from && name.kind == PACK_GZIP,
	   "it is read back");
	buf_fini(&key);
	buf_fini(&name.topic);
}

static void check_no_name(const char *key)
{
	struct s3_name name = { .partition = -1 };

	ok(!s3_key_read(slice_z(key), &name) && name.partition == -1, "no name of ours: %s", key);
	buf_fini(&name.topic);
}

static void check_each(const char *key, bool want)
{
	ok(s3_key_is_each(slice_z(key)) == want, "%s of --each: %s", want ? "one" : "none", key);
}

static void check_day(int64_t us, const char *want)
{
	struct buf day = { 0 };

	s3_key_day(us, &day);
	is_str(buf_z(&day), want, want);
	buf_fini(&day);
}

static void test_names(void)
{
	check_name("events", 3, 1234567,
		   "p/events/2026/11/27/events.3.00000000000001234567.ndjson.gz");
	check_name("a.b-c_9", INT32_MAX, INT64_MAX,
		   "p/events/2026/11/27/a.b-c_9.2147483647.09223372036854775807.ndjson.gz");
	check_name("web/log \xc3\xa9%", 0, 0,
		   "p/events/2026/11/27/web%2Flog%20%C3%A9%25.0.00000000000000000000.ndjson.gz");
	check_no_name("events/2026/11/27/0190-77.json");
	check_each("p/events/2026/11/27/0190-77.json", true);
	check_each("2026/11/27/a%2Fb.json", true);
	check_each("p/undated/web.0.00000000000000000012.json", true);
	check_each("p/2026/11/27/.json", false);
	check_each("p/2026/11/27/a.ndjson.zst", false);
	check_each("p/2026/1/27/a.json", false);
	check_each("11/27/a.json", false);
	check_each("a.json", false);
	check_each("", false);
	check_no_name("t.0.123.ndjson.zst");
	check_no_name("t.0.000000000000000001234.ndjson.zst");
	check_no_name("t.0.99999999999999999999.ndjson.zst");
	check_no_name("t.2147483648.00000000000000000000.ndjson.zst");
	check_no_name(".0.00000000000000000000.ndjson.zst");
	check_no_name("%zz.0.00000000000000000000.ndjson.zst");
	check_no_name("%ff.0.00000000000000000000.ndjson.zst");
	check_no_name("0.00000000000000000000.ndjson.zst");
	check_no_name("");
	check_day(1764201600 * TM_S, "2025/11/27");
	check_day(0, "1970/01/01");
	check_day(POS_NONE, "undated");
	check_day(TM_MAX_US, "undated");
}

/* ---- offsets */

static void test_offsets(void)
{
	enum { RECORDS = 20000 };
	static int64_t offset[RECORDS];
	struct s3_offsets w = { .next = 100 }, r = { .next = 100 };
	struct buf pairs = { 0 };
	struct slice rest;
	int64_t at = 100, got;
	size_t same = 0;

	for (size_t i = 0; i < RECORDS; i++) {
		unsigned dice = below(20);

		at += dice == 0 ? below(5) : dice == 1 ? 1LL << below(40) : 0;
		offset[i] = at++;
		s3_offsets_add(&w, offset[i], &pairs);
		if (below(500) == 0)
			s3_offsets_cut(&w, &pairs);
	}
	s3_offsets_cut(&w, &pairs);
	rest = buf_slice(&pairs);
	while (same < RECORDS && s3_offsets_next(&r, &rest, &got) && got == offset[same])
		same++;
	is_int(same, RECORDS, "offsets with gaps, there and back");
	ok(!s3_offsets_next(&r, &rest, &got), "and no more of them");
	rest = slice("\x80\x80", 2);
	ok(!s3_offsets_next(&r, &rest, &got), "a pair that is cut");
	rest = slice("\x01\x00", 2);
	ok(!s3_offsets_next(&r, &rest, &got), "a pair of no record");
	buf_fini(&pairs);
}

/* ---- credentials and places */

static void check_profile(const char *text, const char *profile, const char *want)
{
	struct aws_credentials c = { 0 };
	struct buf got = { 0 };

	if (aws_credentials_read(slice_z(text), profile, &c) == 0)
		buf_printf(&got, "%s %s %s", c.id, c.secret, c.token ? c.token : "-");
	is_str(buf_z(&got), want, profile);
	aws_credentials_fini(&c);
	buf_fini(&got);
}

static void test_credentials(void)
{
	static const char file[] = "# mine\n[default]\naws_access_key_id = A\r\n"
				   "aws_secret_access_key=B=/+\n\n[ other ]\n"
				   "aws_secret_access_key = D\naws_session_token = T\n"
				   "region = x\naws_access_key_id = C\n[half]\n"
				   "aws_access_key_id = E";
	struct aws_credentials c = { 0 };
	struct err err = ERR_INIT;

	check_profile(file, "default", "A B=/+ -");
	check_profile(file, "other", "C D T");
	check_profile(file, "half", "");
	check_profile(file, "none", "");
	check_profile("", "default", "");
	is_int(aws_credentials_of_json(slice_z("{\"Code\":\"Success\",\"AccessKeyId\":\"A\","
					       "\"SecretAccessKey\":\"B\",\"Token\":\"T\","
					       "\"Expiration\":\"2026-11-29T18:00:00Z\"}"),
				       &c, &err),
	       0, "of a machine");
	is_str(c.token ? c.token : "", "T", "its token");
	is_int(c.expires_us, 1795975200 * TM_S, "until then");
	aws_credentials_fini(&c);
	is_int(aws_credentials_of_json(slice_z("{\"AccessKeyId\":\"A\"}"), &c, &err), -1, "half");
	aws_credentials_fini(&c);
}

static void check_place(const char *url, const char *endpoint, const char *want)
{
	struct s3_place p;
	struct err err = ERR_INIT;
	struct buf base = { 0 }, host = { 0 }, path = { 0 }, got = { 0 };

	if (s3_place_init(&p, url, endpoint, &err) == 0) {
		s3_place_address(&p, &base, &host, &path);
		buf_printf(&got, "%s%s/%s", buf_z(&base), buf_z(&path), p.prefix);
		s3_place_fini(&p);
	}
	is_str(err.code ? "refused" : buf_z(&got), want, url);
	buf_fini(&base);
	buf_fini(&host);
	buf_fini(&path);
	buf_fini(&got);
}

/* What is signed as Host is what is sent: without the scheme's own port. */
static void test_hosts(void)
{
	static const char *const cases[][2] = {
		{ "https://h:443", "h" },   { "http://h:80/", "h" },
		{ "https://h:80", "h:80" }, { "http://127.0.0.1:443", "127.0.0.1:443" },
		{ "https://h", "h" },       { "http://h:8080", "h:8080" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct s3_place p;
		struct buf base = { 0 }, host = { 0 }, path = { 0 };

		ok(s3_place_init(&p, "s3://archive/x", cases[i][0], &err) == 0, "%s", cases[i][0]);
		s3_place_address(&p, &base, &host, &path);
		is_str(buf_z(&host), cases[i][1], "its host");
		s3_place_fini(&p);
		buf_fini(&base);
		buf_fini(&host);
		buf_fini(&path);
	}
}

static void test_places(void)
{
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_S3");
	unsetenv("AWS_DEFAULT_REGION");
	setenv("AWS_REGION", "eu-west-1", 1);
	check_place("s3://archive/web/", NULL, "https://archive.s3.eu-west-1.amazonaws.com/web/");
	check_place("s3://archive", NULL, "https://archive.s3.eu-west-1.amazonaws.com/");
	check_place("s3://a.b.c/x/y", NULL, "https://s3.eu-west-1.amazonaws.com/a.b.c/x/y/");
	check_place("s3://archive/x", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/archive/x/");
	check_place("s3://Archive/x", NULL, "refused");
	check_place("s3://ab/x", NULL, "refused");
	check_place("s3:///x", NULL, "refused");
	check_place("s3://archive/a//b", NULL, "refused");
	check_place("s3://archive/x", "127.0.0.1:9000", "refused");
	check_place("s3://archive/x", "http://h/path", "refused");
	check_place("s3://archive/x", "http://", "refused");
	check_place("s3://archive/x", "ftp://h", "refused");
	check_place("s3://archive/x", "https://h//", "https://h/archive/x/");
	setenv("AWS_ENDPOINT_URL", "https://minio:1", 1);
	check_place("s3://archive/x", NULL, "https://minio:1/archive/x/");
}

/* ---- clocks */

static bool mend(int64_t server_us, int64_t signed_us, int64_t *skew_us)
{
	time_t s = server_us / TM_S;
	char date[40];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return aws_skew_mend(slice_z(date), signed_us, skew_us, "a server of the test");
}

static void test_clocks(void)
{
	int64_t ahead_us = 600 * TM_S, now_us = tm_now_us(), skew_us = 0;

	ok(mend(now_us + ahead_us, 0, &skew_us), "a clock that is ahead");
	ok(llabs(skew_us - ahead_us) < 30 * TM_S, "by that much");
	ok(!mend(now_us + ahead_us, skew_us, &skew_us), "it was refused for another reason");
	ok(mend(now_us + ahead_us, 0, &skew_us), "another request has mended it");
	ok(mend(now_us - ahead_us, skew_us, &skew_us), "the clock is behind now");
	ok(llabs(skew_us + ahead_us) < 30 * TM_S, "by that much");
	ok(!aws_skew_mend(slice(NULL, 0), 0, &skew_us, ""), "no date");
	ok(!aws_skew_mend(slice_z("yesterday"), 0, &skew_us, ""), "a date that is none");
}

/* Keys that never expire are no better when they are read again. */
static void test_drop(void)
{
	struct aws_credentials c = { .id = mem_strdup("A"),
				     .expires_us = INT64_MAX,
				     .by_http = true };

	ok(!aws_credentials_drop(&c) && c.id, "keys that never expire stay");
	c.expires_us = 1;
	ok(aws_credentials_drop(&c) && !c.id && c.by_http, "others go, and whence is known");
	aws_credentials_fini(&c);
}

int main(void)
{
	test_xml();
	test_names();
	test_offsets();
	test_credentials();
	test_drop();
	test_clocks();
	test_places();
	test_hosts();
	return done();
}
