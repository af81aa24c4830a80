/* A row is read in one pass over the members of its object: each value is put into the field that
 * its name stands for, the last of equal names wins. Only then is the row checked as a whole, for
 * members may come in any order. Decoded texts go to a scratch buffer that is given room for the
 * whole line first and therefore never moves: slices into it stay valid. */
#include "row/rollup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "scan/look.h"

enum member {
	OP,
	METRIC,
	START,
	END,
	DIMS,
	HASH,
	COUNT,
	VALUES,
	SUM,
	MIN,
	MAX,
	UNIQ,
	SKETCH,
	COLUMNS,
	MEASURES,
	MEMBERS,
};

static const struct slice name_of[MEMBERS] = {
	[OP] = { "op", 2 },
	[METRIC] = { "metric", 6 },
	[START] = { "window_start", 12 },
	[END] = { "window_end", 10 },
	[DIMS] = { "dims", 4 },
	[HASH] = { "dims_hash", 9 },
	[COUNT] = { "count", 5 },
	[VALUES] = { "value_count", 11 },
	[SUM] = { "sum", 3 },
	[MIN] = { "min", 3 },
	[MAX] = { "max", 3 },
	[UNIQ] = { "uniq", 4 },
	[SKETCH] = { "uniq_sketch", 11 },
	[COLUMNS] = { "columns", 7 },
	[MEASURES] = { "measures", 8 },
};

void rollup_reader_fini(struct rollup_reader *r)
{
	json_fini(&r->json);
	buf_fini(&r->scratch);
	free(r->cell);
	r->cell = NULL;
}

static int bad_member(struct err *err, enum member m, const char *what)
{
	return err_set(err, EX_DATAERR, "rollup row: %s %s", name_of[m].p, what);
}

/* Decoded, valid until the next row: the scratch has room for a whole line from the start and
 * never moves. */
static int get_string(struct rollup_reader *r, uint32_t at, enum member m, struct slice *out,
		      struct err *err)
{
	const struct json_node *node = &r->json.node[at];
	if (!at || node->type != JSON_STRING)
		return bad_member(err, m, "is missing or not a string");
	*out = node->text;
	if (!node->escaped)
		return 0;
	size_t before = r->scratch.n;
	if (json_string(&r->json, at, &r->scratch))
		return bad_member(err, m, "is not valid text");
	*out = slice(r->scratch.p + before, r->scratch.n - before);
	return 0;
}

static int get_time(struct rollup_reader *r, uint32_t at, enum member m, int64_t *us,
		    struct err *err)
{
	struct slice text;
	if (get_string(r, at, m, &text, err))
		return -1;
	return tm_parse(text, us) ? bad_member(err, m, "is not a time in RFC 3339") : 0;
}

static bool is_null(const struct json *j, uint32_t at)
{
	return !at || j->node[at].type == JSON_NULL;
}

static int get_count(const struct json *j, uint32_t at, enum member m, uint64_t *out,
		     struct err *err)
{
	return is_null(j, at) || !json_u64(j, at, out)
		       ? bad_member(err, m, "is missing or not a count")
		       : 0;
}

static int get_value(const struct json *j, uint32_t at, enum member m, dec *out, struct err *err)
{
	return is_null(j, at) || !json_dec(j, at, out)
		       ? bad_member(err, m, "is missing, not a number or out of range")
		       : 0;
}

static int get_op(struct rollup_reader *r, uint32_t at, struct rollup *out, struct err *err)
{
	struct slice op;
	if (get_string(r, at, OP, &op, err))
		return -1;
	out->add = slice_is(op, "add");
	return out->add || slice_is(op, "set") ? 0 : bad_member(err, OP, "is neither set nor add");
}

static int get_key(struct rollup_reader *r, const uint32_t at[MEMBERS], struct rollup *out,
		   struct err *err)
{
	const struct json *j = &r->json;
	struct slice hash;
	if (get_op(r, at[OP], out, err) || get_string(r, at[METRIC], METRIC, &out->metric, err) ||
	    get_time(r, at[START], START, &out->start_us, err) ||
	    get_time(r, at[END], END, &out->end_us, err) ||
	    get_string(r, at[HASH], HASH, &hash, err))
		return -1;
	if (out->metric.n == 0)
		return bad_member(err, METRIC, "is empty");
	if (out->start_us < TM_MIN_US || out->start_us >= TM_MAX_US)
		return bad_member(err, START, "is outside of 1970 to 2199");
	if (out->end_us <= out->start_us)
		return bad_member(err, END, "is not after window_start");
	if (out->end_us >= 2 * TM_MAX_US)
		return bad_member(err, END, "is too late");
	if (!at[DIMS] || j->node[at[DIMS]].type != JSON_OBJECT)
		return bad_member(err, DIMS, "is missing or not an object");
	out->dims = j->node[at[DIMS]].text;
	return str_unhex(hash, out->dims_hash, sizeof(out->dims_hash))
		       ? bad_member(err, HASH, "is not 32 hex digits")
		       : 0;
}

