/* What a record's line is made of: kcat's envelope, and a key that becomes a member. */
#include "source/envelope.h"
#include "tap.h"

#define NONE slice(NULL, 0)

static char topic[] = "ev\"ents";
static const struct partition part = { .topic = topic, .partition = 3 };

static struct slice z(const char *text)
{
	return slice_z(text);
}

/* The line, or "! why". */
static const char *line_of(const struct envelope_conf *conf, struct slice value, struct slice key,
			   const struct input_header *header, size_t n)
{
	static struct buf out;
	struct envelope e = { .conf = conf };
	const struct input_record r = { .value = value, .offset = 7, .time_us = 1767225600123000 };
	const struct input_extra x = { .key = key, .header = header, .n = n };
	const char *why = "";

	out.n = 0;
	if (envelope_write(&e, &part, &r, &x, &out, &why)) {
		is_int(out.n, 0, "nothing is added");
		buf_printf(&out, "! %s", why);
	}
	envelope_fini(&e);
	return buf_z(&out);
}

#define HEAD                                                                                   \
	"{\"topic\":\"ev\\\"ents\",\"partition\":3,\"offset\":7,\"tstype\":\"create\",\"ts\":" \
	"1767225600123,"

static void envelopes(void)
{
	const struct envelope_conf json = { .json = true };
	const struct input_header two[] = { { z("a"), z("b\n") }, { z(""), NONE } };
	const struct input_header odd[] = { { z("a"), z("\xff") }, { z("b"), NONE } };

	is_str(line_of(&json, z("{\"a\":\"b\"}\n"), z("k"), NULL, 0),
	       HEAD "\"key\":\"k\",\"payload\":\"{\\\"a\\\":\\\"b\\\"}\\n\"}", "a record");
	is_str(line_of(&json, NONE, NONE, NULL, 0), HEAD "\"key\":null,\"payload\":null}",
	       "a tombstone without a key");
	is_str(line_of(&json, z(""), z(""), two, 2),
	       HEAD "\"headers\":[\"a\",\"b\\n\",\"\",null],\"key\":\"\",\"payload\":\"\"}",
	       "headers; what is empty is not null");
	is_str(line_of(&json, slice("\0", 1), z("\xc3\xa9"), NULL, 0),
	       HEAD "\"key\":\"\xc3\xa9\",\"payload\":\"\\u0000\"}",
	       "a NUL, and a letter beyond ASCII");
	is_str(line_of(&json, z("\xff\xfe"), z("\xc3"), odd, 2),
	       HEAD "\"headers\":[\"YQ==\",\"/w==\",\"Yg==\",null],\"headers_encoding\":\"base64\","
		    "\"key\":\"ww==\",\"key_encoding\":\"base64\","
		    "\"payload\":\"//4=\",\"payload_encoding\":\"base64\"}",
	       "what is not UTF-8");
}

static void times(void)
{
	const struct envelope_conf json = { .json = true };
	struct envelope e = { .conf = &json };
	struct input_record r = { .value = z("v"), .time_us = 5000, .appended = true };
	const struct input_extra x = { .key = NONE };
	const char *why;
	struct buf b = { 0 };

	envelope_write(&e, &part, &r, &x, &b, &why);
	ok(strstr(buf_z(&b), "\"offset\":0,\"tstype\":\"logappend\",\"ts\":5,\"key\""),
	   "the log's time");
	b.n = 0;
	r.time_us = POS_NONE;
	envelope_write(&e, &part, &r, &x, &b, &why);
	ok(strstr(buf_z(&b), "\"offset\":0,\"key\""), "no time");
	buf_fini(&b);
	envelope_fini(&e);
}

