/* Dead letters of a database, for hta-dlq: looked at, not sent again. To send a letter once it has
 * to be taken first, by one call of two; ClickHouse changes no row on a condition, and tells nobody
 * who came first. So whoever wants to take letters is refused before anything is looked at.
 *
 * Pages are read along the sorting key of hta_dead, each behind the last row of the one before.
 * FINAL: what came twice and is not merged yet is one letter. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "drv/clickhouse/clickhouse_reader.h"
#include "read/letters.h"
#include "sink/sink_errors.h"

#define LETTERS_KEY "(job, sink, topic, partition, record_offset, stage, kind, record_hash)"

struct clickhouse_letters {
	struct sink_conf conf;
	struct clickhouse *c;
	const struct letters_want *want;
	struct buf after; /* the sorting key of the last row, as it stands in a query; n 0: none */
	struct buf sql;
};

/* ---- the start */

static void clickhouse_letters_close(void *d)
{
	struct clickhouse_letters *l = d;

	if (!l)
		return;
	clickhouse_driver.close(l->c);
	buf_fini(&l->after);
	buf_fini(&l->sql);
	free(l);
}

static int letters_refused(struct err *err)
{
	return err_set(err, EX_USAGE,
		       "letters in ClickHouse are not sent again: it cannot keep two calls from "
		       "sending the same one; `hta-dlq show` prints their records");
}

static int check_table(const struct clickhouse_letters *l, struct err *err)
{
	struct rowbinary answer;
	enum sink_result r = clickhouse_query(l->c, &answer, err,
					      "SELECT count() FROM system.tables WHERE database = "
					      "currentDatabase() AND name = 'hta_dead'");

	if (r != SINK_OK)
		return sink_error_result(r, err);
	if (rowbinary_get_u64(&answer))
		return 0;
	sink_error_missing("table hta_dead", "hta-sink-clickhouse", NULL, err);
	return err_in(err, "%s", l->c->url.host);
}

static void *clickhouse_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct clickhouse_letters *l;

	if (conf->marks) {
		letters_refused(err);
		return NULL;
	}
	l = mem_zalloc(sizeof(*l));
	l->conf = conf->store;
	l->conf.create = false;
	l->conf.name = "";
	l->c = clickhouse_driver.open(&l->conf, err);
	if (l->c && clickhouse_begin_http(l->c, err) == 0 && check_table(l, err) == 0)
		return l;
	clickhouse_letters_close(l);
	return NULL;
}

/* ---- reading */

static int clickhouse_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct clickhouse_letters *l = d;

	(void)err;
	l->want = want;
	l->after.n = 0;
	return 0;
}

static void add_time(struct buf *sql, const char *how, int64_t us)
{
	if (us != POS_NONE)
		buf_printf(sql, " AND at %s fromUnixTimestamp64Micro(%" PRId64 ", 'UTC')", how, us);
}

static void write_select(struct clickhouse_letters *l)
{
	struct buf *sql = &l->sql;

	sql->n = 0;
	buf_addz(sql, "SELECT toString(job), toString(sink), toString(kind), toString(topic), "
		      "partition, record_offset, toString(stage), reason, retries, size, "
		      "toString(encoding), record, record_hash, toUnixTimestamp64Micro(at) "
		      "FROM hta_dead FINAL WHERE 1");
	if (l->after.n) {
		buf_addz(sql, " AND " LETTERS_KEY " > ");
		buf_adds(sql, buf_slice(&l->after));
	}
	add_time(sql, ">=", l->want->since_us);
	add_time(sql, "<", l->want->until_us);
	buf_printf(sql, " ORDER BY " LETTERS_KEY " LIMIT %d", LETTERS_PAGE);
}

/* What of a row is part of the key, and no letter has so. */
struct row_key {
	struct slice job, sink, topic, stage, kind;
	int64_t offset; /* as it is stored */
	uint64_t hash;
};

static struct slice copy_or_none(struct arena *a, struct slice text)
{
	return text.n ? arena_copy(a, text) : slice(NULL, 0);
}

static int read_letter(struct rowbinary *r, struct letters_page *page, struct row_key *key,
		       struct err *err)
{
	struct letter *l = letters_page_add(page);
	struct arena *a = &page->arena;
	struct slice encoding, record;

	l->job = copy_or_none(a, key->job = rowbinary_get_text(r));
	key->sink = rowbinary_get_text(r);
	key->kind = rowbinary_get_text(r);
	l->late = slice_is(key->kind, "late");
	l->topic = copy_or_none(a, key->topic = rowbinary_get_text(r));
	l->partition = rowbinary_get_i32(r);
	l->offset = clickhouse_offset(key->offset = rowbinary_get_i64(r), &l->inexact);
	l->inexact = l->inexact && l->topic.n;
	l->stage = copy_or_none(a, key->stage = rowbinary_get_text(r));
	l->reason = copy_or_none(a, rowbinary_get_text(r));
	l->retries = rowbinary_get_u64(r);
	l->size = rowbinary_get_u64(r);
	encoding = rowbinary_get_text(r);
	record = rowbinary_get_text(r);
	key->hash = rowbinary_get_u64(r);
	l->at_us = rowbinary_get_i64(r);
	return letters_decode(page, l, slice_is(encoding, "base64"), record, err);
}

static void note_key(struct clickhouse_letters *l, const struct letter *last,
		     const struct row_key *key)
{
	struct buf *out = &l->after;

	out->n = 0;
	buf_addc(out, '(');
	clickhouse_literal(out, key->job);
	buf_addz(out, ", ");
	clickhouse_literal(out, key->sink);
	buf_addz(out, ", ");
	clickhouse_literal(out, key->topic);
	buf_printf(out, ", %" PRId32 ", %" PRId64 ", ", last->partition, key->offset);
	clickhouse_literal(out, key->stage);
	buf_addz(out, ", ");
	clickhouse_literal(out, key->kind);
	buf_printf(out, ", %" PRIu64 ")", key->hash);
}

static int clickhouse_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct clickhouse_letters *l = d;
	struct rowbinary answer;
	struct row_key key = { .hash = 0 };
	size_t bytes = 0;
	int rc;

	write_select(l);
	rc = sink_error_result(clickhouse_query(l->c, &answer, err, "%s", buf_z(&l->sql)), err);
	while (rc == 0 && bytes < LETTERS_PAGE_BYTES && rowbinary_more(&answer)) {
		rc = read_letter(&answer, page, &key, err);
		if (answer.broken)
			rc = clickhouse_answer_broken(l->c, err);
		bytes += page->v[page->n - 1].record.n;
	}
	if (rc)
		return rc;
	page->end = page->n < LETTERS_PAGE && !rowbinary_more(&answer);
	if (page->n)
		note_key(l, &page->v[page->n - 1], &key);
	return 0;
}

/* ---- marks, of which there are none: open has refused them */

static int clickhouse_letters_take(void *d, const struct letter *const *v, size_t n,
				   const char *call, uint64_t batch, bool *got, struct err *err)
{
	(void)d, (void)v, (void)n, (void)call, (void)batch, (void)got;
	return letters_refused(err);
}

static int clickhouse_letters_settle(void *d, const char *call, uint64_t sent, struct err *err)
{
	(void)d, (void)call, (void)sent;
	return letters_refused(err);
}

const struct letters_driver clickhouse_letters = {
	.open = clickhouse_letters_open,
	.close = clickhouse_letters_close,
	.rewind = clickhouse_letters_rewind,
	.page = clickhouse_letters_page,
	.take = clickhouse_letters_take,
	.settle = clickhouse_letters_settle,
};
