/* Epochs and plain batches: the rows go to a script in one call, packed by redis_pack.c; once more
 * where stored sketches have to be merged first. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/redis/redis_internal.h"

static void arg_now(struct redis *p)
{
	char now[TM_TEXT_BYTES];

	redis_arg(p, slice(now, tm_text_ms(tm_now_us(), now)));
}

/* Warns once, of the first row that has expired, and says what becomes of all others. */
static void tell_expired(struct redis *p, const char *job, uint64_t n, struct slice key)
{
	char ttl[32];

	if (n == 0 || p->told_expired)
		return;
	p->told_expired = true;
	if (p->ttl_us == REDIS_NEVER)
		log_warn("row %.*s: its window has expired here once and is not begun anew, as are "
			 "%" PRIu64 " rows in all of this epoch; from now on they are only counted",
			 (int)key.n, key.p, n);
	else
		log_warn("row %.*s is past its time to live (--ttl %.*s) and not written, as are "
			 "%" PRIu64 " rows in all of this %s; from now on they are only counted",
			 (int)key.n, key.p, num_duration_text(p->ttl_us, ttl), ttl, n,
			 job ? "epoch" : "batch");
}

static uint64_t redis_rows_count_of(const redisReply *reply, size_t i)
{
	return i < reply->elements && reply->element[i]->type == REDIS_REPLY_INTEGER
		       ? (uint64_t)reply->element[i]->integer
		       : 0;
}

static enum sink_result say_data(const redisReply *reply, struct err *err)
{
	struct slice what = redis_element(reply, 1);

	err_set(err, EX_DATAERR, "%.*s", (int)what.n, what.p);
	return SINK_FATAL;
}

/* The script has decided; the words are those of all sinks. */
static enum sink_result redis_conflict(const redisReply *reply, const struct sink_batch *batch,
				       struct err *err)
{
	struct slice gen = redis_element(reply, 1), rules = redis_element(reply, 2);
	struct positions stored = { 0 };
	char text[CTL_INC_CHARS + 1] = "", set[CTL_INC_CHARS + 1] = "";
	enum sink_result r;

	memcpy(text, gen.p, gen.n < sizeof(text) ? gen.n : sizeof(text) - 1);
	memcpy(set, rules.p, rules.n < sizeof(set) ? rules.n : sizeof(set) - 1);
	for (size_t i = 3; i + 1 < reply->elements; i += 2)
		redis_position(&stored, redis_element(reply, i), redis_element(reply, i + 1));
	r = cas_check(batch, text, set, &stored, err);
	positions_fini(&stored);
	if (r == SINK_CONFLICT)
		return r;
	err_set(err, EX_DATAERR, "job %s: what stands in its pos key is damaged", batch->job);
	return SINK_FATAL;
}

static enum sink_result apply_answer(struct redis *p, const redisReply *reply,
				     const struct sink_batch *batch, struct sink_counts *counts,
				     struct err *err)
{
	struct slice what = redis_element(reply, 0);

	if (slice_is(what, "applied"))
		return SINK_APPLIED;
	if (slice_is(what, "conflict"))
		return redis_conflict(reply, batch, err);
	if (slice_is(what, "data"))
		return say_data(reply, err);
	counts->expired += redis_rows_count_of(reply, 1);
	tell_expired(p, batch->job, redis_rows_count_of(reply, 1), redis_element(reply, 2));
	if (redis_rows_count_of(reply, 3))
		log_warn("%" PRIu64 " stored sketches were damaged and have begun anew",
			 redis_rows_count_of(reply, 3));
	return SINK_OK;
}

/* Runs the script once. */
static enum sink_result run_apply(struct redis *p, const struct sink_batch *batch,
				  const struct redis_merged *merged, redisReply **reply,
				  struct err *err)
{
	struct buf packed = { 0 };
	enum sink_result r = SINK_OK;

	if (redis_pack_rows(batch, merged, p->ttl_us, &packed, err))
		r = SINK_FATAL;
	if (r == SINK_OK)
		r = redis_begin_script(p, REDIS_APPLY, 2, 6, err);
	if (r == SINK_OK) {
		redis_arg_job_key(p, "job", batch->job);
		redis_arg_job_key(p, "pos", batch->job);
		redis_argz(p, p->tag);
		arg_now(p);
		redis_arg(p, buf_slice(&packed));
		redis_argz(p, batch->gen);
		packed.n = 0;
		for (size_t i = 0; i < batch->ranges->n; i++)
			redis_pack_range(&batch->ranges->v[i], &packed);
		redis_arg(p, buf_slice(&packed));
		redis_argz(p, batch->set ? batch->set : "");
		r = redis_run(p, reply, err);
	}
	buf_fini(&packed);
	return r;
}

/* What came and what is stored, for one column of a row. */
static int merge_stored(const struct rollup *row, struct redis_merged *m, size_t column,
			struct slice stored, struct arena *arena, struct err *err)
{
	struct cell old = { .column = row->cell[column].column, .empty = stored.n == 0 };

