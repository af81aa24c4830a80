/* A program that runs: what its steps read and write by. Every read is held against the bytes that
 * are left, every write against the room behind `out`; what cannot be has failed (avro_fail) when a
 * function returns false or NULL. */
#ifndef AVRO_AVRO_RUN_H
#define AVRO_AVRO_RUN_H

#include "avro/avro_program.h"
#include "text/quote.h"

struct avro_run {
	const uint8_t *in, *end, *start;
	char *out, *out_end;
	struct buf *buf;
	size_t before; /* bytes of buf that are not ours */
	size_t most;
	unsigned depth;
	bool failed;
	const struct avro_op *op;
	struct err *err;
};

/* Tells the error, with the byte and the field. Returns NULL. */
const struct avro_op *avro_fail(struct avro_run *run, const struct avro_op *op, const char *fmt,
				...) __attribute__((format(printf, 3, 4)));

/* Makes room for n bytes, where there is none. */
bool avro_out_grow(struct avro_run *run, const struct avro_op *op, size_t n);
/* A number of any length. */
bool avro_in_long_slow(struct avro_run *run, const struct avro_op *op, int64_t *out);

/* ---- room in the line */

static inline bool out_room(struct avro_run *run, const struct avro_op *op, size_t n)
{
	return __builtin_expect((size_t)(run->out_end - run->out) >= n, 1) ||
	       avro_out_grow(run, op, n);
}

/* Writes a text of ours, where there is room for it and AVRO_LITERAL_PAD. */
static inline void out_literal(struct avro_run *run, struct slice text)
{
	for (size_t i = 0; i < text.n; i += AVRO_LITERAL_PAD)
		memcpy(run->out + i, text.p + i, AVRO_LITERAL_PAD);
	run->out += text.n;
}

/* Writes the op's text, and makes room for n bytes behind it. */
static inline bool out_text(struct avro_run *run, const struct avro_op *op, size_t n)
{
	if (!out_room(run, op, op->text.n + AVRO_LITERAL_PAD + n))
		return false;
	out_literal(run, op->text);
	return true;
}

static inline bool out_char(struct avro_run *run, const struct avro_op *op, char c)
{
	if (!out_room(run, op, 1))
		return false;
	*run->out++ = c;
	return true;
}

/* ---- what is read */

static inline size_t in_left(const struct avro_run *run)
{
	return (size_t)(run->end - run->in);
}

static inline bool in_long(struct avro_run *run, const struct avro_op *op, int64_t *out)
{
	if (run->in < run->end && *run->in < 0x80) {
		uint8_t v = *run->in++;

		*out = v >> 1 ^ -(v & 1);
		return true;
	}
	return avro_in_long_slow(run, op, out);
}

static inline bool in_int(struct avro_run *run, const struct avro_op *op, int64_t *out)
{
	if (!in_long(run, op, out))
		return false;
	if (*out == (int32_t)*out)
		return true;
	avro_fail(run, op, "an int of more than 32 bits: %lld", (long long)*out);
	return false;
}

/* The next n bytes. */
static inline const uint8_t *in_fixed(struct avro_run *run, const struct avro_op *op, size_t n)
{
	const uint8_t *p = run->in;

	if (n > in_left(run)) {
		avro_fail(run, op, "the record ends: %zu bytes are left of %zu", in_left(run), n);
		return NULL;
	}
	run->in += n;
	return p;
}

/* A length and as many bytes. */
static inline const uint8_t *in_bytes(struct avro_run *run, const struct avro_op *op, size_t *n)
{
	int64_t length;

	if (!in_long(run, op, &length))
		return NULL;
	if (length < 0) {
		avro_fail(run, op, "a length of %lld", (long long)length);
		return NULL;
	}
	*n = (size_t)length;
	return in_fixed(run, op, *n);
}

/* A text of ours, and a string with its quotes. */
static inline bool put_string(struct avro_run *run, const struct avro_op *op, struct slice text,
			      const uint8_t *p, size_t n)
{
	size_t grows = TEXT_GROWS * n + TEXT_PAD + 2;
	struct text_out out = { 0 };
	struct slice piece = slice((const char *)p, n);
	bool near_end = (size_t)(run->end - p) - n < TEXT_PAD;

	if (!out_room(run, op, text.n + AVRO_LITERAL_PAD + grows + (near_end ? n + TEXT_PAD : 0)))
		return false;
	out_literal(run, text);
	if (near_end)
		piece.p = memcpy(run->out + grows, p, n);
	*run->out = '"';
	out.p = run->out + 1;
	text_put(&out, piece, TEXT_RAW);
	if (out.bad) {
		avro_fail(run, op, "a string that is not UTF-8");
		return false;
	}
	*out.p = '"';
	run->out = out.p + 1;
	return true;
}

#endif
