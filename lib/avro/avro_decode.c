/* Programs run: bytes of Avro to a text of JSON.
 *
 * Each op is a function that does its part and returns the next op, so a record costs one indirect
 * call a field. An op writes a text of ours first, such as `,"total":`, then its value: no value
 * tree, no copy but into the line. Texts of ours are copied sixteen bytes at a time.
 *
 *	1 Order.id  {"id":   <long>       2 Order.name  ,"name":  <string>       3  }  end
 *
 * Every length is held against the bytes that are left before anything is read, and every write
 * against the room behind `out`; the room ends where the caller's bound is, so that no loop over
 * values of no bytes (an array of nulls) can write more. Values that are only passed over and have
 * no bytes are counted as a whole. Calls, arrays and maps count as depth.
 *
 * text_put reads a little beyond its piece. A string whose end is near the end of the record is
 * therefore copied first, into the far end of its room in the line. */
#include "avro/avro_program.h"

#include <stdarg.h>
#include <stdio.h>

#include "avro/avro_put.h"
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

static const struct avro_op *fail(struct avro_run *run, const struct avro_op *op, const char *fmt,
				  ...) __attribute__((format(printf, 3, 4)));

static const struct avro_op *fail(struct avro_run *run, const struct avro_op *op, const char *fmt,
				  ...)
{
	char why[ERR_MSG_BYTES / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	run->failed = true;
	err_set(run->err, EX_DATAERR, "byte %zu: %s: %s", (size_t)(run->in - run->start) + 1,
		op->where, why);
	return NULL;
}

/* ---- room in the line */

static bool out_grow(struct avro_run *run, const struct avro_op *op, size_t n)
{
	size_t used = (size_t)(run->out - run->buf->p) - run->before, room;

	if (used > run->most) {
		fail(run, op, "more than %zu bytes of JSON", run->most);
		return false;
	}
	run->buf->n = run->before + used;
	run->out = buf_room(run->buf, n);
	room = run->buf->cap - run->buf->n;
	if (room > n && room > run->most - used)
		room = n > run->most - used ? n : run->most - used;
	run->out_end = run->out + room;
	return true;
}

static inline bool out_room(struct avro_run *run, const struct avro_op *op, size_t n)
{
	return __builtin_expect((size_t)(run->out_end - run->out) >= n, 1) || out_grow(run, op, n);
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

static bool out_char(struct avro_run *run, const struct avro_op *op, char c)
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

enum { LONG_BYTES = 10 };

/* Up to eight bytes at once: seven bits of each, moved together in three steps. */
static inline bool in_long_word(struct avro_run *run, int64_t *out)
{
	uint64_t v, ends;

	memcpy(&v, run->in, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	ends = ~v & 0x8080808080808080u;
	if (!ends)
		return false;
	run->in += (__builtin_ctzll(ends) >> 3) + 1;
	v &= ends ^ (ends - 1);
	v = (v & 0x007f007f007f007f) | (v & 0x7f007f007f007f00) >> 1;
	v = (v & 0x00003fff00003fff) | (v & 0x3fff00003fff0000) >> 2;
	v = (v & 0x000000000fffffff) | (v & 0x0fffffff00000000) >> 4;
	*out = (int64_t)(v >> 1 ^ (0 - (v & 1)));
	return true;
}

static bool in_long_slow(struct avro_run *run, const struct avro_op *op, int64_t *out)
{
	const uint8_t *p = run->in;
	const uint8_t *end = in_left(run) < LONG_BYTES ? run->end : p + LONG_BYTES;
	uint64_t v = 0;

	if (in_left(run) >= sizeof(v) && in_long_word(run, out))
		return true;
	for (unsigned shift = 0; p < end; shift += 7) {
		uint64_t byte = *p++;

		v |= (byte & 0x7f) << shift;
		if (byte >= 0x80)
			continue;
		if (shift == 63 && byte > 1)
			break;
		run->in = p;
		*out = (int64_t)(v >> 1 ^ (0 - (v & 1)));
		return true;
	}
	fail(run, op,
	     in_left(run) < LONG_BYTES ? "the record ends within a number"
				       : "a number of more than 64 bits");
	return false;
}

static inline bool in_long(struct avro_run *run, const struct avro_op *op, int64_t *out)
{
	if (run->in < run->end && *run->in < 0x80) {
		uint8_t v = *run->in++;

		*out = v >> 1 ^ -(v & 1);
		return true;
	}
	return in_long_slow(run, op, out);
}

static inline bool in_int(struct avro_run *run, const struct avro_op *op, int64_t *out)
{
	if (!in_long(run, op, out))
		return false;
	if (*out == (int32_t)*out)
		return true;
	fail(run, op, "an int of more than 32 bits: %lld", (long long)*out);
	return false;
}

/* The next n bytes. */
static inline const uint8_t *in_fixed(struct avro_run *run, const struct avro_op *op, size_t n)
{
	const uint8_t *p = run->in;

	if (n > in_left(run)) {
		fail(run, op, "the record ends: %zu bytes are left of %zu", in_left(run), n);
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
		fail(run, op, "a length of %lld", (long long)length);
		return NULL;
	}
	*n = (size_t)length;
	return in_fixed(run, op, *n);
}

/* ---- ops: numbers */

const struct avro_op *avro_step_null(struct avro_run *run, const struct avro_op *op)
{
	if (!out_text(run, op, 4))
		return NULL;
	memcpy(run->out, "null", 4);
	run->out += 4;
	return op->next;
}

const struct avro_op *avro_step_boolean(struct avro_run *run, const struct avro_op *op)
{
	const uint8_t *p = in_fixed(run, op, 1);

	if (!p || !out_text(run, op, 5))
		return NULL;
	if (*p > 1)
		return fail(run, op, "a boolean of %u", *p);
	memcpy(run->out, *p ? "true" : "false", 5);
	run->out += *p ? 4 : 5;
	return op->next;
}

/* A number that `read` reads into v and `put` writes. */
#define NUMBER_STEP(name, read, put)                                                           \
	const struct avro_op *avro_step_##name(struct avro_run *run, const struct avro_op *op) \
	{                                                                                      \
		int64_t v;                                                                     \
                                                                                               \
		if (!read(run, op, &v) || !out_text(run, op, AVRO_PUT_BYTES))                  \
			return NULL;                                                           \
		run->out = put;                                                                \
		return op->next;                                                               \
	}

NUMBER_STEP(int, in_int, avro_put_i64(run->out, v))
NUMBER_STEP(long, in_long, avro_put_i64(run->out, v))
NUMBER_STEP(int_float, in_int, avro_put_float(run->out, (float)v))
NUMBER_STEP(long_float, in_long, avro_put_float(run->out, (float)v))
NUMBER_STEP(int_double, in_int, avro_put_double(run->out, (double)v))
NUMBER_STEP(long_double, in_long, avro_put_double(run->out, (double)v))
NUMBER_STEP(int_time, in_int, avro_put_time(run->out, op->logical, v))
NUMBER_STEP(long_time, in_long, avro_put_time(run->out, op->logical, v))

/* The next four or eight bytes, little-endian. */
static inline bool in_real(struct avro_run *run, const struct avro_op *op, size_t n, uint64_t *bits)
{
	const uint8_t *p = in_fixed(run, op, n);

	if (!p || !out_text(run, op, AVRO_PUT_BYTES))
		return false;
	*bits = 0;
	memcpy(bits, p, n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	*bits = __builtin_bswap64(*bits);
#endif
	return true;
}

static inline bool in_float(struct avro_run *run, const struct avro_op *op, float *v)
{
	uint64_t bits;
	uint32_t half;

	if (!in_real(run, op, sizeof(half), &bits))
		return false;
	half = (uint32_t)bits;
	memcpy(v, &half, sizeof(half));
	return true;
}

const struct avro_op *avro_step_float(struct avro_run *run, const struct avro_op *op)
{
	float v;

	if (!in_float(run, op, &v))
		return NULL;
	run->out = avro_put_float(run->out, v);
	return op->next;
}

const struct avro_op *avro_step_float_double(struct avro_run *run, const struct avro_op *op)
{
	float v;

	if (!in_float(run, op, &v))
		return NULL;
	run->out = avro_put_double(run->out, (double)v);
	return op->next;
}

const struct avro_op *avro_step_double(struct avro_run *run, const struct avro_op *op)
{
	uint64_t bits;
	double v;

	if (!in_real(run, op, sizeof(bits), &bits))
		return NULL;
	memcpy(&v, &bits, sizeof(bits));
	run->out = avro_put_double(run->out, v);
	return op->next;
}

/* ---- ops: texts and bytes */

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
		fail(run, op, "a string that is not UTF-8");
		return false;
	}
	*out.p = '"';
	run->out = out.p + 1;
	return true;
}

const struct avro_op *avro_step_string(struct avro_run *run, const struct avro_op *op)
{
	size_t n;
	const uint8_t *p = in_bytes(run, op, &n);

	return p && put_string(run, op, op->text, p, n) ? op->next : NULL;
}

static const struct avro_op *put_base64(struct avro_run *run, const struct avro_op *op,
					const uint8_t *p, size_t n)
{
	struct buf at;

	if (!out_text(run, op, 0) || !out_room(run, op, n / 3 * 4 + 8))
		return NULL;
	*run->out++ = '"';
	at = (struct buf){ run->out, 0, (size_t)(run->out_end - run->out) };
	buf_base64(&at, p, n);
	run->out += at.n;
	*run->out++ = '"';
	return op->next;
}

const struct avro_op *avro_step_bytes(struct avro_run *run, const struct avro_op *op)
{
	size_t n;
	const uint8_t *p = in_bytes(run, op, &n);

	return p ? put_base64(run, op, p, n) : NULL;
}

const struct avro_op *avro_step_fixed(struct avro_run *run, const struct avro_op *op)
{
	const uint8_t *p = in_fixed(run, op, op->n);

	return p ? put_base64(run, op, p, op->n) : NULL;
}

static const struct avro_op *put_decimal(struct avro_run *run, const struct avro_op *op,
					 const uint8_t *p, size_t n, uint32_t scale)
{
	if (n > AVRO_DECIMAL_BYTES)
		return fail(run, op, "a decimal of %zu bytes, more than %d", n, AVRO_DECIMAL_BYTES);
	if (!out_text(run, op, AVRO_PUT_DECIMAL))
		return NULL;
	run->out = avro_put_decimal(run->out, p, n, scale);
	return op->next;
}

const struct avro_op *avro_step_decimal(struct avro_run *run, const struct avro_op *op)
{
	size_t n;
	const uint8_t *p = in_bytes(run, op, &n);

	return p ? put_decimal(run, op, p, n, op->n) : NULL;
}

const struct avro_op *avro_step_fixed_decimal(struct avro_run *run, const struct avro_op *op)
{
	const uint8_t *p = in_fixed(run, op, op->n);

	return p ? put_decimal(run, op, p, op->n, op->to) : NULL;
}

const struct avro_op *avro_step_uuid(struct avro_run *run, const struct avro_op *op)
{
	const uint8_t *p = in_fixed(run, op, 16);

	if (!p || !out_text(run, op, AVRO_PUT_BYTES))
		return NULL;
	run->out = avro_put_uuid(run->out, p);
	return op->next;
}

const struct avro_op *avro_step_duration(struct avro_run *run, const struct avro_op *op)
{
	const uint8_t *p = in_fixed(run, op, 12);

	if (!p || !out_text(run, op, AVRO_PUT_BYTES))
		return NULL;
	run->out = avro_put_duration(run->out, p);
	return op->next;
}

const struct avro_op *avro_step_enum(struct avro_run *run, const struct avro_op *op)
{
	int64_t v;

	if (!in_int(run, op, &v))
		return NULL;
	if (v < 0 || v >= op->n)
		return fail(run, op, "symbol %lld of an enum of %u", (long long)v, op->n);
	if (!op->symbol[v].p)
		return fail(run, op, "symbol %lld is none of the reader's", (long long)v);
	if (!out_text(run, op, op->symbol[v].n + AVRO_LITERAL_PAD))
		return NULL;
	out_literal(run, op->symbol[v]);
	return op->next;
}

/* ---- ops: passing over */

const struct avro_op *avro_step_skip_varint(struct avro_run *run, const struct avro_op *op)
{
	int64_t v;

	return in_long(run, op, &v) ? op->next : NULL;
}

const struct avro_op *avro_step_skip_bytes(struct avro_run *run, const struct avro_op *op)
{
	size_t n;

	return in_bytes(run, op, &n) ? op->next : NULL;
}

const struct avro_op *avro_step_skip_fixed(struct avro_run *run, const struct avro_op *op)
{
	return in_fixed(run, op, op->n) ? op->next : NULL;
}

/* ---- ops: many of one kind, and where to go on */

static bool run_from(struct avro_run *run, const struct avro_op *op)
{
	while (op)
		op = op->run(run, op);
	return !run->failed;
}

static bool deeper(struct avro_run *run, const struct avro_op *op)
{
	if (run->depth++ < AVRO_DEPTH)
		return true;
	fail(run, op, "more than %d values inside of one another", AVRO_DEPTH);
	return false;
}

/* The head of a block: how many items (0: no more), and where its bytes end, if that is told. */
static bool in_block(struct avro_run *run, const struct avro_op *op, uint64_t *n,
		     const uint8_t **until)
{
	int64_t count, size;

	*until = NULL;
	if (!in_long(run, op, &count))
		return false;
	*n = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
	if (count >= 0)
		return true;
	if (!in_long(run, op, &size))
		return false;
	if (size < 0 || (uint64_t)size > in_left(run)) {
		fail(run, op, "a block of %lld bytes, and %zu are left", (long long)size,
		     in_left(run));
		return false;
	}
	*until = run->in + size;
	return true;
}

static bool block_ends(struct avro_run *run, const struct avro_op *op, const uint8_t *until)
{
	if (!until || until == run->in)
		return true;
	fail(run, op, "a block is longer or shorter than its items");
	return false;
}

static bool run_key(struct avro_run *run, const struct avro_op *op)
{
	size_t n;
	const uint8_t *p = in_bytes(run, op, &n);

	return p && put_string(run, op, (struct slice){ 0 }, p, n) && out_char(run, op, ':');
}

static const struct avro_op *run_items(struct avro_run *run, const struct avro_op *op, bool is_map)
{
	const uint8_t *until;
	uint64_t n;
	bool first = true;

	if (!deeper(run, op) || !out_text(run, op, 1))
		return NULL;
	*run->out++ = is_map ? '{' : '[';
	for (;;) {
		if (!in_block(run, op, &n, &until))
			return NULL;
		if (n == 0)
			break;
		for (; n > 0; n--, first = false)
			if ((!first && !out_char(run, op, ',')) || (is_map && !run_key(run, op)) ||
			    !run_from(run, op + 1))
				return NULL;
		if (!block_ends(run, op, until))
			return NULL;
	}
	run->depth--;
	return out_char(run, op, is_map ? '}' : ']') ? run->op + op->to : NULL;
}

const struct avro_op *avro_step_array(struct avro_run *run, const struct avro_op *op)
{
	return run_items(run, op, false);
}

const struct avro_op *avro_step_map(struct avro_run *run, const struct avro_op *op)
{
	return run_items(run, op, true);
}

static const struct avro_op *skip_items(struct avro_run *run, const struct avro_op *op, bool is_map)
{
	const uint8_t *until, *before;
	uint64_t n;
	size_t key;

	if (!deeper(run, op))
		return NULL;
	for (;;) {
		if (!in_block(run, op, &n, &until))
			return NULL;
		if (n == 0)
			break;
		if (until) {
			run->in = until;
			continue;
		}
		do {
			before = run->in;
			if ((is_map && !in_bytes(run, op, &key)) || !run_from(run, op + 1))
				return NULL;
		} while (--n > 0 && run->in != before);
	}
	run->depth--;
	return run->op + op->to;
}

const struct avro_op *avro_step_skip_array(struct avro_run *run, const struct avro_op *op)
{
	return skip_items(run, op, false);
}

const struct avro_op *avro_step_skip_map(struct avro_run *run, const struct avro_op *op)
{
	return skip_items(run, op, true);
}

const struct avro_op *avro_step_union(struct avro_run *run, const struct avro_op *op)
{
	int64_t v;

	if (!in_long(run, op, &v))
		return NULL;
	if (v < 0 || v >= op->n)
		return fail(run, op, "branch %lld of a union of %u", (long long)v, op->n);
	return out_text(run, op, 0) ? run->op + op->branch[v] : NULL;
}

const struct avro_op *avro_step_jump(struct avro_run *run, const struct avro_op *op)
{
	return out_text(run, op, 0) ? run->op + op->to : NULL;
}

const struct avro_op *avro_step_call(struct avro_run *run, const struct avro_op *op)
{
	if (!deeper(run, op) || !out_text(run, op, 0) || !run_from(run, run->op + op->to))
		return NULL;
	run->depth--;
	return op->next;
}

const struct avro_op *avro_step_fail(struct avro_run *run, const struct avro_op *op)
{
	return fail(run, op, "%s", op->why);
}

const struct avro_op *avro_step_end(struct avro_run *run, const struct avro_op *op)
{
	out_text(run, op, 0);
	return NULL;
}

/* ---- the whole */

static bool run_all(struct avro_run *run, const struct avro_program *program)
{
	size_t used;

	if (!run_from(run, program->op))
		return false;
	used = (size_t)(run->out - run->buf->p) - run->before;
	if (in_left(run) > 0)
		fail(run, program->op, "%zu bytes are left behind the record", in_left(run));
	else if (used > run->most)
		fail(run, program->op, "more than %zu bytes of JSON", run->most);
	run->buf->n = run->before + used;
	return !run->failed;
}

int avro_decode(const struct avro_program *program, struct slice body, size_t most_bytes,
		struct buf *out, struct err *err)
{
	const uint8_t *in = (const uint8_t *)body.p;
	char *at = buf_room(out, 1);
	size_t room = out->cap - out->n;
	struct avro_run run = {
		.in = in,
		.end = in + body.n,
		.start = in,
		.out = at,
		.out_end = at + (room < most_bytes ? room : most_bytes),
		.buf = out,
		.before = out->n,
		.most = most_bytes,
		.op = program->op,
		.err = err,
	};

	if (run_all(&run, program))
		return 0;
	out->n = run.before;
	return -1;
}
