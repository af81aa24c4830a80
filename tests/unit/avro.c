/* Records of Avro as JSON, as they were written and as another schema reads them: bytes worked out
 * by hand from the specification, and by fastavro; what random schemas and values show is in
 * tests/fuzz/avro_diff.py. */
#include "avro_values.h"

/* ---- values: bytes to JSON, and back where both is told by one row */

struct value_case {
	const char *schema, *hex, *json;
	bool one_way;
};

static const struct value_case values[] = {
	{ "\"null\"", "", "null", false },
	{ "\"boolean\"", "01", "true", false },
	{ "\"boolean\"", "00", "false", false },
	{ "\"int\"", "01", "-1", false },
	{ "\"int\"", "ffffffff0f", "-2147483648", false },
	{ "\"long\"", "feffffffffffffffff01", "9223372036854775807", false },
	{ "\"long\"", "ffffffffffffffffff01", "-9223372036854775808", false },
	{ "\"long\"", "8480808080808020", "9007199254740994", true },
	{ "\"float\"", "cdcccc3d", "0.1", false },
	{ "\"float\"", "0000c07f", "\"NaN\"", false },
	{ "\"float\"", "000080ff", "\"-Infinity\"", false },
	{ "\"float\"", "ffff7f7f", "3.4028235e+38", false },
	{ "\"float\"", "00000000", "0", false },
	{ "\"float\"", "00000080", "-0", false },
	{ "\"double\"", "000000000000f07f", "\"Infinity\"", false },
	{ "\"double\"", "3d0ad7a370bd2840", "12.37", false },
	{ "\"double\"", "555555555555d53f", "0.3333333333333333", false },
	{ "\"double\"", "0000000000000080", "-0", false },
	{ "\"string\"", "0a68c3a96c6c", "\"h\xc3\xa9ll\"", false },
	{ "\"string\"", "0622000a", "\"\\\"\\u0000\\n\"", false },
	{ "\"bytes\"", "06ff0001", "\"/wAB\"", false },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "616263", "\"YWJj\"", false },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "02", "\"B\"", false },
	{ "{\"type\":\"array\",\"items\":\"int\"}", "04020400", "[1,2]", false },
	{ "{\"type\":\"array\",\"items\":\"int\"}", "00", "[]", false },
	{ "{\"type\":\"array\",\"items\":\"int\"}", "03040204020600", "[1,2,3]", true },
	{ "{\"type\":\"map\",\"values\":\"null\"}", "040261026200", "{\"a\":null,\"b\":null}",
	  false },
	{ "[\"null\",\"string\"]", "00", "null", false },
	{ "[\"null\",\"string\"]", "020261", "\"a\"", false },
	{ REC(""), "", "{}", false },
	{ REC(FIELD("a", "\"int\"") "," FIELD("next", "[\"null\",\"R\"]")), "02020400",
	  "{\"a\":1,\"next\":{\"a\":2,\"next\":null}}", false },
	{ "{\"type\":\"record\",\"name\":\"Outer\",\"namespace\":\"my-app.X$\",\"fields\":["
	  "{\"name\":\"gr\xc3\xb6\",\"type\":[\"null\",\"my-app.X$.Outer\",\"int\"]}]}",
	  "020402", "{\"gr\xc3\xb6\":{\"gr\xc3\xb6\":1}}", false },
	/* logical types */
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}", "0404d2",
	  "12.34", false },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}", "02ff",
	  "-0.01", false },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}", "040080", "128",
	  false },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":4}", "00",
	  "0.0000", true },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":40,\"scale\":1}",
	  "2080000000000000000000000000000000", "-17014118346046923173168730371588410572.8",
	  false },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,\"logicalType\":\"decimal\","
	  "\"precision\":9,\"scale\":3}",
	  "fffffc18", "-1.000", false },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}", "02ff",
	  "\"/w==\"", false }, /* does not hold */
	{ LOGICAL("int", "date"), "00", "\"1970-01-01\"", false },
	{ LOGICAL("int", "date"), "01", "\"1969-12-31\"", false },
	{ LOGICAL("int", "date"), "feffffff0f", "2147483647", false },
	{ LOGICAL("int", "time-millis"), "f2a0a10d", "\"03:51:43.929\"", false },
	{ LOGICAL("int", "time-millis"), "01", "-1", false },
	{ LOGICAL("long", "time-micros"), "02", "\"00:00:00.000001\"", false },
	{ LOGICAL("long", "timestamp-millis"), "00", "\"1970-01-01T00:00:00Z\"", false },
	{ LOGICAL("long", "timestamp-millis"), "01", "\"1969-12-31T23:59:59.999Z\"", false },
	{ LOGICAL("long", "timestamp-micros"), "02", "\"1970-01-01T00:00:00.000001Z\"", false },
	{ LOGICAL("long", "timestamp-nanos"), "01", "\"1969-12-31T23:59:59.999999999Z\"", false },
	{ LOGICAL("long", "timestamp-nanos"), "80a8d6b907", "\"1970-01-01T00:00:01Z\"", true },
	{ LOGICAL("long", "timestamp-millis"), "feffffffffffffffff01", "9223372036854775807",
	  false },
	{ LOGICAL("long", "local-timestamp-millis"), "02", "\"1970-01-01T00:00:00.001\"", false },
	{ LOGICAL("long", "local-timestamp-micros"), "00", "\"1970-01-01T00:00:00\"", false },
	{ LOGICAL("long", "local-timestamp-nanos"), "02", "\"1970-01-01T00:00:00.000000001\"",
	  false },
	{ LOGICAL("string", "uuid"),
	  "4836626137623831302d396461642d313164312d383062342d303063303466643433306338",
	  "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"", false },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":16,\"logicalType\":\"uuid\"}",
	  "6ba7b8109dad11d180b400c04fd430c8", "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"", false },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}",
	  "0100000002000000bc0b0000", "\"P1M2DT3.004S\"", false },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}",
	  "000000000000000000000000", "\"PT0S\"", false },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}",
	  "ffffffff00000000ffffffff", "\"P4294967295MT4294967.295S\"", false },
	{ LOGICAL("string", "date"), "0261", "\"a\"", false },
	{ LOGICAL("int", "of-tomorrow"), "02", "1", false },
};

