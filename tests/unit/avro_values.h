/* What the tests of Avro share: schemas from texts, bytes from hex, a value as JSON and back. */
#ifndef TESTS_UNIT_AVRO_VALUES_H
#define TESTS_UNIT_AVRO_VALUES_H

#include "avro/avro.h"
#include "tap.h"

#define REC(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"

enum { MOST = 1 << 20 };

static inline struct avro_schema *schema_of(const char *text)
{
	struct err err = ERR_INIT;
	struct avro_schema *schema = avro_schema_new(slice_z(text), NULL, 0, &err);

	if (!schema)
		ok(false, "schema %s: %s", text, err.msg);
	return schema;
}

static inline struct buf unhex(const char *hex)
{
	struct buf out = { 0 };
	size_t n = strlen(hex) / 2;

	if (str_unhex(slice_z(hex), buf_room(&out, n + 1), n))
		BUG("not hex: %s", hex);
	out.n = n;
	return out;
}

/* JSON, or the error, of bytes that one schema wrote and another reads. */
static inline struct buf decoded(const char *writer, const char *reader, const char *hex,
				 size_t most)
{
	struct err err = ERR_INIT;
	struct avro_schema *w = schema_of(writer), *r = reader ? schema_of(reader) : NULL;
	struct avro_program *program = avro_program_new(w, r, &err);
	struct buf bytes = unhex(hex), out = { 0 };

	avro_schema_free(w); /* a program keeps neither */
	avro_schema_free(r);
	buf_addc(&out, '>');
	if (!program || avro_decode(program, buf_slice(&bytes), most, &out, &err)) {
		if (out.n != 1)
			BUG("a failure has left %zu bytes", out.n - 1);
		out.n = 0;
		buf_addz(&out, err.msg);
	} else {
		memmove(out.p, out.p + 1, --out.n);
	}
	avro_program_free(program);
	buf_fini(&bytes);
	return out;
}

/* Hex, or the error. */
static inline struct buf encoded(const char *schema, const char *text, enum avro_unknown unknown)
{
	struct err err = ERR_INIT;
	struct avro_schema *s = schema_of(schema);
	struct json json = { 0 };
	struct buf bytes = { 0 }, out = { 0 };

	if (json_parse(&json, slice_z(text), &err) ||
	    avro_encode(s, &json, 0, unknown, &bytes, &err))
		buf_addz(&out, err.msg);
	else
		buf_hex(&out, bytes.p, bytes.n);
	buf_fini(&bytes);
	json_fini(&json);
	avro_schema_free(s);
	return out;
}

#endif
