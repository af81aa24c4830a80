/* Avro for tests/fuzz/avro_diff.py: a line of JSON is a question, and gets a line as its answer.
 *
 *	{"writer":SCHEMA,"hex":BYTES}			{"json":VALUE}
 *	{"writer":SCHEMA,"reader":SCHEMA,"hex":BYTES}	{"json":VALUE}
 *	{"writer":SCHEMA,"value":VALUE}			{"hex":BYTES}
 *
 * SCHEMA is a string that holds the text, "refs" an array of such before it. What cannot be done is
 * {"error":REASON}. With a number as argument the questions are answered so many times (in vain but
 * for the last), to count instructions by. */
#include <stdio.h>
#include <stdlib.h>

#include "avro/avro.h"
#include "base/mem.h"

enum { REFS = 16, MOST = 64 << 20 };

struct question {
	struct json json;
	struct buf text[3]; /* writer, reader, bytes */
	struct buf ref[REFS];
	struct slice refs[REFS];
	size_t n_refs;
	unsigned times;
};

/* False: there is no such string. */
static bool member(struct question *q, const char *key, struct buf *out)
{
	uint32_t at = json_get(&q->json, 0, key);

	out->n = 0;
	return at && q->json.node[at].type == JSON_STRING && json_string(&q->json, at, out) == 0;
}

static void take_refs(struct question *q)
{
	const struct json *j = &q->json;
	uint32_t at = json_get(j, 0, "refs");

	q->n_refs = 0;
	for (uint32_t i = at + 1; at && i < j->node[at].next && q->n_refs < REFS;
	     i = j->node[i].next) {
		q->ref[q->n_refs].n = 0;
		json_string(j, i, &q->ref[q->n_refs]);
		q->refs[q->n_refs] = buf_slice(&q->ref[q->n_refs]);
		q->n_refs++;
	}
}

static int decode(struct question *q, const struct avro_schema *writer, struct buf *out,
		  struct err *err)
{
	struct avro_schema *reader = NULL;
	struct avro_program *program = NULL;
	struct slice hex = buf_slice(&q->text[2]);
	size_t n = hex.n / 2;
	char *body = mem_alloc(n + 1);
	int result = -1;

	if (str_unhex(hex, body, n)) {
		err_set(err, EX_USAGE, "not hex");
		goto free_body;
	}
	if (member(q, "reader", &q->text[1])) {
		reader = avro_schema_new(buf_slice(&q->text[1]), q->refs, q->n_refs, err);
		if (!reader)
			goto free_body;
	}
	program = avro_program_new(writer, reader, err);
	for (unsigned i = 0; program && i < q->times; i++) {
		out->n = 0;
		buf_addz(out, "{\"json\":");
		result = avro_decode(program, slice(body, n), MOST, out, err);
	}
	avro_program_free(program);
	avro_schema_free(reader);
free_body:
	free(body);
	return result;
}

static int encode(struct question *q, const struct avro_schema *writer, struct buf *out,
		  struct err *err)
{
	struct buf bytes = { 0 };
	int result = avro_encode(writer, &q->json, json_get(&q->json, 0, "value"),
				 AVRO_REFUSE_UNKNOWN, &bytes, err);

	buf_addz(out, "{\"hex\":\"");
	buf_hex(out, bytes.p, bytes.n);
	buf_addc(out, '"');
	buf_fini(&bytes);
	return result;
}

static int answer(struct question *q, struct slice line, struct buf *out, struct err *err)
{
	struct avro_schema *writer;
	int result;

	if (json_parse(&q->json, line, err))
		return -1;
	take_refs(q);
	if (!member(q, "writer", &q->text[0]))
		return err_set(err, EX_USAGE, "no writer");
	writer = avro_schema_new(buf_slice(&q->text[0]), q->refs, q->n_refs, err);
	if (!writer)
		return -1;
	result = member(q, "hex", &q->text[2]) ? decode(q, writer, out, err)
					       : encode(q, writer, out, err);
	avro_schema_free(writer);
	return result;
}

int main(int argc, char **argv)
{
	struct question q = { .times = argc > 1 ? (unsigned)atoi(argv[1]) : 1 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct err err = ERR_INIT;
		struct buf out = { 0 };

		if (answer(&q, slice(line, (size_t)n), &out, &err)) {
			out.n = 0;
			buf_addz(&out, "{\"error\":");
			json_quote_z(&out, err.msg);
		}
		buf_addz(&out, "}\n");
		fwrite(out.p, 1, out.n, stdout);
		fflush(stdout);
		buf_fini(&out);
	}
	free(line);
	json_fini(&q.json);
	for (size_t i = 0; i < sizeof(q.text) / sizeof(q.text[0]); i++)
		buf_fini(&q.text[i]);
	for (size_t i = 0; i < REFS; i++)
		buf_fini(&q.ref[i]);
	return 0;
}
