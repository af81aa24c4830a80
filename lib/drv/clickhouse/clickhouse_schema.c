/* The tables: what --init makes, and what is looked at at each start, because without it an epoch
 * could be counted twice or in half:
 *
 *   deduplication window 0    the server remembers no token, so a claim cannot be made useless
 *   a partition key           an epoch would be several parts, of which some may be there
 *   engine Distributed        an insert is answered before its shard has it
 *
 * The table of deltas has no partitions, so every epoch is one part, whatever days its windows lie
 * in. (Partitions of a day would need a second table for epochs of several days, and a way through
 * it; what they give, dropping a day at once, ALTER TABLE .. DELETE does with more work.) Deltas
 * are added up by AggregatingMergeTree over SimpleAggregateFunction: SummingMergeTree drops rows
 * whose sums are all 0, and with a list of columns keeps the first minimum.
 *
 * What the measures of rules keep stands in four maps by the names of columns (row/columns.h), one
 * a rule of merging: so no rule that comes later needs another column. A name whose sum is 0, or
 * whose minimum is null, stays in them, so a reader knows the measures of a row. Tables of an
 * earlier version have no maps: --init adds them. A sink does not begin without: it could not take
 * a rule that comes while it runs.
 *
 * A part that was acknowledged is synced (fsync_after_insert): it is not by default. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/clickhouse/clickhouse_internal.h"
#include "sink/sink_errors.h"

#define SYNCED "fsync_after_insert = 1, fsync_part_directory = 1"
#define TIME "DateTime64(6, 'UTC')"
#define ROW_KEY                                                                  \
	"metric LowCardinality(String), window_start " TIME ", window_end " TIME \
	", dims_hash FixedString(16), "

#define NUMBER "Decimal(38, 9)"
#define MAYBE "Nullable(" NUMBER ")"
/* add: what stands before each column. */
#define DELTA_MAPS(add)                                                           \
	add "counts SimpleAggregateFunction(sumMap, Map(String, UInt64)), " add   \
	    "sums SimpleAggregateFunction(sumMap, Map(String, " NUMBER ")), " add \
	    "mins SimpleAggregateFunction(minMap, Map(String, " MAYBE ")), " add  \
	    "maxs SimpleAggregateFunction(maxMap, Map(String, " MAYBE "))"
#define FINAL_MAPS(add)                                                             \
	add "counts Map(String, UInt64), " add "sums Map(String, " NUMBER "), " add \
	    "mins Map(String, " MAYBE "), " add "maxs Map(String, " MAYBE ")"
#define ADD " ADD COLUMN IF NOT EXISTS "

static const char deltas_table[] =
	"CREATE TABLE IF NOT EXISTS %s (claim String, job LowCardinality(String), " ROW_KEY
	"dims SimpleAggregateFunction(any, String) CODEC(ZSTD(1)), "
	"count SimpleAggregateFunction(sum, UInt64), "
	"value_count SimpleAggregateFunction(sum, Nullable(UInt64)), "
	"sum SimpleAggregateFunction(sum, " MAYBE "), "
	"min SimpleAggregateFunction(min, " MAYBE "), "
	"max SimpleAggregateFunction(max, " MAYBE
	"), " DELTA_MAPS("") ") "
			     "ENGINE = AggregatingMergeTree "
			     "ORDER BY (claim, metric, window_start, window_end, dims_hash, job) "
			     "SETTINGS non_replicated_deduplication_window = 10000, " SYNCED;

static const char final_table[] =
	"CREATE TABLE IF NOT EXISTS %s (job LowCardinality(String), " ROW_KEY
	"dims String CODEC(ZSTD(1)), count UInt64, value_count Nullable(UInt64), "
	"sum " MAYBE ", min " MAYBE ", max " MAYBE ", updated_at " TIME ", " FINAL_MAPS(
		"") ") "
		    "ENGINE = ReplacingMergeTree(updated_at) "
		    "ORDER BY (metric, window_start, window_end, dims_hash) SETTINGS " SYNCED;

/* %s: IF NOT EXISTS or not, the view, the table of deltas, that of final rows. */
static const char rows_view[] =
	"CREATE %s %s AS SELECT t.metric AS metric, t.window_start AS "
	"window_start, "
	"t.window_end AS window_end, lower(hex(t.dims_hash)) AS dims_hash, any(t.dims) AS dims, "
	"sum(t.count) AS count, sum(t.value_count) AS value_count, sum(t.sum) AS sum, "
	"min(t.min) AS min, max(t.max) AS max, sumMap(t.counts) AS counts, "
	"sumMap(t.sums) AS sums, minMap(t.mins) AS mins, maxMap(t.maxs) AS maxs "
	"FROM %s AS t WHERE t.claim = '' "
	"GROUP BY t.metric, t.window_start, t.window_end, t.dims_hash UNION ALL "
	"SELECT metric, window_start, window_end, lower(hex(dims_hash)), dims, count, value_count, "
	"sum, min, max, counts, sums, mins, maxs FROM %s FINAL";

