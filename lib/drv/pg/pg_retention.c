/* What a table keeps, and for how long (--retention).
 *
 * A mark, hta_retention.purged_before, is the start of a day: rows whose window starts before it
 * are gone, or going, and are never written again. For a late event would begin such a row anew,
 * and half a row is a wrong one. So an epoch chooses its rows by the mark, and its transaction
 * checks that it was the right one and holds it until the end:
 *
 *   rows from the mark on --> BEGIN, hta_advance, hta_retain(mark), rows, COMMIT --> purge
 *        ^                                  |
 *        +----- another one, ZHT03 ---------+   nothing was written; once a day at most
 *
 * The mark rises in that transaction alone, by what the job's positions say is final then, not by
 * the time at which somebody runs: whichever way a log is cut into epochs and however often it is
 * read, what is left is the recount of it from the mark on. What lies before it is taken away
 * afterwards, in transactions of its own that wait for a lock no longer than a second: no epoch
 * depends on them, each can be repeated, and what one leaves is the next one's.
 *
 * A table that --init makes has a partition a day, and a default one for days that have none: those
 * to come, and all where this role may not make any. The sink makes them when the first row of a
 * day comes. Dropping a partition costs nothing by its rows; the rows of a table that was there
 * without partitions are deleted, 20,000 behind an epoch. The statements are pg_retention.sql. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "drv/pg/pg_sql.inc"

enum {
	AGAIN_S = 10, /* after a lock that was not to be had */
	HYPER_DAYS = 90,
	DAYS_AHEAD = 2, /* that get partitions */
};

static const int64_t day_us = 86400 * TM_S;

void pg_retention_fini(struct pg_retention *kept)
{
	free(kept->day);
	*kept = (struct pg_retention){ .before_us = POS_NONE };
}

char *pg_retention_pieces(const struct pg *p)
{
	char *rest, *text;

	if (!p->keep_us || p->hyper)
		return mem_strdup("WITH (fillfactor = 80)");
	rest = pg_quoted(p->rollups, "_default");
	text = mem_printf("PARTITION BY RANGE (window_start); CREATE TABLE IF NOT EXISTS %s "
			  "PARTITION OF %s DEFAULT WITH (fillfactor = 80)",
			  rest, p->table);
	free(rest);
	return text;
}

/* ---- what there is, and --init */

static const char what_there_is[] =
	"SELECT pieces, (extract(epoch FROM purged_before) * 1000000)::bigint, (extract(epoch FROM "
	"keep) * 1000000)::bigint, "
	"current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction', true) IS NOT "
	"NULL FROM hta_retention WHERE rollups = $1";

/* *keep_us: 0 where the table has no retention. */
static enum sink_result look_up_retention(struct pg *p, int64_t *keep_us, struct err *err)
{
	const char *value[] = { p->rollups };
	PGresult *res;
	enum sink_result r = pg_query(p, &res, err, what_there_is, 1, value);

	if (r != SINK_OK)
		return r;
	p->kept.on = PQntuples(res);
	p->kept.days = p->kept.on && strcmp(PQgetvalue(res, 0, 0), "days") == 0;
	p->kept.chunks = p->kept.on && strcmp(PQgetvalue(res, 0, 0), "chunks") == 0;
	p->kept.lifts = p->kept.chunks && *PQgetvalue(res, 0, 3) == 't';
	p->kept.before_us = !p->kept.on || PQgetisnull(res, 0, 1)
				    ? POS_NONE
				    : strtoll(PQgetvalue(res, 0, 1), NULL, 10);
	p->kept.purge = p->kept.before_us != POS_NONE;
	*keep_us = !p->kept.on              ? 0
		   : PQgetisnull(res, 0, 2) ? PG_KEEP_EVER
					    : strtoll(PQgetvalue(res, 0, 2), NULL, 10);
	PQclear(res);
	return r;
}