static void test_values(void)
{
	char name[256];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct value_case *c = &values[i];
		struct buf out = decoded(c->schema, NULL, c->hex, MOST);

		snprintf(name, sizeof(name), "value %.150s", c->schema);
		is_bytes(out.p, out.n, c->json, name);
		buf_fini(&out);
		if (c->one_way)
			continue;
		out = encoded(c->schema, c->json, AVRO_REFUSE_UNKNOWN);
		is_bytes(out.p, out.n, c->hex, "  and back");
		buf_fini(&out);
	}
}

/* ---- what a reader sees of a writer */

struct reader_case {
	const char *writer, *reader, *hex, *want;
};

static const struct reader_case readers[] = {
	{ "\"int\"", "\"long\"", "02", "1" },
	{ "\"int\"", "\"float\"", "02", "1" },
	{ "\"int\"", "\"double\"", "02", "1" },
	{ "\"long\"", "\"float\"", "8280808010", "2.1474836e+09" },
	{ "\"long\"", "\"double\"", "02", "1" },
	{ "\"float\"", "\"double\"", "cdcccc3d", "0.10000000149011612" },
	{ "\"string\"", "\"bytes\"", "0261", "\"YQ==\"" },
	{ "\"bytes\"", "\"string\"", "0261", "\"a\"" },
	{ "\"bytes\"", "\"string\"", "02ff", "byte 3: bytes: a string that is not UTF-8" },
	{ "\"long\"", "\"int\"", "02", "long: the writer has long, the reader int" },
	{ "\"string\"", "[\"null\",\"int\"]", "0261",
	  "string: the writer has string, the reader union" },
	{ "\"int\"", "[\"null\",\"double\",\"long\"]", "02", "1" },
	{ "[\"null\",\"int\"]", "\"long\"", "0202", "1" },
	{ "[\"null\",\"int\"]", "\"long\"", "00",
	  "byte 2: union: union: the writer has null, the reader long" },
	{ "[\"int\",\"string\"]", "[\"string\",\"long\"]", "0002", "1" },
	{ LOGICAL("long", "timestamp-millis"), LOGICAL("long", "timestamp-micros"), "02",
	  "long: the writer has timestamp-millis, the reader timestamp-micros" },
	{ LOGICAL("long", "timestamp-millis"), "\"long\"", "02", "1" },
	{ "\"int\"", LOGICAL("long", "timestamp-millis"), "02", "\"1970-01-01T00:00:00.001Z\"" },
	/* fields */
	{ REC(FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")), REC(FIELD("b", "\"string\"")),
	  "020278", "{\"b\":\"x\"}" },
	{ REC(FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")),
	  REC(FIELD("b", "\"string\"") "," FIELD("a", "\"double\"")), "020278",
	  "{\"a\":1,\"b\":\"x\"}" },
	{ REC(FIELD("a", "\"int\"")),
	  REC("{\"name\":\"b\",\"aliases\":[\"x\",\"a\"],\"type\":\"int\"}"), "02", "{\"b\":1}" },
	{ REC(FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")),
	  REC("{\"name\":\"b\",\"aliases\":[\"a\"],\"type\":\"int\"}"), "0204", "{\"b\":2}" },
	{ REC(FIELD("a", "\"int\"")), REC(FIELD("b", "\"int\"")), "02",
	  "R.b: the writer does not have it, and it has no default" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":\"int\",\"default\":5}"), "", "{\"b\":5}" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":\"int\",\"default\":\"5\"}"), "",
	  "R.b: default: .: not a number" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":\"bytes\",\"default\":\"\\u00ff\"}"), "",
	  "{\"b\":\"/w==\"}" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":[\"null\",\"long\"],\"default\":null}"), "",
	  "{\"b\":null}" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":[\"null\",\"long\"],\"default\":3}"), "",
	  "{\"b\":3}" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":[\"bytes\",\"string\"],\"default\":\"a\"}"), "",
	  "{\"b\":\"YQ==\"}" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":" LOGICAL("int", "date") ",\"default\":1}"), "",
	  "{\"b\":\"1970-01-02\"}" },
	{ REC(""),
	  REC("{\"name\":\"b\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
	      "\"precision\":4,\"scale\":2},\"default\":\"\\u0001\"}"),
	  "", "{\"b\":0.01}" },
	{ REC(""), REC("{\"name\":\"b\",\"type\":\"R\",\"default\":{}}"), "", "R.b: default: " },
	{ "{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}",
	  "{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}", "", "{}" },
	{ REC(FIELD("a", "{\"type\":\"array\",\"items\":\"null\"}") "," FIELD("b", "\"int\"")),
	  REC(FIELD("b", "\"int\"")), "feffffffffffffffff010004", "{\"b\":2}" },
	{ REC(FIELD("a", "{\"type\":\"map\",\"values\":\"long\"}") "," FIELD("b", "\"int\"")),
	  REC(FIELD("b", "\"int\"")), "030c0261020262040004", "{\"b\":2}" },
	{ REC(FIELD("a", "[\"null\",\"R\"]") "," FIELD("b", "\"int\"")), REC(FIELD("b", "\"int\"")),
	  "02000204", "{\"b\":2}" },
	/* named types */
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
	  "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\",\"C\"]}", "02", "\"B\"" },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
	  "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\",\"C\"]}", "00",
	  "byte 2: E: symbol 0 is none of the reader's" },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
	  "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\",\"C\"],\"default\":\"C\"}", "00",
	  "\"C\"" },
	{ "{\"type\":\"fixed\",\"name\":\"E\",\"size\":1}",
	  "{\"type\":\"fixed\",\"name\":\"E\",\"size\":2}", "00",
	  "E: the writer has 1 bytes, the reader 2" },
	{ "{\"type\":\"fixed\",\"name\":\"E\",\"size\":1}",
	  "{\"type\":\"fixed\",\"name\":\"n.F\",\"aliases\":[\"E\"],\"size\":1}", "00",
	  "\"AA==\"" },
	{ "{\"type\":\"fixed\",\"name\":\"E\",\"size\":1}",
	  "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}", "00",
	  "E: the writer has E, the reader F" },
};

