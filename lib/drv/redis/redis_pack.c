/* Rows and ranges for the scripts: all are packed into one string, which the script takes apart
 * (struct.unpack): one argument costs Redis and Lua far less than twelve a row. The forms are
 * described in redis_rows.lua and redis_apply.lua. */
#include <inttypes.h>
#include <stdio.h>

#include "agg/fn.h"
#include "base/tm.h"
#include "drv/redis/redis_internal.h"
#include "sketch/hll.h"

/* FEW: registers to add, as elements. Up to about 40 PFADD costs less than PFMERGE of a sketch:
 * 5 into a sparse one 15 us against 50, into a dense one (most of it PFCOUNT) 35 against 60. */
enum { ROW_SET = 1, ROW_UNIQ = 2, ROW_FEW = 4, FEW_REGISTERS = 32 };

enum { COMMAND_BYTES = 512 << 20 }; /* proto-max-bulk-len, as Redis comes */

static void set_u32(struct buf *out, size_t at, size_t v)
{
	for (int i = 0; i < 4; i++)
		out->p[at + (size_t)i] = (char)(v >> 8 * i);
}

static void pack_u32(struct buf *out, size_t v)
{
	buf_room(out, 4);
	out->n += 4;
	set_u32(out, out->n - 4, v);
}

static void pack_long(struct buf *out, struct slice s)
{
	pack_u32(out, s.n);
	buf_adds(out, s);
}

/* At most 255 bytes. */
static void pack_text(struct buf *out, const char *p, size_t n)
{
	buf_addc(out, (char)n);
	buf_add(out, p, n);
}

static void pack_int(struct buf *out, int64_t v)
{
	size_t at = out->n;

	buf_addc(out, 0);
	buf_addi(out, v);
	out->p[at] = (char)(out->n - at - 1);
}

static void pack_count(struct buf *out, uint64_t v)
{
	size_t at = out->n;

	buf_addc(out, 0);
	buf_addu(out, v);
	out->p[at] = (char)(out->n - at - 1);
}

static void pack_dec(struct buf *out, dec v)
{
	char *p = buf_room(out, 1 + DEC_TEXT_BYTES);
	size_t n = dec_text(v, p + 1);

	*p = (char)n;
	out->n += 1 + n;
}

static void pack_seconds(struct buf *out, int64_t us)
{
	pack_dec(out, (dec)us * 1000);
}

static void pack_time(struct buf *out, int64_t us)
{
	char text[TM_TEXT_BYTES];

	pack_text(out, text, tm_text(us, text));
}

static void pack_expiry(struct buf *out, int64_t end_us, int64_t ttl_us)
{
	if (ttl_us == REDIS_NEVER)
		pack_text(out, "inf", 3);
	else
		pack_int(out, (end_us + ttl_us + TM_S - 1) / TM_S);
}

static void pack_window(struct buf *out, const struct rollup *row, size_t rows, int64_t ttl_us)
{
	size_t at;

	pack_long(out, row->metric);
	at = out->n;
	pack_u32(out, 0);
	redis_key_name(out, row->metric);
	set_u32(out, at, out->n - at - 4);
	pack_seconds(out, row->start_us);
	pack_seconds(out, row->end_us);
	pack_time(out, row->start_us);
	pack_time(out, row->end_us);
	pack_expiry(out, row->end_us, ttl_us);
	pack_u32(out, rows);
	pack_u32(out, row->cells);
	for (size_t i = 0; i < row->cells; i++) {
		buf_addc(out, (char)row->cell[i].column.rule);
		pack_text(out, row->cell[i].column.name.p, row->cell[i].column.name.n);
	}
}

static void pack_sketch(struct buf *out, const struct cell *c, struct slice stored)
{
	pack_long(out, c->empty ? slice("", 0) : c->sketch);
	pack_long(out, stored);
}

static void pack_cell(struct buf *out, const struct cell *c)
{
	if (c->empty)
		pack_text(out, NULL, 0);
	else if (c->column.rule == COLUMN_COUNT)
		pack_count(out, c->count);
	else
		pack_dec(out, c->value);
}

/* A sketch that replaces is kept as it is sent, one that is added is only merged: elements or a
 * shorter form will do. The number beside it is what the row says where it replaces, the
 * sketch's own where it is added. */
static int pack_uniq(struct buf *out, size_t flags_at, const struct rollup *row,
		     struct buf *scratch, struct err *err)
{
	struct hll *h = hll_decode(row->sketch);