	if (!m->cell) {
		m->cell = arena_alloc(arena, row->cells * sizeof(*m->cell));
		m->stored = arena_alloc(arena, row->cells * sizeof(*m->stored));
		memcpy(m->cell, row->cell, row->cells * sizeof(*m->cell));
		for (size_t i = 0; i < row->cells; i++)
			m->stored[i] = slice("", 0);
	}
	m->cell[column] = row->cell[column];
	m->stored[column] = arena_copy(arena, stored);
	old.sketch = m->stored[column];
	if (cell_merge(&m->cell[column], &old, arena))
		return 0;
	return err_set(err, EX_DATAERR, "metric %.*s: %.*s stored or of the row is not a sketch",
		       (int)row->metric.n, row->metric.p, (int)old.column.name.n,
		       old.column.name.p);
}

static int merge_answer(const redisReply *reply, const struct sink_batch *batch,
			struct redis_merged *merged, struct arena *arena, struct err *err)
{
	for (size_t i = 1; i + 2 < reply->elements; i += 3) {
		uint64_t row = redis_rows_count_of(reply, i),
			 column = redis_rows_count_of(reply, i + 1);

		if (row >= batch->rows || column >= batch->row[row].cells)
			BUG("row %llu, column %llu", (unsigned long long)row,
			    (unsigned long long)column);
		if (merge_stored(&batch->row[row], &merged[row], column,
				 redis_element(reply, i + 2), arena, err))
			return -1;
	}
	return 0;
}

/* Lua cannot merge sketches: the script gives those back that are stored and not yet merged, and
 * applies nothing; they are merged here, and it applies them where they are stored still. Each
 * round after the second means that another pipeline has got on. */
enum sink_result redis_store(void *k, const struct sink_batch *batch, struct sink_counts *counts,
			     struct err *err)
{
	struct redis *p = k;
	struct redis_merged *merged = NULL;
	struct arena arena = { 0 };
	redisReply *reply = NULL;
	enum sink_result r = redis_may_write(p, err);

	while (r == SINK_OK) {
		r = run_apply(p, batch, merged, &reply, err);
		if (r != SINK_OK || !slice_is(redis_element(reply, 0), "merge"))
			break;
		if (!merged)
			merged = mem_array(batch->rows, sizeof(*merged));
		if (merge_answer(reply, batch, merged, &arena, err))
			r = SINK_FATAL;
		freeReplyObject(reply);
		reply = NULL;
	}
	if (r == SINK_OK)
		r = apply_answer(p, reply, batch, counts, err);
	freeReplyObject(reply);
	free(merged);
	arena_fini(&arena);
	return r;
}

static enum sink_result put_answer(struct redis *p, const redisReply *reply,
				   const struct sink_batch *batch, struct sink_counts *counts,
				   struct err *err)
{
	struct slice what = redis_element(reply, 0);

	if (slice_is(what, "data"))
		return say_data(reply, err);
	if (slice_is(what, "different")) {
		struct slice stored = redis_element(reply, 2);

		if (redis_rows_count_of(reply, 1) >= batch->rows)
			BUG("row %" PRIu64 " of %zu differs", redis_rows_count_of(reply, 1),
			    batch->rows);
		counts->different++;
		sink_error_different(&batch->row[redis_rows_count_of(reply, 1)], stored.p, err);
		return SINK_FATAL;
	}
	counts->fresh += redis_rows_count_of(reply, 1);
	counts->equal += redis_rows_count_of(reply, 2);
	counts->different += redis_rows_count_of(reply, 3);
	counts->expired += redis_rows_count_of(reply, 4);
	tell_expired(p, NULL, redis_rows_count_of(reply, 4), redis_element(reply, 5));
	return SINK_OK;
}

enum sink_result redis_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			   struct sink_counts *counts, struct err *err)
{
	struct redis *p = d;
	struct buf packed = { 0 };
	redisReply *reply = NULL;
	enum sink_result r = dry_run ? SINK_OK : redis_may_write(p, err);

	if (r == SINK_OK && redis_pack_rows(batch, NULL, p->ttl_us, &packed, err))
		r = SINK_FATAL;
	if (r == SINK_OK)
		r = redis_begin_script(p, REDIS_PUT, 1, 4, err);
	if (r == SINK_OK) {
		p->key.n = 0;
		buf_printf(&p->key, "%sschema", p->tag);
		redis_arg(p, buf_slice(&p->key));
		redis_argz(p, p->tag);
		arg_now(p);
		redis_arg(p, buf_slice(&packed));
		redis_argz(p, dry_run ? "nothing" : replace ? "replace" : "new");
		r = redis_run(p, &reply, err);
	}
	if (r == SINK_OK)
		r = put_answer(p, reply, batch, counts, err);
	freeReplyObject(reply);
	buf_fini(&packed);
	return r;
}