/* A row that ends in ": " tells how the error begins. */
static void test_readers(void)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		const struct reader_case *c = &readers[i];
		struct buf out = decoded(c->writer, c->reader, c->hex, MOST);
		size_t n = strlen(c->want);

		if (out.n > n && n > 2 && strcmp(c->want + n - 2, ": ") == 0)
			out.n = n;
		is_bytes(out.p, out.n, c->want, c->reader);
		buf_fini(&out);
	}
}

/* Records that have two records by default that have two records by default. */
static void test_defaults_that_grow(void)
{
	enum { LEVELS = 40 };
	struct buf text = { 0 };
	struct buf out;

	buf_addz(&text, "{\"type\":\"record\",\"name\":\"W\",\"fields\":[");
	for (int i = LEVELS; i >= 0; i--) {
		buf_printf(&text,
			   "%s{\"name\":\"f%d\",\"default\":{},\"type\":{\"type\":\"record\","
			   "\"name\":\"L%d\",\"fields\":[",
			   i < LEVELS ? "," : "", i, i);
		buf_addz(&text, "]}}");
		if (i < LEVELS)
			text.n -= 3;
		for (int k = 0; i < LEVELS && k < 2; k++)
			buf_printf(&text, "%s{\"name\":\"g%d\",\"type\":\"L%d\",\"default\":{}}",
				   k ? "," : "", k, i + 1);
		if (i < LEVELS)
			buf_addz(&text, "]}}");
	}
	buf_addz(&text, "]}");
	out = decoded("{\"type\":\"record\",\"name\":\"W\",\"fields\":[]}", buf_z(&text), "", MOST);
	ok(out.n > 20 && memmem(out.p, out.n, "a default of too many values", 28),
	   "defaults: 2^40 records are refused: %.*s", (int)out.n, out.p);
	buf_fini(&out);
	buf_fini(&text);
}

