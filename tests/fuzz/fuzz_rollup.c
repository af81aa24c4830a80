/* Rollup rows: what is read and written reads back as the same row; sums change nothing when
 * they fail. */
#include "fuzz.h"

#include "base/tm.h"
#include "row/rollup.h"

/* Years 0000 to 9999: what RFC 3339 can write. An offset reads beyond them by a day. */
static bool writable(const struct rollup *row)
{
	int64_t first, last;
	MUST(tm_parse(slice_z("0000-01-01T00:00:00Z"), &first) == 0 &&
	     tm_parse(slice_z("9999-12-31T23:59:59Z"), &last) == 0);
	return row->start_us >= first && row->end_us <= last;
}

static bool same_value(const struct rollup *a, const struct rollup *b)
{
	return a->has_value == b->has_value && a->value_count == b->value_count &&
	       (a->value_count == 0 || (a->sum == b->sum && a->min == b->min && a->max == b->max));
}

static void check_written(const struct rollup *row, struct slice line, bool sketch)
{
	struct rollup_reader reader = { 0 };
	struct rollup again;
	struct buf twice = { 0 };
	struct err err = ERR_INIT;
	MUST(line.p[line.n - 1] == '\n' && !memchr(line.p, '\n', line.n - 1));
	if (rollup_parse(&reader, slice(line.p, line.n - 1), &again, &err))
		BUG("%s: %.*s", err.msg, (int)line.n, line.p);
	MUST(again.add == row->add && slice_eq(again.metric, row->metric) &&
	     slice_eq(again.dims, row->dims));
	MUST(again.count == row->count && same_value(&again, row) &&
	     again.has_uniq == row->has_uniq && again.uniq == row->uniq);
	MUST(sketch ? slice_eq(again.sketch, row->sketch) : again.sketch.n == 0);
	MUST(rollup_key_cmp(&again, row) == 0);
	rollup_format(&again, sketch, &twice);
	MUST(slice_eq(line, buf_slice(&twice)));
	rollup_reader_fini(&reader);
	buf_fini(&twice);
}

static void check_sum(const struct rollup *row)
{
	struct rollup sum = *row;
	struct arena arena = { 0 };
	if (rollup_add(&sum, row, &arena)) {
		MUST(sum.count == 2 * row->count && sum.value_count == 2 * row->value_count);
		MUST(!row->value_count ||
		     (sum.sum == 2 * row->sum && sum.min == row->min && sum.max == row->max));
	} else {
		MUST(sum.count == row->count && same_value(&sum, row));
	}
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rollup_reader reader = { 0 };
	struct rollup row;
	struct buf line = { 0 };
	struct err err = ERR_INIT;
	const uint8_t *end = n ? memchr(data, '\n', n)
			       : NULL; /* a line, as the reader of lines hands it on */
	if (rollup_parse(&reader, slice((const char *)data, end ? (size_t)(end - data) : n), &row,
			 &err)) {
		MUST(err.code == EX_DATAERR && err.msg[0]);
	} else {
		check_sum(&row);
		for (int sketch = 0; sketch < 2 && writable(&row); sketch++) {
			line.n = 0;
			rollup_format(&row, sketch, &line);
			check_written(&row, buf_slice(&line), sketch);
		}
	}
	rollup_reader_fini(&reader);
	buf_fini(&line);
	return 0;
}
