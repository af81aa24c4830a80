/* Values to lines by a registry that is made up: which records wait, and what is said of those that
 * have no line. */
#include "source/decode.h"

#include <string.h>

#include "tap.h"

enum { MOST = 1 << 20 };

static struct {
	unsigned asked, waits; /* calls of find; those that are to say wait */
} fake;

static const char order[] = "{\"type\":\"record\",\"name\":\"Order\",\"fields\":"
			    "[{\"name\":\"id\",\"type\":\"long\"}]}";

static void *fake_open(const struct registry_conf *conf, struct loop *loop, struct err *err)
{
	(void)conf, (void)loop, (void)err;
	return &fake;
}

static void fake_close(void *registry)
{
	(void)registry;
}

/* 1 and a GUID of zeros: a schema; 2: one that is none; 3: of Protobuf; 4: of JSON Schema; 9: a
 * failure; else none. */
static enum registry_outcome fake_find(void *registry, const struct registry_key *key,
				       struct registry_schema *out, struct err *err)
{
	(void)registry;
	fake.asked++;
	if (fake.waits && fake.waits--)
		return REGISTRY_WAITS;
	*out = (struct registry_schema){ .type = "AVRO", .text = slice_z(order) };
	if (key->by == REGISTRY_BY_GUID || key->id == 1)
		return REGISTRY_FOUND;
	if (key->id == 2)
		out->text = slice_z("{\"type\":\"nothing\"}");
	else if (key->id == 3)
		out->type = "PROTOBUF";
	else if (key->id == 4)
		out->type = "JSON";
	else
		err_set(err, key->id == 9 ? EX_CONFIG : EX_DATAERR, "so it is");
	return key->id <= 4 ? REGISTRY_FOUND : key->id == 9 ? REGISTRY_FAILED : REGISTRY_NONE;
}

static const struct registry_ops ops = { .open = fake_open,
					 .close = fake_close,
					 .find = fake_find };
static const struct decode_conf conf = { .as = DECODE_AVRO, .ops = &ops },
				json_conf = { .as = DECODE_JSON },
				both_conf = { .as = DECODE_REGISTRY, .ops = &ops };
static char topic[] = "t";
static const struct partition part = { .topic = topic, .partition = 0 };

/* The log of one record's header. */
static struct input_header header;

static void give_header(void *log, const struct input_record *r, struct input_extra *out)
{
	(void)log, (void)r;
	*out = (struct input_extra){ .header = &header, .n = 1 };
}

static const struct input_ops log_ops = { .extra = give_header };
static const struct input input_log = { .ops = &log_ops };

#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
#define SLICE(text) slice(text, sizeof(text) - 1)

static size_t ready(struct decode *d, const struct input_record *v, size_t n)
{
	struct err err = ERR_INIT;
	size_t k = 0;

	is_int(decode_ready(d, &input_log, &part, v, n, &k, &err), 0, "no failure");
	return k;
}

/* The line of a record, or why it has none. */
static const char *line(struct decode *d, const struct input_record *r)
{
	static struct buf scratch, out;
	struct input_extra x = { 0 };
	struct slice text;
	const char *why;

	out.n = 0;
	if (r->headers)
		give_header(NULL, r, &x);
	if (decode_line(d, &part, r, &x, MOST, &scratch, &text, &why))
		return why;
	buf_adds(&out, text);
	return buf_z(&out);
}

static void waiting(struct decode *d)
{
	const struct input_record v[] = { { .value = BYTES("{}") },
					  { .value = { 0 } },
					  { .value = BYTES("\0\0\0\0\1\2") },
					  { .value = BYTES("\0\0\0\0\1\4") } };

	fake.waits = 2;
	is_int(ready(d, v, 4), 2, "ready");
	is_int(ready(d, v + 2, 2), 2, "ready");
	is_int(fake.asked, 3, "calls");
	is_str(line(d, &v[2]), "{\"id\":1}", "line");
	is_int(ready(d, v, 4), 4, "ready");
	is_int(fake.asked, 3, "calls");
	is_str(line(d, &v[3]), "{\"id\":2}", "line");
}

