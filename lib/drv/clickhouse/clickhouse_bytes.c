/* The columns of each table, in the order in which a row's bytes have them. */
#include "drv/clickhouse/clickhouse_internal.h"

#include "base/hash.h"

const int64_t clickhouse_no_time_us = -2208988800000000;

const char clickhouse_delta_columns[] = "claim, job, metric, window_start, window_end, dims_hash, "
					"dims, count, value_count, sum, min, max, "
					"counts, sums, mins, maxs";
const char clickhouse_final_columns[] = "job, metric, window_start, window_end, dims_hash, dims, "
					"count, value_count, sum, min, max, counts, sums, "
					"mins, maxs, updated_at";
const char clickhouse_event_columns[] =
	"topic, partition, offset, event_id, event_type, user_id, source, timestamp, received_at, "
	"raw";
const char clickhouse_dead_columns[] =
	"job, sink, kind, topic, partition, record_offset, stage, reason, retries, size, encoding, "
	"record, record_hash, at";

static void put_cell(const struct cell *cell, struct buf *out)
{
	rowbinary_text(out, cell->column.name);
	if (cell->column.rule == COLUMN_COUNT)
		rowbinary_u64(out, cell->count);
	else if (cell->column.rule == COLUMN_SUM)
		rowbinary_fixed(out, &cell->value, sizeof(cell->value));
	else
		rowbinary_maybe_dec(out, !cell->empty, cell->value);
}

/* A map for each rule, in the order of the rules, which is that of the cells. */
static void put_cells(const struct rollup *row, struct buf *out)
{
	size_t i = 0, end;

	for (unsigned rule = 0; rule < CLICKHOUSE_MAPS; rule++, i = end) {
		for (end = i; end < row->cells && row->cell[end].column.rule == rule;)
			end++;
		rowbinary_length(out, end - i);
		for (size_t k = i; k < end; k++)
			put_cell(&row->cell[k], out);
	}
}

static void put_row(const struct rollup *row, const char *job, struct buf *out)
{
	bool values = row->has_value && row->value_count;

	rowbinary_text(out, slice_z(job ? job : ""));
	rowbinary_text(out, row->metric);
	rowbinary_i64(out, row->start_us);
	rowbinary_i64(out, row->end_us);
	rowbinary_fixed(out, row->dims_hash, sizeof(row->dims_hash));
	rowbinary_text(out, row->dims);
	rowbinary_u64(out, row->count);
	rowbinary_maybe_u64(out, row->has_value, row->value_count);
	rowbinary_maybe_dec(out, values, row->sum);
	rowbinary_maybe_dec(out, values, row->min);
	rowbinary_maybe_dec(out, values, row->max);
	put_cells(row, out);
}

void clickhouse_put_delta(const struct rollup *row, const char *job, struct buf *out)
{
	rowbinary_text(out, slice("", 0));
	put_row(row, job, out);
}

void clickhouse_put_marker(const struct clickhouse_marker *m, struct buf *out)
{
	const struct ranges *ranges = m->ranges;
	struct buf dims = { 0 };
	struct rollup row = {
		.metric = slice_z(m->sink), .start_us = m->now_us, .end_us = m->now_us, .count = 1
	};

	for (size_t i = 0; ranges && i < ranges->n; i++)
		if (ranges->v[i].to > ranges->v[i].from)
			buf_printf(&dims, "%s%s/%d:%lld-%lld", dims.n ? " " : "",
				   ranges->v[i].topic, ranges->v[i].partition,
				   (long long)ranges->v[i].from, (long long)ranges->v[i].to);
	row.dims = buf_slice(&dims);
	rowbinary_text(out, slice_z(m->claim));
	put_row(&row, m->job, out);
	buf_fini(&dims);
}

void clickhouse_put_final(const struct rollup *row, const char *job, int64_t now_us,
			  struct buf *out)
{
	put_row(row, job, out);
	rowbinary_i64(out, now_us);
}

void clickhouse_put_event(const struct sink_record *record, int64_t now_us, struct buf *out)
{
	const struct sink_event *e = record->event;

	rowbinary_text(out, e->text[EVENT_TOPIC]);
	rowbinary_i32(out, record->partition);
	rowbinary_i64(out, record->offset);
	rowbinary_text(out, e->text[EVENT_ID]);
	rowbinary_text(out, e->text[EVENT_TYPE]);
	rowbinary_text(out, e->text[EVENT_USER]);
	rowbinary_text(out, e->text[EVENT_SOURCE]);
	rowbinary_i64(out, e->ts_us == POS_NONE ? clickhouse_no_time_us : e->ts_us);
	rowbinary_i64(out, now_us);
	rowbinary_text(out, record->line);
}

/* Of records near one another: -1 is not known, -2 is near 0, -3 near 1. */
enum { NEAR_ZERO = -2 };

static int64_t inexact_offset(int64_t offset)
{
	return offset < 0 ? -1 : NEAR_ZERO - offset;
}

int64_t clickhouse_offset(int64_t stored, bool *inexact)
{
	*inexact = stored < 0;
	return stored <= NEAR_ZERO ? NEAR_ZERO - stored : stored;
}

void clickhouse_put_dead(const struct sink_dead *dead, const char *job, const char *sink,
			 int64_t now_us, struct buf *out)
{
	rowbinary_text(out, slice_z(job ? job : ""));
	rowbinary_text(out, slice_z(sink));
	rowbinary_text(out, slice_z(dead->late ? "late" : "dead"));
	rowbinary_text(out, dead->topic);
	rowbinary_i32(out, dead->partition);
	rowbinary_i64(out, dead->inexact ? inexact_offset(dead->offset) : dead->offset);
	rowbinary_text(out, dead->stage);
	rowbinary_text(out, dead->why);
	rowbinary_u64(out, dead->retries);
	rowbinary_u64(out, dead->size);
	rowbinary_text(out, slice_z(dead->base64 ? "base64" : "utf8"));
	rowbinary_text(out, dead->record);
	rowbinary_u64(out, hash_64(dead->record.p, dead->record.n) + dead->nth);
	rowbinary_i64(out, now_us);
}