static const char set_retention[] =
	"INSERT INTO hta_retention AS r (rollups, keep, pieces) SELECT $1, "
	"justify_hours(make_interval(secs => $2::float8 / 1000000)), hta_pieces($3::regclass) ON "
	"CONFLICT (rollups) DO UPDATE SET keep = excluded.keep";

/* Inside of a transaction. *said: what the server does not have; free(). */
static enum sink_result make_hypertable(struct pg *p, char **said, struct err *err)
{
	char *hours = pg_quoted(p->rollups, "_1h");
	const char *value[] = { p->rollups, p->table, hours };
	PGresult *res = NULL;
	enum sink_result r = SINK_OK;

	if (p->timescale)
		r = pg_script(p, "CREATE EXTENSION IF NOT EXISTS timescaledb", err);
	if (r == SINK_OK)
		r = pg_script(p, pg_timescale_sql, err);
	if (r == SINK_OK)
		r = pg_query(p, &res, err, "SELECT hta_timescale($1, $2::regclass, $3)", 3, value);
	if (r == SINK_OK && !PQgetisnull(res, 0, 0))
		*said = mem_strdup(PQgetvalue(res, 0, 0));
	if (r != SINK_OK)
		err_in(err, "TimescaleDB");
	PQclear(res);
	free(hours);
	return r;
}

/* Inside of a transaction. */
static enum sink_result make_retention(struct pg *p, struct err *err)
{
	char us[32];
	const char *value[] = { p->rollups, p->keep_us == PG_KEEP_EVER ? NULL : us, p->table };
	enum sink_result r = pg_letters_marks(p, err);

	snprintf(us, sizeof(us), "%" PRId64, p->keep_us);
	if (r == SINK_OK)
		r = pg_script(p, pg_retention_sql, err);
	if (r == SINK_OK)
		r = pg_script(p,
			      "GRANT SELECT ON hta_retention TO public;"
			      "UPDATE hta_schema SET version = greatest(version, 4)",
			      err);
	if (r == SINK_OK)
		r = pg_schema_advance(p, true, err);
	return r == SINK_OK ? pg_query(p, NULL, err, set_retention, 3, value) : r;
}

enum sink_result pg_retention_make(struct pg *p, struct err *err)
{
	char *said = NULL;
	enum sink_result r = make_retention(p, err);

	if (r == SINK_OK && p->hyper)
		r = make_hypertable(p, &said, err);
	if (r == SINK_OK && said)
		log_warn("table %s is a hypertable of TimescaleDB; %s", p->rollups, said);
	free(said);
	return r;
}

static enum sink_result init_retention(struct pg *p, struct err *err)
{
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_schema_lock(p, err);
	if (r == SINK_OK)
		r = pg_retention_make(p, err);
	if (r == SINK_OK)
		r = pg_script(p, "COMMIT", err);
	if (r == SINK_OK)
		p->version = PG_SCHEMA_RETENTION;
	return pg_rollback(p, r);
}

static void tell_rows(const struct pg *p)
{
	if (p->kept.on && !p->kept.days && !p->kept.chunks)
		log_warn("table %s has no partitions of a day each: what is older than "
			 "--retention is deleted row by row, and its space is for VACUUM to free; "
			 "a table that --init makes with --retention has them (hta-sink-pg(1), "
			 "RETENTION)",
			 p->rollups);
}

void pg_retention_default(struct pg *p, int64_t keep_us)
{
	if (!p->hyper || p->keep_us)
		return;
	p->keep_us = keep_us ? keep_us : HYPER_DAYS * day_us;
	if (!keep_us)
		log_warn("table %s is made a hypertable of TimescaleDB, and keeps its rows for "
			 "%dd; --retention says otherwise",
			 p->rollups, HYPER_DAYS);
}

enum sink_result pg_retention_known(struct pg *p, struct err *err)
{
	int64_t keep_us = 0;
	enum sink_result r = SINK_OK;