static int get_measures(struct rollup_reader *r, const uint32_t at[MEMBERS], struct rollup *out,
			struct err *err)
{
	const struct json *j = &r->json;
	if (get_count(j, at[COUNT], COUNT, &out->count, err))
		return -1;
	out->has_value = !is_null(j, at[VALUES]);
	for (enum member m = SUM; m <= MAX; m++)
		if (!out->has_value && !is_null(j, at[m]))
			return bad_member(err, m, "stands without value_count");
	if (!out->has_value)
		return 0;
	if (get_count(j, at[VALUES], VALUES, &out->value_count, err))
		return -1;
	if (out->value_count > out->count)
		return bad_member(err, VALUES, "is above count");
	for (enum member m = SUM; m <= MAX; m++)
		if (out->value_count == 0 && !is_null(j, at[m]))
			return bad_member(err, m, "stands where value_count is 0");
	if (out->value_count == 0)
		return 0;
	if (get_value(j, at[SUM], SUM, &out->sum, err) ||
	    get_value(j, at[MIN], MIN, &out->min, err) ||
	    get_value(j, at[MAX], MAX, &out->max, err))
		return -1;
	return out->max < out->min ? bad_member(err, MAX, "is below min") : 0;
}

static int get_uniq(struct rollup_reader *r, const uint32_t at[MEMBERS], struct rollup *out,
		    struct err *err)
{
	const struct json *j = &r->json;
	struct slice text;
	out->has_uniq = !is_null(j, at[UNIQ]);
	if (!out->has_uniq)
		return is_null(j, at[SKETCH]) ? 0 : bad_member(err, SKETCH, "stands without uniq");
	if (get_count(j, at[UNIQ], UNIQ, &out->uniq, err))
		return -1;
	if (is_null(j, at[SKETCH]))
		return 0;
	if (get_string(r, at[SKETCH], SKETCH, &text, err))
		return -1;
	size_t before = r->scratch.n;
	if (str_unbase64(text, &r->scratch))
		return bad_member(err, SKETCH, "is not base64");
	out->sketch = slice(r->scratch.p + before, r->scratch.n - before);
	return 0;
}

static int get_columns(struct rollup_reader *r, uint32_t at, struct rollup *out, struct err *err)
{
	if (is_null(&r->json, at))
		return 0;
	if (!r->cell)
		r->cell = mem_array(COLUMNS_MAX, sizeof(*r->cell));
	if (cells_parse(&r->json, at, r->cell, &out->cells, &r->scratch, err))
		return err_in(err, "rollup row");
	out->cell = r->cell;
	return 0;
}

/* MEMBERS where the name is none of ours. Members mostly come in our order: `likely` is looked at
 * first. */
static enum member member_of(const struct json *j, uint32_t key, enum member likely)
{
	for (enum member tried = 0, m = likely; tried < MEMBERS; tried++, m++) {
		m = m < MEMBERS ? m : 0;
		if (json_is(j, key, name_of[m]))
			return m;
	}
	return MEMBERS;
}

/* A line that is no JSON object: what it seems to be, else what err says. */
static int no_row(struct slice line, struct err *err)
{
	const char *words = look_words(look_at(line));
	if (words)
		err_set(err, EX_DATAERR, "%s", words);
	return err_in(err, "rollup row");
}

int rollup_parse(struct rollup_reader *r, struct slice line, struct rollup *out, struct err *err)
{
	const struct json *j = &r->json;
	uint32_t at[MEMBERS] = { 0 };
	enum member likely = OP;
	*out = (struct rollup){ 0 };
	if (json_parse(&r->json, line, err))
		return no_row(line, err);
	if (j->node[0].type != JSON_OBJECT) {
		err_set(err, EX_DATAERR, "not a JSON object");
		return no_row(line, err);
	}
	r->scratch.n = 0;
	buf_room(&r->scratch, 2 * line.n + 8); /* every text decoded, and a sketch twice */
	for (uint32_t i = json_first(j, 0); i < j->node[0].next; i = j->node[i + 1].next) {
		enum member m = member_of(j, i, likely);
		if (m < MEMBERS) {
			at[m] = i + 1;
			likely = m + 1;
		}
	}
	out->valued = !is_null(j, at[MEASURES]);
	return get_key(r, at, out, err) || get_measures(r, at, out, err) ||
			       get_uniq(r, at, out, err) || get_columns(r, at[COLUMNS], out, err)
		       ? -1
		       : 0;
}