static const char events_table[] =
	"CREATE TABLE IF NOT EXISTS %s (topic LowCardinality(String), partition Int32, "
	"offset Int64, event_id String, event_type LowCardinality(String), user_id String, "
	"source LowCardinality(String), timestamp " TIME ", received_at " TIME ", "
	"raw String CODEC(ZSTD(1))) ENGINE = ReplacingMergeTree "
	"PARTITION BY toYYYYMM(timestamp) "
	"ORDER BY (event_type, timestamp, topic, partition, offset) SETTINGS " SYNCED;

static const char dead_table[] =
	"CREATE TABLE IF NOT EXISTS %s (job LowCardinality(String), sink LowCardinality(String), "
	"kind LowCardinality(String), topic LowCardinality(String), partition Int32, "
	"record_offset Int64, stage LowCardinality(String), reason String, retries UInt64, "
	"size UInt64, encoding LowCardinality(String), record String, record_hash UInt64, "
	"at " TIME ") ENGINE = ReplacingMergeTree(at) "
	"ORDER BY (job, sink, topic, partition, record_offset, stage, kind, record_hash) "
	"SETTINGS " SYNCED;

static enum sink_result make_tables(struct clickhouse *c, struct err *err)
{
	enum sink_result r = clickhouse_query(c, NULL, err, dead_table, "hta_dead");

	if (c->conf->events.on)
		return r == SINK_OK ? clickhouse_query(c, NULL, err, events_table, c->table) : r;
	if (r == SINK_OK)
		r = clickhouse_query(c, NULL, err, deltas_table, c->table);
	if (r == SINK_OK)
		r = clickhouse_query(c, NULL, err, final_table, c->final);
	return r;
}

/* ---- looking */

struct table {
	bool found;
	struct slice engine, partition_key, definition;
	uint64_t columns; /* of those that we write */
	uint64_t maps;    /* of these those of measures */
};

static enum sink_result look_at_table(struct clickhouse *c, const char *name, const char *columns,
				      struct table *out, struct err *err)
{
	char *literal = clickhouse_literal_of(name), *list = clickhouse_literal_of(columns);
	struct rowbinary answer;
	enum sink_result r = clickhouse_query(
		c, &answer, err,
		"SELECT toString(engine), toString(partition_key), toString(create_table_query), "
		"assumeNotNull((SELECT count() FROM system.columns WHERE database = "
		"currentDatabase() "
		"AND table = %s AND has(splitByString(', ', %s), name))), "
		"assumeNotNull((SELECT count() FROM system.columns WHERE database = "
		"currentDatabase() "
		"AND table = %s AND name IN ('counts', 'sums', 'mins', 'maxs'))) "
		"FROM system.tables WHERE database = currentDatabase() AND name = %s",
		literal, list, literal, literal);

	*out = (struct table){ .found = r == SINK_OK && rowbinary_more(&answer) };
	if (out->found) {
		out->engine = rowbinary_get_text(&answer);
		out->partition_key = rowbinary_get_text(&answer);
		out->definition = rowbinary_get_text(&answer);
		out->columns = rowbinary_get_u64(&answer);
		out->maps = rowbinary_get_u64(&answer);
	}
	free(literal);
	free(list);
	return r;
}

