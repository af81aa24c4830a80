/* Schemas and a record. The first byte chooses: with bit 0 there is a reader's schema, which may
 * use the names of the writer's (bit 1). Each schema has its length in two bytes before it; the
 * rest is the record. What holds of any: what is decoded is one JSON text within its bound, and the
 * same again; a failure adds nothing; that JSON is encoded by its schema and decoded again, or
 * refused (a union does not tell its branch). */
#include "avro/avro.h"

#include "fuzz.h"

enum { MOST = 1 << 16 };

static struct slice cut(struct slice *rest)
{
	size_t n = fuzz_byte(rest) << 8;

	n |= fuzz_byte(rest);
	n = n < rest->n ? n : rest->n;
	struct slice piece = slice(rest->p, n);
	*rest = slice(rest->p + n, rest->n - n);
	return piece;
}

/* JSON that a record said, encoded and decoded again: it may be refused, but is JSON then. */
static void go_round(const struct avro_schema *schema, const struct avro_program *program,
		     struct slice text)
{
	struct json json = { 0 };
	struct buf bytes = { 0 }, again = { 0 };
	struct err err = ERR_INIT;

	MUST(json_parse(&json, text, &err) == 0);
	if (avro_encode(schema, &json, 0, AVRO_REFUSE_UNKNOWN, &bytes, &err) == 0) {
		MUST(avro_decode(program, buf_slice(&bytes), 8 * MOST, &again, &err) == 0);
		MUST(json_parse(&json, buf_slice(&again), &err) == 0);
	} else {
		MUST(err.code == EX_DATAERR && bytes.n == 0);
	}
	json_fini(&json);
	buf_fini(&bytes);
	buf_fini(&again);
}

static void judge(const struct avro_schema *schema, const struct avro_program *program,
		  struct slice body, bool round)
{
	struct buf out = { 0 }, again = { 0 };
	struct err err = ERR_INIT;
	struct json json = { 0 };

	if (avro_decode(program, body, MOST, &out, &err)) {
		MUST(out.n == 0 && err.code == EX_DATAERR && err.msg[0]);
	} else {
		MUST(out.n <= MOST && json_parse(&json, buf_slice(&out), &err) == 0);
		MUST(avro_decode(program, body, MOST, &again, &err) == 0);
		MUST(slice_eq(buf_slice(&out), buf_slice(&again)));
		if (round)
			go_round(schema, program, buf_slice(&out));
	}
	json_fini(&json);
	buf_fini(&out);
	buf_fini(&again);
}

/* The record in memory of just its size, so that a byte beyond it is seen. */
static void decode_alone(const struct avro_schema *writer, const struct avro_schema *reader,
			 struct slice record)
{
	struct err err = ERR_INIT;
	struct avro_program *program = avro_program_new(writer, reader, &err);
	char *copy = mem_alloc(record.n ? record.n : 1);

	if (record.n)
		memcpy(copy, record.p, record.n);
	if (program)
		judge(writer, program, slice(copy, record.n), !reader);
	else
		MUST(err.code == EX_CONFIG && err.msg[0]);
	avro_program_free(program);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice rest = slice((const char *)data, n);
	unsigned how = fuzz_byte(&rest);
	struct slice first = cut(&rest), second = how & 1 ? cut(&rest) : slice("", 0);
	struct err err = ERR_INIT;
	struct avro_schema *writer = avro_schema_new(first, NULL, 0, &err);
	struct avro_schema *reader = how & 1 ? avro_schema_new(second, &first, how >> 1 & 1, &err)
					     : NULL;

	if (writer && (reader || !(how & 1)))
		decode_alone(writer, reader, rest);
	else
		MUST(err.code == EX_CONFIG && err.msg[0]);
	avro_schema_free(writer);
	avro_schema_free(reader);
	return 0;
}