	pg_retention_fini(&p->kept);
	if (p->version >= PG_SCHEMA_RETENTION)
		r = look_up_retention(p, &keep_us, err);
	if (r != SINK_OK || (p->retention_set && p->kept.on))
		return r;
	pg_retention_default(p, keep_us);
	if (p->keep_us && (keep_us != p->keep_us || p->kept.chunks < p->hyper)) {
		r = init_retention(p, err);
		if (r == SINK_OK)
			r = look_up_retention(p, &keep_us, err);
		if (r == SINK_OK)
			tell_rows(p);
	}
	p->retention_set |= r == SINK_OK;
	return r;
}

/* ---- rows behind the mark */

void pg_retention_moved(struct pg *p, const PGresult *res)
{
	const char *us = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	p->kept.before_us = us && *us ? strtoll(us, NULL, 10) : POS_NONE;
	p->kept.moved = p->kept.purge = true;
	p->kept.due_us = 0;
}

uint64_t pg_retention_cut(const struct pg *p, const struct sink_batch *b, struct sink_batch *kept,
			  struct rollup **row)
{
	size_t n = 0;

	*kept = *b;
	*row = NULL;
	for (size_t i = 0; i < b->rows; i++)
		n += b->row[i].start_us >= p->kept.before_us;
	if (n == b->rows)
		return 0;
	*row = mem_array(n + 1, sizeof(**row));
	kept->rows = 0;
	kept->row = *row;
	for (size_t i = 0; i < b->rows; i++)
		if (b->row[i].start_us >= p->kept.before_us)
			(*row)[kept->rows++] = b->row[i];
	return b->rows - n;
}

void pg_retention_tell(struct pg *p, const struct sink_batch *b, uint64_t cut)
{
	char start[TM_TEXT_BYTES], mark[TM_TEXT_BYTES];
	size_t i = 0;

	if (!cut || p->kept.told)
		return;
	p->kept.told = true;
	while (b->row[i].start_us >= p->kept.before_us)
		i++;
	log_warn("metric %.*s, window of %.*s: table %s keeps nothing from before %.*s "
		 "(--retention), so it is not written, as are %" PRIu64
		 " rows in all of this %s; from now on they are only counted",
		 (int)b->row[i].metric.n, b->row[i].metric.p,
		 (int)tm_text(b->row[i].start_us, start), start, p->rollups,
		 (int)tm_text(p->kept.before_us, mark), mark, cut, b->job ? "epoch" : "batch");
}

enum sink_result pg_retention_lock(struct pg *p, bool dry_run, struct err *err)
{
	static const char mark[] = "SELECT (extract(epoch FROM purged_before) * 1000000)::bigint "
				   "FROM hta_retention WHERE rollups = $1";
	const char *value[] = { p->rollups };
	char *sql = mem_printf("%s%s", mark, dry_run ? "" : " FOR SHARE");
	PGresult *res = NULL;
	enum sink_result r = pg_query(p, &res, err, sql, 1, value);

	if (r == SINK_OK && PQntuples(res) && !PQgetisnull(res, 0, 0))
		p->kept.before_us = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	free(sql);
	if (r == SINK_OK && p->kept.lifts)
		r = pg_script(
			p, "SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0",
			err);
	return r;
}

/* ---- partitions */

static int64_t day_of(int64_t us)
{
	return us / day_us - (us % day_us < 0);
}