/* ---- bytes that are damaged */

static const struct reader_case damaged[] = {
	{ "\"int\"", NULL, "", "byte 1: int: the record ends within a number" },
	{ "\"int\"", NULL, "80", "byte 1: int: the record ends within a number" },
	{ "\"int\"", NULL, "0200", "byte 2: int: 1 bytes are left behind the record" },
	{ "\"int\"", NULL, "8080808010", "byte 6: int: an int of more than 32 bits: 2147483648" },
	{ "\"long\"", NULL, "80808080808080808002", "byte 1: long: a number of more than 64 bits" },
	{ "\"long\"", NULL, "8080808080808080808000",
	  "byte 1: long: a number of more than 64 bits" },
	{ "\"boolean\"", NULL, "02", "byte 2: boolean: a boolean of 2" },
	{ "\"double\"", NULL, "00", "byte 1: double: the record ends: 1 bytes are left of 8" },
	{ "\"string\"", NULL, "0461", "byte 2: string: the record ends: 1 bytes are left of 2" },
	{ "\"string\"", NULL, "01", "byte 2: string: a length of -1" },
	{ "\"bytes\"", NULL, "feffffffffffffffff01",
	  "byte 11: bytes: the record ends: 0 bytes are left of 9223372036854775807" },
	{ "\"string\"", NULL, "04c328", "byte 4: string: a string that is not UTF-8" },
	{ "[\"null\",\"int\"]", NULL, "04", "byte 2: union: branch 2 of a union of 2" },
	{ "[\"null\",\"int\"]", NULL, "01", "byte 2: union: branch -1 of a union of 2" },
	{ "[]", NULL, "00", "byte 2: union: branch 0 of a union of 0" },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", NULL, "02",
	  "byte 2: E: symbol 1 of an enum of 1" },
	{ "{\"type\":\"array\",\"items\":\"int\"}", NULL, "0202",
	  "byte 3: array: the record ends within a number" },
	{ "{\"type\":\"array\",\"items\":\"int\"}", NULL, "0104020000",
	  "byte 4: array: a block is longer or shorter than its items" },
	{ "{\"type\":\"array\",\"items\":\"int\"}", NULL, "016402",
	  "byte 3: array: a block of 50 bytes, and 1 are left" },
	{ "{\"type\":\"array\",\"items\":\"int\"}", NULL, "010102",
	  "byte 3: array: a block of -1 bytes, and 1 are left" },
	{ "{\"type\":\"array\",\"items\":\"null\"}", NULL, "feffffffffffffffff01",
	  "byte 11: array[]: more than 1048576 bytes of JSON" },
	{ "{\"type\":\"array\",\"items\":\"null\"}", NULL, "ffffffffffffffffff0100",
	  "byte 12: array[]: more than 1048576 bytes of JSON" },
	{ REC(FIELD("a", "\"R\"")), NULL, "",
	  "byte 1: R.a: more than 64 values inside of one another" },
	{ REC(FIELD("a", "{\"type\":\"array\",\"items\":\"boolean\"}")), NULL, "0202",
	  "byte 3: R.a[]: a boolean of 2" },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}", NULL,
	  "8202", "byte 3: bytes: the record ends: 0 bytes are left of 129" },
};

static void test_damaged(void)
{
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct buf out = decoded(damaged[i].writer, NULL, damaged[i].hex, MOST);

		is_bytes(out.p, out.n, damaged[i].want, damaged[i].writer);
		buf_fini(&out);
	}
}

/* The bound of the JSON is a bound to the byte. */
static void test_bound(void)
{
	struct buf out = decoded("\"string\"", NULL, "0822616161", 7);

	is_bytes(out.p, out.n, "\"\\\"aaa\"", "bound: seven bytes of seven");
	buf_fini(&out);
	out = decoded("\"string\"", NULL, "0822616161", 6);
	is_bytes(out.p, out.n, "byte 6: string: more than 6 bytes of JSON",
		 "bound: seven bytes of six");
	buf_fini(&out);
}

int main(void)
{
	test_values();
	test_readers();
	test_defaults_that_grow();
	test_damaged();
	test_bound();
	return done();
}
