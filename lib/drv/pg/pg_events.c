/* Records as events: by COPY (pg_copy.c), or in chunks of one INSERT each, from binary arrays as
 * rows are. Columns that an index has are COLLATE "C": sorted by bytes, as in other stores, and
 * cheaper.
 *
 * The key is the primary key: the place in the log, or with --key a hash in a uuid, which is 16
 * bytes for Postgres, too, and sorts as them. The framework hands records over in order of a key
 * like that, so that two sinks that hold the same keys wait for each other and do not deadlock. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/pg/pg_internal.h"

#define EVENT_COLUMNS \
	"topic, partition, record_offset, event_id, event_type, user_id, source, ts, record"

static const char events_table[] =
	"CREATE TABLE IF NOT EXISTS %1$s (topic text COLLATE \"C\", partition integer, "
	"record_offset bigint, event_id text COLLATE \"C\", event_type text COLLATE \"C\", user_id "
	"text COLLATE \"C\", source text COLLATE \"C\", ts timestamptz, record text NOT NULL, "
	"received_at timestamptz NOT NULL DEFAULT now(), %2$s);"
	"CREATE INDEX IF NOT EXISTS %3$s ON %1$s (ts DESC NULLS LAST);"
	"CREATE INDEX IF NOT EXISTS %4$s ON %1$s (event_type, ts DESC NULLS LAST);"
	"CREATE INDEX IF NOT EXISTS %5$s ON %1$s (user_id, ts DESC NULLS LAST);";

static const char insert_events[] = "INSERT INTO @ (" EVENT_COLUMNS "@) SELECT * FROM unnest($1, "
				    "$2, $3, $4, $5, $6, $7, $8, $9@) ON CONFLICT DO NOTHING";

/* The last of equal keys in one statement: none may be replaced twice there. */
static const char replace_events[] =
	"INSERT INTO @ AS t (" EVENT_COLUMNS "@) SELECT DISTINCT ON (@) " EVENT_COLUMNS
	"@ FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9@) WITH ORDINALITY u(" EVENT_COLUMNS
	"@, ord) ORDER BY @, ord DESC ON CONFLICT (@) DO UPDATE SET topic = excluded.topic, "
	"partition = excluded.partition, record_offset = excluded.record_offset, event_id = "
	"excluded.event_id, event_type = excluded.event_type, user_id = excluded.user_id, source = "
	"excluded.source, ts = excluded.ts, record = excluded.record, received_at = now() WHERE "
	"t.record <> excluded.record";

/* For each that is there: whether it has the same text. */
static const char compare_events[] =
	"SELECT t.record = u.record FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9@) "
	"u(" EVENT_COLUMNS "@) JOIN @ t ON @";

static bool is_keyed(const struct pg *p)
{
	return p->conf->events.key != NULL;
}

static const char *key_columns(const struct pg *p)
{
	return is_keyed(p) ? "key_hash" : "topic, partition, record_offset";
}

/* ---- the table */

enum sink_result pg_events_make(struct pg *p, struct err *err)
{
	const char *dot = strchr(p->rollups, '.'), *name = dot ? dot + 1 : p->rollups;
	char *time = pg_quoted(name, "_time"), *type = pg_quoted(name, "_type"),
	     *user = pg_quoted(name, "_user");
	char *text = mem_printf(events_table, p->table,
				is_keyed(p) ? "key_hash uuid PRIMARY KEY"
					    : "PRIMARY KEY (topic, partition, record_offset)",
				time, type, user);
	enum sink_result r = pg_script(p, text, err);

	free(time);
	free(type);
	free(user);
	free(text);
	return r;
}

enum sink_result pg_events_check(struct pg *p, struct err *err)
{
	const char *value[] = { p->table };
	PGresult *res;
	bool ours, keyed;
	enum sink_result r = pg_query(
		p, &res, err,
		"SELECT count(*) FILTER (WHERE attname IN ('record', 'record_offset', "
		"'received_at')) = 3, coalesce(bool_or(attname = 'key_hash'), false) FROM "
		"pg_attribute WHERE attrelid = to_regclass($1) AND NOT attisdropped",
		1, value);

	if (r != SINK_OK)
		return r;
	ours = *PQgetvalue(res, 0, 0) == 't';
	keyed = *PQgetvalue(res, 0, 1) == 't';
	PQclear(res);
	p->keyed = keyed;
	if (!ours)
		sink_error_no_events(p->rollups, err);
	else if (!p->reads && keyed != is_keyed(p))
		sink_error_events_key(p->rollups, keyed, err);
	else
		return SINK_OK;
	return SINK_FATAL;
}

/* ---- a chunk */

static void event_arrays(struct pg_params *a, bool keyed)
{
	static const Oid type[] = { PG_TEXT, PG_INT4, PG_INT8,        PG_TEXT, PG_TEXT,
				    PG_TEXT, PG_TEXT, PG_TIMESTAMPTZ, PG_TEXT };

	pg_params_reset(a);
	for (size_t i = 0; i < sizeof(type) / sizeof(*type); i++)
		pg_array(a, type[i]);
	if (keyed)
		pg_array(a, PG_UUID);
}

