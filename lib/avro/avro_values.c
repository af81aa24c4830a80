/* Steps that read one value, or pass over it. Each reads all that it needs, makes room for its text
 * and the longest value of its kind, and then writes without a question. */
#include "avro/avro_put.h"
#include "avro/avro_run.h"

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
		return avro_fail(run, op, "a boolean of %u", *p);
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
		return avro_fail(run, op, "a decimal of %zu bytes, more than %d", n,
				 AVRO_DECIMAL_BYTES);
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
		return avro_fail(run, op, "symbol %lld of an enum of %u", (long long)v, op->n);
	if (!op->symbol[v].p)
		return avro_fail(run, op, "symbol %lld is none of the reader's", (long long)v);
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
