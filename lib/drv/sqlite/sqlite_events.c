/* Records as events. A table with a rowid: rows lie in the order in which they came, and indexes
 * hold a rowid instead of the key's three columns. Its key is the place in the log, or with --key
 * key_hash; a store that was made for the one is not taken for the other.
 *
 * Times are RFC 3339 with six decimals, which sort as times do. Transactions are large, an epoch
 * each: with a cache of two megabytes, SQLite's default, pages of the indexes would go to the log
 * and back many times within one. Debian's SQLite overwrites with zeros what it moves elsewhere, so
 * that what is deleted cannot be found in the file (secure_delete); that takes a twentieth of the
 * time of pages that are only ever split, and is off here, as it is in SQLite itself. Whoever
 * deletes events does so with a connection of his own. */
#include <stdlib.h>
#include <string.h>

#include "base/tm.h"
#include "drv/sqlite/sqlite_internal.h"

static const char events_table[] =
	"CREATE TABLE IF NOT EXISTS \"%w\" (topic TEXT, partition INTEGER, record_offset INTEGER, "
	"event_id TEXT, event_type TEXT, user_id TEXT, source TEXT, ts TEXT, record TEXT NOT NULL, "
	"received_at TEXT NOT NULL, %s);"
	"CREATE INDEX IF NOT EXISTS \"%w_time\" ON \"%w\" (ts);"
	"CREATE INDEX IF NOT EXISTS \"%w_type\" ON \"%w\" (event_type, ts);"
	"CREATE INDEX IF NOT EXISTS \"%w_user\" ON \"%w\" (user_id, ts);";

static enum sink_result events_exec(struct sqlite *s, const char *text, struct err *err)
{
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? SINK_OK
									: sqlite_failed(s, err);
}

enum sink_result sqlite_events_make(struct sqlite *s, struct err *err)
{
	const char *t = s->table;
	char *text = sqlite3_mprintf(events_table, t,
				     s->conf->events.key
					     ? "key_hash BLOB NOT NULL PRIMARY KEY"
					     : "PRIMARY KEY (topic, partition, record_offset)",
				     t, t, t, t, t, t);
	enum sink_result r = events_exec(s, text, err);

	sqlite3_free(text);
	return r;
}

static int count_columns(struct sqlite *s, const char *where)
{
	char *text = sqlite3_mprintf(
		"SELECT count(*) FROM pragma_table_info(%Q) WHERE name IN (%s)", s->table, where);
	sqlite3_stmt *q = NULL;
	int n = 0;

	if (sqlite3_prepare_v2(s->db, text, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	sqlite3_free(text);
	return n;
}

bool sqlite_events_keyed(struct sqlite *s)
{
	return count_columns(s, "'key_hash'");
}

enum sink_result sqlite_events_check(struct sqlite *s, struct err *err)
{
	bool keyed = sqlite_events_keyed(s);

	if (count_columns(s, "'record', 'record_offset', 'received_at'") != 3)
		sink_error_no_events(s->table, err);
	else if (s->conf->name && *s->conf->name && keyed != (s->conf->events.key != NULL))
		sink_error_events_key(s->table, keyed, err);
	else
		return events_exec(s, "PRAGMA cache_size = -65536; PRAGMA secure_delete = OFF",
				   err);
	return SINK_FATAL;
}

/* ---- storing */

size_t sqlite_events_time(int64_t us, char out[TM_TEXT_BYTES])
{
	size_t n = tm_text(us, out);

	/* 2026-01-01T00:00:00Z, or .250Z or .250100Z behind the seconds */
	if (n == 27)
		return n;
	memcpy(out + n - 1, n == 20 ? ".000000Z" : "000Z", n == 20 ? 8 : 4);
	return 27;
}

static void bind_place(sqlite3_stmt *q, const struct sink_record *r)
{
	sqlite_bind_slice(q, 1, r->event->text[EVENT_TOPIC]);
	if (!r->topic.p)
		return;
	sqlite3_bind_int(q, 2, r->partition);
	sqlite3_bind_int64(q, 3, r->offset);
}

/* n records, by one statement (sqlite_batch.c). */
static enum sink_result write_events(struct sqlite *s, const struct sink_record *record, size_t n,
				     bool replace, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare(s, replace ? Q_EVENT_SET : Q_EVENT, &r, err);
	char now[TM_TEXT_BYTES];

	if (!q)
		return r;
	sqlite3_bind_text(q, 1, now, (int)sqlite_events_time(tm_now_us(), now), SQLITE_STATIC);
	s->record = record;
	s->records = n;
	return sqlite_run(s, q, err);
}

enum sink_result sqlite_events_store(struct sqlite *s, const struct sink_batch *batch,
				     struct err *err)
{
	return batch->records ? write_events(s, batch->record, batch->records, batch->replace, err)
			      : SINK_OK;
}

/* ---- plain streams: what a batch does is counted */

static enum sink_result count_event(struct sqlite *s, const struct sink_record *r,
				    struct sink_counts *counts, struct err *err)
{
	enum sink_result result;
	sqlite3_stmt *q = sqlite_prepare(s, Q_EVENT_TEXT, &result, err);
	int code;

	if (!q)
		return result;
	if (s->conf->events.key)
		sqlite3_bind_blob(q, 1, r->event->key, EVENT_KEY_BYTES, SQLITE_STATIC);
	else
		bind_place(q, r);
	code = sqlite3_step(q);
	if (code == SQLITE_ROW)
		*(slice_eq(sqlite_column(q, 0), r->line) ? &counts->equal
							 : &counts->different) += 1;
	counts->fresh += code == SQLITE_DONE;
	sqlite3_reset(q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SINK_OK : sqlite_failed(s, err);
}

enum sink_result sqlite_events_put(struct sqlite *s, const struct sink_batch *batch, bool dry_run,
				   struct sink_counts *counts, struct err *err)
{
	enum sink_result r = SINK_OK;

	if (!dry_run)
		return sqlite_events_store(s, batch, err);
	/* written all the same, one by one: the second of a key meets the first */
	for (size_t i = 0; i < batch->records && r == SINK_OK; i++) {
		r = count_event(s, &batch->record[i], counts, err);
		if (r == SINK_OK)
			r = write_events(s, &batch->record[i], 1, batch->replace, err);
	}
	return r;
}