	if (!h)
		return err_set(err, EX_DATAERR,
			       "metric %.*s: uniq_sketch of the row is not a sketch",
			       (int)row->metric.n, row->metric.p);
	scratch->n = 0;
	if (row->add && hll_to_elements(h, FEW_REGISTERS, scratch))
		out->p[flags_at] |= ROW_FEW;
	else if (!row->add || !hll_to_redis_sparse(h, scratch))
		hll_to_redis(h, scratch);
	pack_long(out, buf_slice(scratch));
	pack_count(out, row->add ? hll_count(h) : row->uniq);
	hll_free(h);
	return 0;
}

static void pack_cells(struct buf *out, const struct rollup *row, const struct redis_merged *m)
{
	const struct cell *cell = m->cell ? m->cell : row->cell;
	size_t first = columns_first_sketch(cell, row->cells), at;

	for (size_t i = 0; i < first; i++)
		pack_cell(out, &cell[i]);
	for (size_t i = first; i < row->cells; i++)
		pack_sketch(out, &cell[i], m->cell ? m->stored[i] : slice("", 0));
	if (first == row->cells)
		return;
	at = out->n;
	pack_u32(out, 0);
	fn_estimates(cell, row->cells, out);
	set_u32(out, at, out->n - at - 4);
}

static int pack_row(struct buf *out, const struct rollup *row, const struct redis_merged *m,
		    struct buf *scratch, struct err *err)
{
	bool measured = row->has_value && row->value_count;
	size_t flags_at = out->n;

	buf_addc(out, (char)((row->add ? 0 : ROW_SET) | (row->has_uniq ? ROW_UNIQ : 0)));
	buf_hex(out, row->dims_hash, sizeof(row->dims_hash));
	pack_count(out, row->count);
	if (row->has_value)
		pack_count(out, row->value_count);
	else
		pack_text(out, NULL, 0);
	if (measured) {
		pack_dec(out, row->sum);
		pack_dec(out, row->min);
		pack_dec(out, row->max);
	} else {
		buf_add(out, "\0\0\0", 3);
	}
	pack_u32(out, row->dims.n);
	if (row->has_uniq && pack_uniq(out, flags_at, row, scratch, err))
		return -1;
	pack_cells(out, row, m);
	buf_adds(out, row->dims);
	return 0;
}

static size_t window_rows(const struct rollup *row, size_t n)
{
	size_t k = 1;

	while (k < n && row[k].start_us == row->start_us && row[k].end_us == row->end_us &&
	       slice_eq(row[k].metric, row->metric))
		k++;
	return k;
}

/* Redis ends the connection where it is sent more. 75: the first epochs after a start are small. */
static int check_size(const struct buf *packed, struct err *err)
{
	if (packed->n <= (size_t)COMMAND_BYTES)
		return 0;
	return err_set(err, EX_TEMPFAIL,
		       "the rows of this epoch have %zu MiB, and Redis takes %d "
		       "in one command: say a smaller --epoch-records at hta-consume",
		       packed->n >> 20, COMMAND_BYTES >> 20);
}

int redis_pack_rows(const struct sink_batch *b, const struct redis_merged *merged, int64_t ttl_us,
		    struct buf *out, struct err *err)
{
	static const struct redis_merged none = { .cell = NULL };
	struct buf scratch = { 0 };
	int rc = 0;

	for (size_t i = 0, left = 0; i < b->rows && rc == 0; i++, left--) {
		if (left == 0) {
			left = window_rows(&b->row[i], b->rows - i);
			pack_window(out, &b->row[i], left, ttl_us);
		}
		rc = pack_row(out, &b->row[i], merged ? &merged[i] : &none, &scratch, err);
	}
	buf_fini(&scratch);
	return rc ? rc : check_size(out, err);
}

static void pack_int_if(struct buf *out, bool is, int64_t v)
{
	if (is)
		pack_int(out, v);
	else
		pack_text(out, NULL, 0);
}

void redis_pack_range(const struct range *x, struct buf *out)
{
	bool record = x->to > x->from && x->last.offset >= 0;
	char hash[24];
	size_t at = out->n;

	pack_u32(out, 0);
	redis_position_field(out, x->topic, x->partition);
	set_u32(out, at, out->n - at - 4);
	pack_int(out, x->from);
	pack_int(out, x->to);
	pack_int_if(out, record, x->last.offset);
	pack_int_if(out, record && x->last.time_us != POS_NONE, x->last.time_us);
	pack_text(out, hash,
		  record ? (size_t)snprintf(hash, sizeof(hash), "%016" PRIx64, x->last.hash) : 0);
	pack_int_if(out, x->watermark_us != POS_NONE, x->watermark_us);
	buf_addc(out, (char)x->idle);
}
