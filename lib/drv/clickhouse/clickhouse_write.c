/* Writing. What has a key of its own goes first: dead letters, final rows, events; repeated, they
 * replace themselves. Deltas are the epoch's last insert, under its claim, with its marker in the
 * same block: they are there together or not at all. */
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/clickhouse/clickhouse_internal.h"

/* Of a row that has more than the tables hold: EX_CONFIG, named. Measures are the framework's to
 * check, which knows that the driver takes no sketches. */
static int check_row(const struct rollup *row, struct err *err)
{
	if (!row->has_uniq)
		return 0;
	return err_set(err, EX_CONFIG,
		       "metric %.*s has unique counts (--uniq), and ClickHouse has no place for "
		       "their sketches: leave them out, count there over events (--events), or use "
		       "another sink",
		       (int)row->metric.n, row->metric.p);
}

static enum sink_result check_rows(const struct sink_batch *batch, struct err *err)
{
	for (size_t i = 0; i < batch->rows; i++)
		if (check_row(&batch->row[i], err))
			return SINK_FATAL;
	return SINK_OK;
}

/* A metric is a job's or a plain stream's; of a job's the store of the positions knows the rest.
 * `where`: the rows of the other kind. */
static enum sink_result check_owner(struct clickhouse *c, const struct sink_batch *batch,
				    const char *where, const char *theirs, struct err *err)
{
	struct rowbinary answer;
	struct slice name;
	enum sink_result r;

	c->query.n = 0;
	for (size_t i = 0; i < batch->rows; i++)
		if (i == 0 || !slice_eq(batch->row[i].metric, batch->row[i - 1].metric)) {
			buf_addz(&c->query, i ? ", " : "");
			clickhouse_literal(&c->query, batch->row[i].metric);
		}
	if (!c->query.n)
		return SINK_OK;
	r = clickhouse_query(c, &answer, err,
			     "SELECT toString(metric) FROM %s AND metric IN (%s) LIMIT 1", where,
			     buf_z(&c->query));
	if (r != SINK_OK || !rowbinary_more(&answer))
		return r;
	name = rowbinary_get_text(&answer);
	err_set(err, EX_CONFIG,
		"metric %.*s in %s is %s: give this one another name (--metric), or a table of its "
		"own (--table)",
		(int)name.n, name.p, c->conf->place, theirs);
	return SINK_FATAL;
}

/* Looked at with the first epoch: who writes plain rows looks at deltas each time. */
enum sink_result clickhouse_prepare(void *d, const struct sink_batch *batch, struct buf *what,
				    struct err *err)
{
	struct clickhouse *c = d;
	char *plain = mem_printf("%s WHERE job = ''", c->final);
	enum sink_result r = check_rows(batch, err);

	(void)what;
	if (r == SINK_OK && !c->looked)
		r = check_owner(c, batch, plain, "a plain stream's", err);
	c->looked |= r == SINK_OK && batch->rows;
	free(plain);
	return r;
}

static enum sink_result insert_body(struct clickhouse *c, const char *table, const char *columns,
				    struct err *err)
{
	return c->body.n ? clickhouse_insert(c, table, columns, buf_slice(&c->body), NULL, err)
			 : SINK_OK;
}

static enum sink_result write_dead(struct clickhouse *c, const struct sink_batch *batch,
				   struct err *err)
{
	int64_t now_us = tm_now_us();

	c->body.n = 0;
	for (size_t i = 0; i < batch->n_dead; i++)
		clickhouse_put_dead(&batch->dead[i], batch->job, c->conf->name, now_us, &c->body);
	return insert_body(c, "hta_dead", clickhouse_dead_columns, err);
}

static enum sink_result write_events(struct clickhouse *c, const struct sink_batch *batch,
				     struct err *err)
{
	int64_t now_us = tm_now_us();

	c->body.n = 0;
	for (size_t i = 0; i < batch->records; i++)
		clickhouse_put_event(&batch->record[i], now_us, &c->body);
	return insert_body(c, c->table, clickhouse_event_columns, err);
}

static enum sink_result write_final(struct clickhouse *c, const struct sink_batch *batch,
				    struct err *err)
{
	int64_t now_us = tm_now_us();

	c->body.n = 0;
	for (size_t i = 0; i < batch->rows; i++)
		if (!batch->row[i].add)
			clickhouse_put_final(&batch->row[i], batch->job, now_us, &c->body);
	return insert_body(c, c->final, clickhouse_final_columns, err);
}

/* The server says that rows were written also where it knew the token and wrote nothing: only the
 * marker proves it. */
static enum sink_result write_deltas(struct clickhouse *c, const struct sink_batch *batch,
				     struct err *err)
{
	const struct clickhouse_marker marker = { .claim = batch->name,
						  .job = batch->job,
						  .sink = c->conf->name,
						  .ranges = batch->ranges,
						  .now_us = tm_now_us() },
				       sink = { .claim = CLICKHOUSE_SINK,
						.job = batch->job,
						.sink = c->conf->name };
	uint64_t there = 0;
	enum sink_result r;

	c->body.n = 0;
	clickhouse_put_marker(&marker, &c->body);
	clickhouse_put_marker(&sink, &c->body);
	for (size_t i = 0; i < batch->rows; i++)
		if (batch->row[i].add)
			clickhouse_put_delta(&batch->row[i], batch->job, &c->body);
	crash_at(CRASH_SINK_INSIDE);
	r = clickhouse_insert(c, c->table, clickhouse_delta_columns, buf_slice(&c->body),
			      batch->name, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_SENT);
	if (r == SINK_OK)
		r = clickhouse_count_claim(c, batch->name, &there, err);
	if (r != SINK_OK || there)
		return r;
	err_set(err, EX_TEMPFAIL,
		"%s: another pipeline has settled claim %s meanwhile: start again", c->conf->name,
		batch->name);
	return SINK_CONFLICT;
}

enum sink_result clickhouse_write(void *d, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err)
{
	struct clickhouse *c = d;
	enum sink_result r = write_dead(c, batch, err);

	(void)counts;
	if (r != SINK_OK)
		return r;
	if (c->conf->events.on)
		return write_events(c, batch, err);
	r = write_final(c, batch, err);
	return r == SINK_OK ? write_deltas(c, batch, err) : r;
}

/* A row that is written again takes the place of the one before. */
enum sink_result clickhouse_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
				struct sink_counts *counts, struct err *err)
{
	struct clickhouse *c = d;
	char *deltas = mem_printf("%s WHERE claim = ''", c->table);
	enum sink_result r = check_rows(batch, err);

	(void)replace, (void)dry_run, (void)counts;
	if (r == SINK_OK)
		r = check_owner(c, batch, deltas, "a job's", err);
	free(deltas);
	return r == SINK_OK ? write_final(d, batch, err) : r;
}