static uint64_t count_columns(const char *list)
{
	uint64_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* A table of rows that has all but maps. */
static bool lacks_maps(const struct clickhouse *c, const struct table *t, const char *columns)
{
	return t->found && !c->conf->events.on && t->maps < CLICKHOUSE_MAPS &&
	       t->columns - t->maps + CLICKHOUSE_MAPS == count_columns(columns);
}

/* Whether the table remembers tokens. A replicated one does so by default. */
static bool remembers_tokens(const struct table *t)
{
	static const char window[] = "replicated_deduplication_window = ";
	const char *at = memmem(t->definition.p, t->definition.n, window, sizeof(window) - 1);

	if (!at)
		return t->engine.n > 10 && memcmp(t->engine.p, "Replicated", 10) == 0;
	at += sizeof(window) - 1;
	return at < t->definition.p + t->definition.n && *at != '0';
}

static int check_table(const struct clickhouse *c, const char *name, const char *columns,
		       const struct table *t, struct err *err)
{
	const char *host = c->url.host;

	if (!t->found) {
		char *what = mem_printf("table %s", name),
		     *program = mem_printf("hta-sink-clickhouse%s",
					   c->conf->events.on ? " --events" : "");

		sink_error_missing(what, program, NULL, err);
		err_in(err, "%s", host);
		free(program);
		free(what);
		return -1;
	}
	if (slice_is(t->engine, "Distributed"))
		return err_set(err, EX_CONFIG,
			       "%s: table %s is Distributed, which answers before a shard has what "
			       "was written: name the shard's own table (--table)",
			       host, name);
	if (lacks_maps(c, t, columns) && !c->reads)
		return err_set(err, EX_CONFIG,
			       "%s: table %s is of an earlier version, without the columns of "
			       "measures: run `hta-sink-clickhouse --init </dev/null` once, or add "
			       "--init",
			       host, name);
	if (t->columns != count_columns(columns) && !lacks_maps(c, t, columns))
		return err_set(err, EX_CONFIG,
			       "%s: table %s is not one of ours: of the columns %s it has %" PRIu64
			       "; name another (--table)",
			       host, name, columns, t->columns);
	return 0;
}

static int check_deltas(const struct clickhouse *c, const struct table *t, struct err *err)
{
	const char *host = c->url.host, *name = c->conf->place;

	if (!remembers_tokens(t))
		return err_set(err, EX_CONFIG,
			       "%s: table %s remembers no token, so an epoch could be counted "
			       "twice: ALTER TABLE %s MODIFY SETTING "
			       "non_replicated_deduplication_window = 10000",
			       host, name, c->table);
	if (t->partition_key.n)
		return err_set(err, EX_CONFIG,
			       "%s: table %s is partitioned by %.*s, so an epoch would be several "
			       "parts, of which some may be there: make it without PARTITION BY",
			       host, name, (int)t->partition_key.n, t->partition_key.p);
	return 0;
}

struct wanted {
	const char *behind, *columns;
	const char *alter; /* adds maps; %s: the table. NULL: it has none */
};

/* t is of the last look at the table; its texts are lent until the next. */
static enum sink_result look_and_alter(struct clickhouse *c, const struct wanted *w,
				       const char *name, struct table *t, struct err *err)
{
	struct buf sql = { 0 };
	enum sink_result r = look_at_table(c, name, w->columns, t, err);

	if (r != SINK_OK || !c->conf->create || !lacks_maps(c, t, w->columns))
		return r;
	buf_addz(&sql, "ALTER TABLE ");
	clickhouse_name(&sql, name);
	buf_addz(&sql, w->alter);
	r = clickhouse_query(c, NULL, err, "%s", buf_z(&sql));
	buf_fini(&sql);
	return r == SINK_OK ? look_at_table(c, name, w->columns, t, err) : r;
}

static enum sink_result look_and_check(struct clickhouse *c, const struct wanted *w,
				       struct err *err)
{
	char *name = mem_printf("%s%s", c->conf->place, w->behind);
	bool deltas = w->columns == clickhouse_delta_columns;
	struct table t;
	enum sink_result r = look_and_alter(c, w, name, &t, err);

	if (r == SINK_OK &&
	    (check_table(c, name, w->columns, &t, err) || (deltas && check_deltas(c, &t, err))))
		r = SINK_FATAL;
	c->maps = c->maps && t.maps == CLICKHOUSE_MAPS;
	free(name);
	return r;
}

/* Behind the tables, which may have got columns. A view of an earlier version is made anew. */
static enum sink_result make_view(struct clickhouse *c, struct err *err)
{
	char *name = mem_printf("%s_v", c->conf->place);
	struct table t;
	enum sink_result r = look_at_table(c, name, "", &t, err);
	bool old = t.found && t.maps == 0 && slice_is(t.engine, "View");

	if (r == SINK_OK && (old || !t.found))
		r = clickhouse_query(c, NULL, err, rows_view,
				     old ? "OR REPLACE VIEW" : "VIEW IF NOT EXISTS", c->view,
				     c->table, c->final);
	free(name);
	return r;
}

enum sink_result clickhouse_schema(struct clickhouse *c, struct err *err)
{
	static const struct wanted events = { "", clickhouse_event_columns, NULL },
				   rows[] = { { "", clickhouse_delta_columns, DELTA_MAPS(ADD) },
					      { "_final", clickhouse_final_columns,
						FINAL_MAPS(ADD) } };
	enum sink_result r = c->conf->create ? make_tables(c, err) : SINK_OK;

	c->maps = true;
	if (c->conf->events.on)
		return r == SINK_OK ? look_and_check(c, &events, err) : r;
	for (unsigned i = 0; i < 2 && r == SINK_OK; i++)
		r = look_and_check(c, &rows[i], err);
	return r == SINK_OK && c->conf->create ? make_view(c, err) : r;
}

enum sink_result clickhouse_probe(void *d, const struct probe *probe, struct err *err)
{
	struct clickhouse *c = d;
	struct rowbinary answer;
	struct slice version, database, user;
	enum sink_result r = clickhouse_query(c, &answer, err,
					      "SELECT version(), currentDatabase(), currentUser()");

	if (r != SINK_OK)
		return r;
	version = rowbinary_get_text(&answer);
	database = rowbinary_get_text(&answer);
	user = rowbinary_get_text(&answer);
	probe_say(probe, PROBE_GOOD, "version %.*s, database %.*s, user %.*s: the tables are there",
		  (int)version.n, version.p, (int)database.n, database.p, (int)user.n, user.p);
	return SINK_OK;
}