/* Where the day stands, or belongs. */
static size_t place_of_day(const struct pg_retention *kept, int64_t day)
{
	size_t from = 0, to = kept->n_days;

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (kept->day[mid] < day)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool add_day(struct pg_retention *kept, int64_t day)
{
	size_t at = place_of_day(kept, day);

	if (at < kept->n_days && kept->day[at] == day)
		return false;
	kept->day = mem_grow(kept->day, kept->n_days + 1, sizeof(*kept->day));
	memmove(&kept->day[at + 1], &kept->day[at], (kept->n_days - at) * sizeof(*kept->day));
	kept->day[at] = day;
	kept->n_days++;
	return true;
}

/* Notes the days that were not seen before, and puts them into an array. How many they are. One
 * that is not to have a partition yet is not noted: it gets one when it comes. */
static size_t new_days(struct pg *p, const struct sink_batch *b, struct pg_params *a, int array)
{
	int64_t last = INT64_MIN, ahead = day_of(tm_now_us()) + DAYS_AHEAD;
	size_t n = 0;

	for (size_t i = 0; i < b->rows; i++) {
		int64_t day = day_of(b->row[i].start_us);

		if (day == last || day > ahead || b->row[i].start_us < p->kept.before_us)
			continue;
		last = day;
		if (!add_day(&p->kept, day))
			continue;
		pg_put_time(a, array, day * day_us);
		n++;
	}
	return n;
}

/* A lock is somebody's for a while: another time. Else it is told once. */
static enum sink_result days_failed(struct pg *p, const PGresult *res, struct err *err)
{
	enum sink_result r = pg_failed(p, res, err);

	if (PQstatus(p->c) != CONNECTION_OK || r == SINK_RETRY) {
		p->kept.n_days = 0;
		p->kept.days_due_us = tm_mono_us() + AGAIN_S * TM_S;
	} else if (!p->kept.days_denied) {
		p->kept.days_denied = true;
		log_warn("no partitions of %s are made: %s; rows go to its default partition, and "
			 "are deleted there one by one",
			 p->rollups, err->msg);
	}
	return PQstatus(p->c) == CONNECTION_OK ? SINK_OK : SINK_RETRY;
}

static enum sink_result make_days(struct pg *p, struct pg_params *a, struct err *err)
{
	PGresult *res;
	enum sink_result r = SINK_OK;

	if (!pg_send(p, "SELECT hta_days($1, $2::regclass, $3)", a, false))
		return days_failed(p, NULL, err);
	while (pg_next(p, &res, err) == SINK_OK && res) {
		if (PQresultStatus(res) != PGRES_TUPLES_OK)
			r = days_failed(p, res, err);
		PQclear(res);
	}
	return PQstatus(p->c) == CONNECTION_OK ? r : SINK_RETRY;
}

enum sink_result pg_retention_days(struct pg *p, const struct sink_batch *b, struct err *err)
{
	struct pg_params a = { 0 };
	enum sink_result r = SINK_OK;

	if (!p->kept.days || tm_mono_us() < p->kept.days_due_us)
		return SINK_OK;
	pg_scalar(&a, p->rollups);
	pg_scalar(&a, p->table);
	if (new_days(p, b, &a, pg_array(&a, PG_TIMESTAMPTZ)))
		r = make_days(p, &a, err);
	pg_params_fini(&a);
	return r;
}

/* ---- what is gone */

/* The epoch is stored whatever comes of it: a lost connection shows at the next call. Where the
 * server has not said why it failed, the loop has ended. */
void pg_retention_purge(struct pg *p)
{
	const char *value[] = { p->rollups, p->table };
	struct err why = ERR_INIT;
	PGresult *res = NULL;
	enum sink_result r;

	if (!p->kept.purge || tm_mono_us() < p->kept.due_us)
		return;
	p->state[0] = 0;
	r = pg_query(p, &res, &why, "SELECT hta_purge($1, $2::regclass)", 2, value);
	if (r == SINK_OK)
		p->kept.purge = *PQgetvalue(res, 0, 0) == 't';
	else
		p->kept.due_us = tm_mono_us() + AGAIN_S * TM_S;
	if (r == SINK_FATAL && p->state[0] && !p->kept.purge_denied) {
		p->kept.purge_denied = true;
		log_warn("what is older than --retention is not taken out of %s: %s", p->rollups,
			 why.msg);
	}
	PQclear(res);
}