/* Column i goes to the array of parameter i * step: each to one of its own, or all to the first. */
static void put_event(struct pg_params *a, const struct sink_record *r, bool keyed, int step)
{
	const struct sink_event *e = r->event;

	pg_put_text(a, 0, e->text[EVENT_TOPIC]);
	if (r->topic.p) {
		pg_put_int4(a, 1 * step, r->partition);
		pg_put_int8(a, 2 * step, r->offset);
	} else {
		pg_null(a, 1 * step);
		pg_null(a, 2 * step);
	}
	for (int i = EVENT_ID; i < EVENT_TEXTS; i++)
		pg_put_text(a, (2 + i) * step, e->text[i]);
	pg_put_time(a, 7 * step, e->ts_us);
	pg_put_text(a, 8 * step, r->line);
	if (keyed)
		pg_put_bytes(a, 9 * step, slice((const char *)e->key, EVENT_KEY_BYTES));
}

const char *pg_events_columns(bool keyed)
{
	return keyed ? EVENT_COLUMNS ", key_hash" : EVENT_COLUMNS;
}

void pg_events_fields(struct pg_params *a, const struct sink_record *r, bool keyed)
{
	const char count[2] = { 0, keyed ? 10 : 9 };

	buf_add(&a->value[0], count, sizeof(count));
	put_event(a, r, keyed, 0);
}

/* The arrays of those from `at` on that one statement takes; how many they are. */
static size_t fill_chunk(struct pg_work *w, size_t at)
{
	size_t n = 0, bytes = 0;
	bool keyed = is_keyed(w->p);

	event_arrays(&w->a, keyed);
	while (at + n < w->b->records && n < PG_CHUNK_ROWS && bytes < PG_CHUNK_BYTES) {
		const struct sink_record *r = &w->b->record[at + n++];

		bytes += r->line.n;
		put_event(&w->a, r, keyed, 1);
	}
	return n;
}

static void send_chunk(struct pg_work *w)
{
	bool keyed = is_keyed(w->p);
	const char *name = keyed ? ", key_hash" : "", *param = keyed ? ", $10" : "",
		   *key = key_columns(w->p);
	const char *const insert[] = { w->p->table, name, param };
	const char *const replace[] = { w->p->table, name, key, name, param, name, key, key };

	pg_work_send(w,
		     w->b->replace ? pg_sql(w, replace_events, replace)
				   : pg_sql(w, insert_events, insert),
		     false);
}

size_t pg_events_send(struct pg_work *w, size_t at)
{
	size_t n = fill_chunk(w, at);

	send_chunk(w);
	return n;
}

/* ---- plain streams: what a batch does is counted */

static void count_chunk(struct pg_work *w, struct sink_counts *counts)
{
	bool keyed = is_keyed(w->p);
	const char *const fill[] = { keyed ? ", $10" : "", keyed ? ", key_hash" : "", w->p->table,
				     keyed ? "t.key_hash = u.key_hash"
					   : "(t.topic, t.partition, t.record_offset) = (u.topic, "
					     "u.partition, u.record_offset)" };
	PGresult *res;
	size_t found;

	pg_work_send(w, pg_sql(w, compare_events, fill), false);
	res = w->r == SINK_OK ? pg_work_answer(w) : NULL;
	found = w->r == SINK_OK ? (size_t)PQntuples(res) : 0;
	for (size_t i = 0; i < found; i++)
		*(*PQgetvalue(res, (int)i, 0) == 't' ? &counts->equal : &counts->different) += 1;
	PQclear(res);
}

/* Written, looked at, and undone: the second of a key meets the first. */
static void try_chunk(struct pg_work *w, struct sink_counts *counts)
{
	struct sink_counts found = { 0 };
	uint64_t fresh = 0;
	PGresult *res;

	send_chunk(w);
	res = w->r == SINK_OK ? pg_work_answer(w) : NULL;
	if (res)
		fresh = strtoull(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	if (w->r == SINK_OK)
		count_chunk(w, &found);
	/* those that just went in were found, equal */
	counts->fresh += fresh;
	counts->equal += found.equal - (fresh < found.equal ? fresh : found.equal);
	counts->different += found.different;
}

void pg_events_put(struct pg_work *w, bool dry_run, struct sink_counts *counts)
{
	if (!dry_run && w->r == SINK_OK && pg_copy_suits(w)) {
		w->r = pg_script(w->p, PG_COPY_SAVEPOINT, w->err);
		if (w->r == SINK_OK && pg_copy_events(w))
			return;
	}
	for (size_t at = 0; at < w->b->records && w->r == SINK_OK;) {
		size_t n = fill_chunk(w, at);

		if (dry_run) {
			try_chunk(w, counts);
		} else {
			send_chunk(w);
			PQclear(w->r == SINK_OK ? pg_work_answer(w) : NULL);
		}
		at += n;
	}
}