/* ---- writing */

static void add_time(struct buf *out, int64_t us)
{
	out->n += tm_text(us, buf_room(out, TM_TEXT_BYTES));
}

/* A delta's number is a string: it passes filters that read numbers as doubles. */
static void add_value(struct buf *out, const char *name, const struct rollup *row, dec v)
{
	buf_addz(out, name);
	if (row->value_count == 0) {
		buf_addz(out, "null");
		return;
	}
	if (row->add)
		buf_addc(out, '"');
	out->n += dec_text(v, buf_room(out, DEC_TEXT_BYTES));
	if (row->add)
		buf_addc(out, '"');
}

static void add_measures(const struct rollup *row, bool sketch, struct buf *out)
{
	buf_addz(out, ",\"count\":");
	buf_addu(out, row->count);
	if (row->has_value) {
		buf_addz(out, ",\"value_count\":");
		buf_addu(out, row->value_count);
		add_value(out, ",\"sum\":", row, row->sum);
		add_value(out, ",\"min\":", row, row->min);
		add_value(out, ",\"max\":", row, row->max);
	}
	if (row->has_uniq) {
		buf_addz(out, ",\"uniq\":");
		buf_addu(out, row->uniq);
	}
	if (row->has_uniq && sketch && row->sketch.n) {
		buf_addz(out, ",\"uniq_sketch\":\"");
		buf_base64(out, row->sketch.p, row->sketch.n);
		buf_addc(out, '"');
	}
}

void rollup_format_window(const struct rollup *row, struct buf *out)
{
	buf_addz(out, row->add ? "{\"op\":\"add\",\"metric\":" : "{\"op\":\"set\",\"metric\":");
	json_quote(out, row->metric);
	buf_addz(out, ",\"window_start\":\"");
	add_time(out, row->start_us);
	buf_addz(out, "\",\"window_end\":\"");
	add_time(out, row->end_us);
}

void rollup_format_group(const struct rollup *row, bool sketch, struct buf *out)
{
	buf_addz(out, "\",\"dims\":");
	buf_adds(out, row->dims);
	buf_addz(out, ",\"dims_hash\":\"");
	buf_hex(out, row->dims_hash, sizeof(row->dims_hash));
	buf_addc(out, '"');
	add_measures(row, sketch, out);
	if (row->measures.n) {
		buf_addz(out, ",\"measures\":");
		buf_adds(out, row->measures);
	}
	if (row->cells && sketch) {
		buf_addz(out, ",\"columns\":");
		cells_format(row->cell, row->cells, out);
	}
	buf_addz(out, "}\n");
}

void rollup_format(const struct rollup *row, bool sketch, struct buf *out)
{
	rollup_format_window(row, out);
	rollup_format_group(row, sketch, out);
}

/* ---- keys and sums */

int rollup_key_cmp(const struct rollup *a, const struct rollup *b)
{
	int c = slice_cmp(a->metric, b->metric);
	if (c == 0)
		c = (a->start_us > b->start_us) - (a->start_us < b->start_us);
	if (c == 0)
		c = (a->end_us > b->end_us) - (a->end_us < b->end_us);
	return c ? c : memcmp(a->dims_hash, b->dims_hash, sizeof(a->dims_hash));
}

/* The values of b into r, which is a copy of a. */
static bool add_values(struct rollup *r, const struct rollup *b)
{
	r->has_value = true;
	if (b->value_count == 0)
		return true;
	if (r->value_count == 0) {
		r->value_count = b->value_count;
		r->sum = b->sum;
		r->min = b->min;
		r->max = b->max;
		return true;
	}
	if (b->min < r->min)
		r->min = b->min;
	if (b->max > r->max)
		r->max = b->max;
	return !__builtin_add_overflow(r->value_count, b->value_count, &r->value_count) &&
	       dec_add(&r->sum, b->sum);
}

static bool add_cells(struct rollup *a, const struct rollup *b, struct arena *arena)
{
	if (a->cells != b->cells)
		return false;
	for (size_t i = 0; i < a->cells; i++)
		if (column_cmp(&a->cell[i].column, &b->cell[i].column) ||
		    !cell_merge(&a->cell[i], &b->cell[i], arena))
			return false;
	return true;
}

bool rollup_add(struct rollup *a, const struct rollup *b, struct arena *arena)
{
	struct rollup sum = *a;
	if (__builtin_add_overflow(sum.count, b->count, &sum.count) ||
	    (b->has_value && !add_values(&sum, b)) || !add_cells(&sum, b, arena))
		return false;
	*a = sum;
	return true;
}
