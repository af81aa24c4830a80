/* JSON as records of Avro, and JSON that a schema does not hold. */
#include "avro_values.h"

struct encode_case {
	const char *schema, *json, *want;
	enum avro_unknown unknown;
};

static const struct encode_case encodings[] = {
	{ "\"int\"", "2147483648", ".: not an integer of 32 bits", 0 },
	{ "\"long\"", "9223372036854775808", ".: not an integer of 64 bits", 0 },
	{ "\"long\"", "1.5", ".: not an integer of 64 bits", 0 },
	{ "\"long\"", "\"1\"", ".: not a number", 0 },
	{ "\"long\"", "1e2", "c801", 0 },
	{ "\"double\"", "1e999", ".: a number beyond the doubles", 0 },
	{ "\"float\"", "1e39", ".: a number beyond the floats", 0 },
	{ "\"double\"", "\"0x1\"", ".: not a number", 0 },
	{ "\"double\"", "null", ".: null, and the schema has double", 0 },
	{ "\"null\"", "0", ".: a number, and the schema has null", 0 },
	{ "\"boolean\"", "\"true\"", ".: a string, and the schema has boolean", 0 },
	{ "\"string\"", "1", ".: not a string", 0 },
	{ "\"string\"", "\"\\ud800\"", ".: half of a surrogate pair", 0 },
	{ "\"string\"", "\"\\u00e9\"", "04c3a9", 0 },
	{ "\"bytes\"", "\"a\"", ".: not base64", 0 },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}", "\"YWE=\"",
	  ".: not as many bytes as its type", 0 },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\"",
	  ".: none of the symbols", 0 },
	{ "{\"type\":\"array\",\"items\":\"int\"}", "{}", ".: an object, and the schema has array",
	  0 },
	{ "{\"type\":\"array\",\"items\":\"int\"}", "[1,null]", "[1]: not a number", 0 },
	{ "{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":null}", ".k: not a number", 0 },
	{ REC(FIELD("a", "\"int\"")), "[]", ".: an array, and the schema has R", 0 },
	{ REC(FIELD("a", "\"int\"")), "{}", ".a: missing, and the schema has no default for it",
	  0 },
	{ REC(FIELD("a", "\"int\"")), "{\"a\":1,\"b\":2}", ".b: the schema has no such field", 0 },
	{ REC(FIELD("a", "\"int\"")), "{\"a\":1,\"b\":2}", "02", AVRO_DROP_UNKNOWN },
	{ REC(FIELD("a", "\"int\"")), "{\"a\":1,\"a\":2}", "04", 0 },
	{ REC("{\"name\":\"a\",\"type\":[\"string\",\"null\"],\"default\":\"x\"}"), "{}", "000278",
	  0 },
	{ REC(FIELD("a", "{\"type\":\"array\",\"items\":[\"null\",\"R\"]}")),
	  "{\"a\":[null,{\"a\":[3]}]}", ".a[1].a[0]: no branch of the union holds the value", 0 },
	/* unions */
	{ "[\"double\",\"long\"]", "9007199254740993", "028280808080808020", 0 },
	{ "[\"double\",\"long\"]", "5", "000000000000001440", 0 },
	{ "[\"bytes\",\"string\"]", "\"YQ==\"", "020859513d3d", 0 },
	{ "[\"null\",\"string\"]", "{\"string\":\"a\"}", "020261", 0 },
	{ "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FIELD(
		  "x", "\"int\"") "]},{\"type\":\"record\",\"name\":\"B\",\"fields\":"
				  "[" FIELD("x", "\"int\"") "]}]",
	  "{\"x\":1}", "0002", 0 },
	{ "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FIELD(
		  "x", "\"int\"") "]},{\"type\":\"record\",\"name\":\"n.B\",\"fields\":"
				  "[" FIELD("x", "\"int\"") "]}]",
	  "{\"n.B\":{\"x\":1}}", "0202", 0 },
	/* logical types */
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}", "1.234",
	  ".: a decimal of more decimals than its scale", 0 },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}", "123.4",
	  ".: a decimal of more digits than its precision", 0 },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}",
	  "\"12.340\"", "0404d2", 0 },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}",
	  "0.01234e3", "0404d2", 0 },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}",
	  "-0e999999999999", "0200", 0 },
	{ "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}",
	  "1e999999999999", ".: a decimal of more digits than its precision", 0 },
	{ LOGICAL("int", "date"), "\"2026-02-29\"", ".: not a date (2026-11-20)", 0 },
	{ LOGICAL("int", "date"), "7", "0e", 0 },
	{ LOGICAL("int", "time-millis"), "\"24:00:00\"", ".: not a time of day (15:04:05.250)", 0 },
	{ LOGICAL("int", "time-millis"), "\"00:00:00.0001\"", ".: a time finer than its type holds",
	  0 },
	{ LOGICAL("int", "time-millis"), "\"00:00:00.00100\"", "02", 0 },
	{ LOGICAL("long", "timestamp-millis"), "\"1970-01-01T01:00:00+01:00\"", "00", 0 },
	{ LOGICAL("long", "timestamp-millis"), "\"1970-01-01T00:00:00\"",
	  ".: not a time (2026-11-20T15:04:05Z)", 0 },
	{ LOGICAL("long", "local-timestamp-millis"), "\"1970-01-01T00:00:00Z\"",
	  ".: not a local time (2026-11-20T15:04:05)", 0 },
	{ LOGICAL("long", "timestamp-nanos"), "\"2300-01-01T00:00:00Z\"",
	  ".: a time that its type does not hold", 0 },
	{ LOGICAL("string", "uuid"), "\"6ba7b810\"",
	  ".: not a UUID (6ba7b810-9dad-11d1-80b4-00c04fd430c8)", 0 },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}", "\"P1Y\"",
	  ".: not a duration (P1M2DT3.004S)", 0 },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}",
	  "\"P2DT\"", ".: not a duration (P1M2DT3.004S)", 0 },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":12,\"logicalType\":\"duration\"}", "\"P2D\"",
	  "000000000200000000000000", 0 },
};

static void test_encodings(void)
{
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		const struct encode_case *c = &encodings[i];
		struct buf out = encoded(c->schema, c->json, c->unknown);
		char name[256];

		snprintf(name, sizeof(name), "%.100s as %.100s", c->json, c->schema);
		is_bytes(out.p, out.n, c->want, name);
		buf_fini(&out);
	}
}

int main(void)
{
	test_encodings();
	return done();
}
