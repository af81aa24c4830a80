/* Schemas that are none, and references; which schema a message was written by. */
#include "avro_values.h"

#include "avro/avro_wire.h"

struct bad_schema {
	const char *text, *why;
};

static const struct bad_schema bad_schemas[] = {
	{ "", "not JSON" },
	{ "{", "not JSON" },
	{ "\"text\"", "no type \"text\" is known here" },
	{ "7", "a type is a string, an array or an object" },
	{ "{}", "an object without a type" },
	{ "{\"type\":null}", "an object without a type" },
	{ "[\"int\",[\"null\"]]", "a union holds a union" },
	{ "[\"int\",\"null\",\"int\"]", "a union holds int twice" },
	{ "{\"type\":\"array\"}", "array: no items" },
	{ "{\"type\":\"map\",\"values\":\"x\"}", "map of: no type \"x\" is known here" },
	{ "{\"type\":\"record\",\"fields\":[]}", "record \"\": not a name for a type" },
	{ "{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}", "record \"int\": not a name" },
	{ "{\"type\":\"record\",\"name\":\"a-b\",\"fields\":[]}", "record \"a-b\": not a name" },
	{ "{\"type\":\"record\",\"name\":\"a.\",\"fields\":[]}", "record \"a.\": not a name" },
	{ "{\"type\":\"record\",\"name\":\"a.1\",\"fields\":[]}", "record \"a.1\": not a name" },
	{ "{\"type\":\"record\",\"name\":\"R\"}", "record R: fields: missing, or no array" },
	{ REC("{}"), "record R: fields: one has no name" },
	{ REC(FIELD("a.b", "\"int\"")), "record R: fields: one has no name, or \"a.b\"" },
	{ REC("{\"name\":\"a\"}"), "record R: field a: no type" },
	{ REC(FIELD("a", "\"int\"") "," FIELD("a", "\"int\"")), "record R: field a: stands twice" },
	{ REC(FIELD("a", "{\"type\":\"array\",\"items\":\"Q\"}")),
	  "record R: field a: array of: no type \"Q\" is known here" },
	{ REC(FIELD("a", REC(""))), "record R: field a: record R: defined twice" },
	{ "{\"type\":\"enum\",\"name\":\"E\"}", "enum E: symbols: missing, or no array" },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\",\"a\"]}", "symbol a stands twice" },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a b\"]}", "\"a b\" is not a name" },
	{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\"],\"default\":\"b\"}",
	  "enum E: the default is none of the symbols" },
	{ "{\"type\":\"fixed\",\"name\":\"F\"}", "fixed F: size: missing" },
	{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "fixed F: size: missing" },
};

static void test_bad_schemas(void)
{
	for (size_t i = 0; i < sizeof(bad_schemas) / sizeof(bad_schemas[0]); i++) {
		const struct bad_schema *c = &bad_schemas[i];
		struct err err = ERR_INIT;
		struct avro_schema *schema = avro_schema_new(slice_z(c->text), NULL, 0, &err);

		if (!ok(!schema && err.code == EX_CONFIG && strstr(err.msg, c->why),
			"schema %s: %s", c->text, c->why))
			printf("# %d %s\n", err.code, err.msg);
		avro_schema_free(schema);
	}
}

static void test_references(void)
{
	static const char id[] = "{\"type\":\"fixed\",\"name\":\"x.Id\",\"size\":2}";
	static const char user[] = "{\"type\":\"record\",\"name\":\"User\",\"namespace\":\"x\","
				   "\"fields\":[{\"name\":\"id\",\"type\":\"Id\"}]}";
	static const char order[] = REC(FIELD("by", "\"x.User\"") "," FIELD("id", "\"x.Id\""));
	const struct slice refs[] = { slice_z(id), slice_z(user), slice_z(id) };
	struct err err = ERR_INIT;
	struct avro_schema *schema = avro_schema_new(slice_z(order), refs, 3, &err);
	struct avro_program *program = schema ? avro_program_new(schema, NULL, &err) : NULL;
	struct buf out = { 0 };

	ok(program && avro_schema_is_record(schema), "references: a schema that uses two: %s",
	   err.msg);
	ok(program && avro_decode(program, slice("abcd", 4), MOST, &out, &err) == 0,
	   "references: a record");
	is_bytes(out.p, out.n, "{\"by\":{\"id\":\"YWI=\"},\"id\":\"Y2Q=\"}",
		 "references: its JSON");
	buf_fini(&out);
	avro_program_free(program);
	avro_schema_free(schema);
	schema = avro_schema_new(slice_z(order), refs + 1, 1, &err);
	ok(!schema && strcmp(err.msg, "reference 1: record x.User: field id: no type \"Id\" is "
				      "known here") == 0,
	   "references: one that is missing: %s", err.msg);
}

static void test_wire(void)
{
	struct avro_wire wire;
	struct buf out = { 0 };
	struct err err = ERR_INIT;
	const struct slice none = { 0 };

	avro_wire_put(&out, 0x01020304);
	ok(out.n == AVRO_WIRE_BYTES && memcmp(out.p, "\0\1\2\3\4", 5) == 0, "wire: a prefix");
	buf_fini(&out);
	ok(avro_wire_read(slice("\0\1\2\3\4x", 6), none, &wire, &err) == 0 &&
		   wire.id == 0x01020304 && !wire.has_guid && slice_is(wire.body, "x"),
	   "wire: an id before the body");
	ok(avro_wire_read(slice("\0\1\2\3\4", 5), none, &wire, &err) == 0 && wire.body.n == 0,
	   "wire: an empty body");
	ok(avro_wire_read(slice("\0\1\2\3", 4), none, &wire, &err) == -1 && err.code == EX_DATAERR,
	   "wire: too short");
	ok(avro_wire_read(slice_z("{\"a\":1}"), none, &wire, &err) == -1, "wire: JSON");
	ok(avro_wire_read(slice_z("body"), slice("\0\0\0\1\1", 5), &wire, &err) == 0 &&
		   wire.id == 257 && slice_is(wire.body, "body"),
	   "wire: an id in a header");
	ok(avro_wire_read(slice_z("body"), slice("\1abcdefghijklmnop", 17), &wire, &err) == 0 &&
		   wire.has_guid && memcmp(wire.guid, "abcdefghijklmnop", 16) == 0,
	   "wire: a GUID in a header");
	ok(avro_wire_read(slice("\0\1\2\3\4x", 6), slice("\2", 1), &wire, &err) == -1,
	   "wire: another header");
}

int main(void)
{
	test_bad_schemas();
	test_references();
	test_wire();
	return done();
}