static void reasons(struct decode *d)
{
	static const struct {
		struct slice value;
		const char *why;
	} bad[] = {
		{ BYTES(""), "no schema id: " },
		{ BYTES("\0\0\0\0"), "no schema id: " },
		{ BYTES("\0\0\0\0\1"), "schema 1: byte 1: Order.id: " },
		{ BYTES("\0\0\0\0\2\2"), "schema 2: " },
		{ BYTES("\0\0\0\0\3\2"), "schema 3: is of Protobuf, not of Avro" },
		{ BYTES("\0\0\0\0\4{}"),
		  "schema 4: is of JSON Schema, not of Avro: --decode json reads it" },
		{ BYTES("\0\377\377\377\377\2"), "schema 4294967295: so it is" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct input_record r = { .value = bad[i].value };

		is_int(ready(d, &r, 1), 1, "ready");
		ok(strncmp(line(d, &r), bad[i].why, strlen(bad[i].why)) == 0, "%s", line(d, &r));
	}
}

static void headers(struct decode *d)
{
	const struct input_record r = { .value = BYTES("\2"), .headers = true };

	header = (struct input_header){ .name = BYTES("__value_schema_id"),
					.value = BYTES("\0\0\0\0\1") };
	is_int(ready(d, &r, 1), 1, "ready");
	is_str(line(d, &r), "{\"id\":1}", "line");
	header.value = SLICE("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	is_int(ready(d, &r, 1), 1, "ready");
	is_str(line(d, &r), "{\"id\":1}", "line");
	header.value = SLICE("\2");
	is_int(ready(d, &r, 1), 1, "ready");
	ok(strstr(line(d, &r), "header __value_schema_id"), "a header of another form");
	header.name = SLICE("other");
	ok(strstr(line(d, &r), "no schema id"), "another header");
}

/* Behind the frame, or behind a header, stands the line itself. */
static void json_lines(void)
{
	static const struct {
		struct slice value;
		const char *line;
	} of[] = {
		{ BYTES("\0\0\0\0\1{\"id\":1}"), "{\"id\":1}" },
		{ BYTES("\0\0\0\1\0\n [1]"), "\n [1]" },
		{ BYTES("\0\0\0\0\1-1"), "-1" },
		{ BYTES("\0\377\377\377\377null"), "null" },
		{ BYTES("{\"id\":1}"), "no schema id: " },
		{ BYTES(""), "no schema id: " },
		{ BYTES("\0\0\0\0"), "no schema id: " },
		{ BYTES("\0\0\0\0\1"), "schema 1: not JSON behind the schema id: --decode avro" },
		{ BYTES("\0\0\0\0\1 "), "schema 1: not JSON behind the schema id" },
		{ BYTES("\0\377\377\377\377\2"), "schema 4294967295: not JSON behind" },
	};
	struct err err = ERR_INIT;
	struct decode *d = decode_new(&json_conf, NULL, &err);
	struct input_record r = { .value = BYTES("{\"id\":1}"), .headers = true };
	unsigned asked = fake.asked;

	ok(decode_is_json(d), "takes frames off");
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		const struct input_record one = { .value = of[i].value };

		is_int(ready(d, &one, 1), 1, "ready");
		ok(strncmp(line(d, &one), of[i].line, strlen(of[i].line)) == 0, "%s",
		   line(d, &one));
	}
	header = (struct input_header){ .name = BYTES("__value_schema_id"),
					.value = BYTES("\0\0\0\0\1") };
	is_str(line(d, &r), "{\"id\":1}", "a header");
	r.value = SLICE("\0\0\0\0\1{}");
	is_str(line(d, &r), "{}", "both");
	r.value = SLICE("\2");
	ok(strstr(line(d, &r), "schema 1: not JSON"), "a header before what is none");
	is_int(fake.asked, asked, "nobody is asked");
	decode_free(d);
}

/* By the registry's word, one after the other. */
static void both_lines(void)
{
	const struct input_record v[] = { { .value = BYTES("\0\0\0\0\1\2") },
					  { .value = BYTES("\0\0\0\0\4{\"id\":2}") },
					  { .value = BYTES("\0\0\0\0\3\2") },
					  { .value = BYTES("\0\0\0\0\4\2") } };
	struct err err = ERR_INIT;
	struct decode *d = decode_new(&both_conf, NULL, &err);

	ok(!decode_is_json(d), "not only JSON");
	fake.waits = 1;
	is_int(ready(d, v, 4), 0, "ready");
	is_int(ready(d, v, 4), 4, "ready");
	is_str(line(d, &v[0]), "{\"id\":1}", "of Avro");
	is_str(line(d, &v[1]), "{\"id\":2}", "of JSON");
	is_str(line(d, &v[2]), "schema 3: is of Protobuf, not of Avro or JSON Schema",
	       "of neither");
	is_str(line(d, &v[3]), "schema 4: not JSON behind the schema id",
	       "none, though it says so");
	decode_free(d);
}

static void failure(struct decode *d)
{
	const struct input_record r = { .value = BYTES("\0\0\0\0\11\2") };
	struct err err = ERR_INIT;
	size_t k;

	is_int(decode_ready(d, &input_log, &part, &r, 1, &k, &err), -1, "no failure");
	is_int(err.code, EX_CONFIG, "ready");
}

/* Ids without end: what is kept of them is not. */
static void many_ids(struct decode *d)
{
	char bytes[] = "\0\0\0\0\0\2";
	const struct input_record r = { .value = BYTES(bytes) };

	for (unsigned i = 0; i < 200000; i++) {
		struct err err = ERR_INIT;
		size_t k = 0;

		memcpy(bytes + 1, &(unsigned){ i << 8 | 0x7f }, 4);
		decode_ready(d, &input_log, &part, &r, 1, &k, &err);
		if (k != 1 || !strstr(line(d, &r), "so it is"))
			ok(false, "id %u", i);
	}
	bytes[1] = bytes[2] = bytes[3] = 0;
	bytes[4] = 1;
	is_str(line(d, &r), "{\"id\":1}", "line");
}

int main(void)
{
	struct err err = ERR_INIT;
	struct decode *d = decode_new(&conf, NULL, &err);

	waiting(d);
	reasons(d);
	headers(d);
	json_lines();
	both_lines();
	failure(d);
	many_ids(d);
	decode_free(d);
	return done();
}