static void payloads(void)
{
	const struct envelope_conf conf = { .json = true, .json_payload = true };
	static const struct {
		const char *value, *payload, *what;
	} cases[] = {
		{ "{\"a\":1e400}", "{\"a\":1e400}", "an object" },
		{ " {\"a\":\n1 } ", "{\"a\":\n1 }", "one with white space around it" },
		{ "\xef\xbb\xbf{}", "{}", "one behind a byte order mark" },
		{ "[1]", "\"[1]\"", "an array is a string" },
		{ "7", "\"7\"", "so is a number" },
		{ "{\"a\":1", "\"{\\\"a\\\":1\"", "so is what is cut off" },
		{ "{}{}", "\"{}{}\"", "so are two" },
		{ "", "\"\"", "so is nothing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char wanted[256];

		snprintf(wanted, sizeof(wanted), HEAD "\"key\":null,\"payload\":%s}",
			 cases[i].payload);
		is_str(line_of(&conf, z(cases[i].value), NONE, NULL, 0), wanted, cases[i].what);
	}
	is_str(line_of(&conf, NONE, z("k"), NULL, 0), HEAD "\"key\":\"k\",\"payload\":null}",
	       "a tombstone");
}

/* An object of that many objects, one in the other: the line with it is JSON to our readers. */
static void deep_payloads(void)
{
	const struct envelope_conf conf = { .json = true, .json_payload = true };

	for (int depth = JSON_DEPTH - 2; depth <= JSON_DEPTH; depth++) {
		struct buf b = { 0 };
		struct json j = { 0 };
		struct err err = ERR_INIT;
		const char *line;

		for (int i = 0; i < depth; i++)
			buf_addz(&b, i % 2 ? "{\"a\":[],\"b\":" : "{\"b\":");
		buf_addz(&b, depth < JSON_DEPTH ? "[]" : "1");
		for (int i = 0; i < depth; i++)
			buf_addc(&b, '}');
		line = line_of(&conf, buf_slice(&b), NONE, NULL, 0);
		ok(json_parse(&j, slice_z(line), &err) == 0, "depth %d: %s", depth, err.msg);
		ok((strstr(line, "\"payload\":{") != NULL) == (depth == JSON_DEPTH - 2),
		   "an object where it fits");
		json_fini(&j);
		buf_fini(&b);
	}
}

static void key_fields(void)
{
	const struct envelope_conf conf = { .key_field = "k\"1" };
	static const struct {
		const char *value, *key, *wanted, *what;
	} cases[] = {
		{ "{\"a\":1}", "x", "{\"k\\\"1\":\"x\",\"a\":1}", "a new member is the first" },
		{ "{}", "x", "{\"k\\\"1\":\"x\"}", "and the only one" },
		{ " { } ", "x", "{\"k\\\"1\":\"x\" }", "also where there is white space" },
		{ "{\"a\":1}", NULL, "{\"k\\\"1\":null,\"a\":1}", "no key" },
		{ "{\"a\":1}", "\"\n", "{\"k\\\"1\":\"\\\"\\n\",\"a\":1}", "a key with a quote" },
		{ "{\"a\":1, \"k\\u00221\" : \"old\" ,\"b\":2}", "x",
		  "{\"a\":1, \"k\\u00221\" : \"x\" ,\"b\":2}", "an old member is replaced" },
		{ "{\"k\\\"1\":{\"k\\\"1\":[1]}}", "x", "{\"k\\\"1\":\"x\"}", "whatever it is" },
		{ "{\"k\\\"1\":1,\"k\\\"1\":true}", "x", "{\"k\\\"1\":1,\"k\\\"1\":\"x\"}",
		  "the last of equal ones" },
		{ "{\"a\":{\"k\\\"1\":1}}", "x", "{\"k\\\"1\":\"x\",\"a\":{\"k\\\"1\":1}}",
		  "one further down is another" },
		{ "[1]", "x", "! no JSON object, which could take its key", "no object" },
		{ "{\"a\":1}x", "x", "! no JSON object, which could take its key", "no JSON" },
		{ "{\"a\":1}", "\xff", "! its key is not UTF-8", "a key of bytes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_str(line_of(&conf, z(cases[i].value), cases[i].key ? z(cases[i].key) : NONE,
			       NULL, 0),
		       cases[i].wanted, cases[i].what);
}

int main(void)
{
	envelopes();
	times();
	payloads();
	deep_payloads();
	key_fields();
	return done();
}
