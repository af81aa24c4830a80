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
#include "avro/avro_run.h"

#include <stdarg.h>
#include <stdio.h>

const struct avro_op *avro_fail(struct avro_run *run, const struct avro_op *op, const char *fmt,
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

bool avro_out_grow(struct avro_run *run, const struct avro_op *op, size_t n)
{
	size_t used = (size_t)(run->out - run->buf->p) - run->before, room;

	if (used > run->most) {
		avro_fail(run, op, "more than %zu bytes of JSON", run->most);
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

bool avro_in_long_slow(struct avro_run *run, const struct avro_op *op, int64_t *out)
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
	avro_fail(run, op,
		  in_left(run) < LONG_BYTES ? "the record ends within a number"
					    : "a number of more than 64 bits");
	return false;
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
	avro_fail(run, op, "more than %d values inside of one another", AVRO_DEPTH);
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
		avro_fail(run, op, "a block of %lld bytes, and %zu are left", (long long)size,
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
	avro_fail(run, op, "a block is longer or shorter than its items");
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
		return avro_fail(run, op, "branch %lld of a union of %u", (long long)v, op->n);
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
	return avro_fail(run, op, "%s", op->why);
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
		avro_fail(run, program->op, "%zu bytes are left behind the record", in_left(run));
	else if (used > run->most)
		avro_fail(run, program->op, "more than %zu bytes of JSON", run->most);
	run->buf->n = run->before + used;
	return !run->failed;
}

int avro_decode(const struct avro_program *program, struct slice body, size_t most_bytes,
		struct buf *out, struct err *err)
{
	const uint8_t *in = (const uint8_t *)(body.n ? body.p : "");
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
