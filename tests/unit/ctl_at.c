/* Control records that say where the next record stands: the places and times of `at`, their
 * short form, and where a mended record stood before. */
#include "proto/ctl_at_form.h"
#include "ctl_lines.h"

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

int main(void)
{
	ctl_inc_set(&inc, INC);
	test_at();
	test_at_read();
	test_at_form();
	test_at_from();
	test_at_time();
	return done();
}
