/* The connection, and the statements of all files of the driver: their texts stand in one table,
 * each is prepared when it is first used and kept as long as the connection. Three of them depend
 * on whether the table has the column `columns`, and are made anew when it gets one.
 *
 * A file has no socket to wait for. SQLite itself waits BUSY_MS for another program's lock; then
 * the framework tries again, and looks at signals in between. Every commit is synced (synchronous =
 * FULL): with less, a log (WAL) may lose the last of them with the power, and the source commits
 * what a sink has acknowledged. */
#include "drv/sqlite/sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite_internal.h"

enum { BUSY_MS = 500 };

#define ROW_COLUMNS                                                                              \
	"metric, window_start, window_end, dims_hash, dims, count, value_count, sum, min, max, " \
	"uniq, uniq_sketch, updated_at"
#define EVENT_COLUMNS \
	"topic, partition, record_offset, event_id, event_type, user_id, source, ts, record"
#define EVENT_ASSIGNMENTS                                                                  \
	"topic = excluded.topic, partition = excluded.partition, record_offset = "         \
	"excluded.record_offset, event_id = excluded.event_id, event_type = "              \
	"excluded.event_type, user_id = excluded.user_id, source = excluded.source, ts = " \
	"excluded.ts, record = excluded.record, received_at = excluded.received_at"
#define ROW_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"

/* %w: the table; the sink's name and the job are bound. %s: in this order, what is added where
 * the table has `columns`: to a list of columns, to one of values, to the assignments. */
static const char *const sql[Q_COUNT] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_COMMIT] = "COMMIT",
	[Q_ROLLBACK] = "ROLLBACK",
	[Q_JOB] = "SELECT generation, by_now, group_id FROM hta_job WHERE job = ? AND sink = ?",
	[Q_POSITIONS] = "SELECT topic, partition, init, next, last_offset, last_time, last_hash, "
			"watermark, idle FROM hta_pos WHERE job = ? AND sink = ?",
	[Q_JOB_INSERT] = "INSERT INTO hta_job (job, sink, generation, group_id, by_now) VALUES (?, "
			 "?, ?, ?, ?)",
	[Q_POSITION_INSERT] = "INSERT INTO hta_pos (job, sink, topic, partition, init, next) "
			      "VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
	[Q_LATENESS] =
		"UPDATE hta_job SET lateness = ?3 WHERE job = ?1 AND sink = ?2 AND lateness <> ?3",
	[Q_RULES] = "SELECT rule_set, doc FROM hta_rules WHERE job = ? AND sink = ?",
	[Q_RULES_SET] = "INSERT OR REPLACE INTO hta_rules (job, sink, rule_set, doc) VALUES (?, ?, "
			"?, ?)",
	[Q_SPANS_DROP] = "DELETE FROM hta_span WHERE job = ? AND sink = ?",
	[Q_SPAN] = "INSERT INTO hta_span (job, sink, metric, since, until) VALUES (?, ?, ?, ?, ?)",
	[Q_CLAIMS] = "SELECT claim, doc FROM hta_claim WHERE job = ? AND sink = ?",
	[Q_CLAIM] = "INSERT INTO hta_claim (job, sink, claim, doc) VALUES (?, ?, ?, ?)",
	[Q_CLAIM_DROP] = "DELETE FROM hta_claim WHERE job = ? AND sink = ? AND claim = ?",
	[Q_METRIC] = "SELECT job, cfg, definition, sink FROM hta_metric WHERE rollups = ? AND "
		     "metric = ?",
	[Q_METRIC_INSERT] = "INSERT INTO hta_metric (rollups, metric, sink, job, cfg, definition, "
			    "since) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
	[Q_ADVANCE] = "UPDATE hta_pos SET next = ?5, last_offset = coalesce(?6, last_offset), "
		      "last_time = coalesce(?7, last_time), last_hash = coalesce(?8, last_hash),"
		      " watermark = CASE WHEN watermark IS NULL OR watermark < ?9 THEN "
		      "coalesce(?9, watermark) ELSE watermark END, idle = ?10"
		      " WHERE job = ?1 AND sink = ?2 AND topic = ?3 AND partition = ?4",
	[Q_IDLE] = "UPDATE hta_pos SET idle = ?6 WHERE job = ?1 AND sink = ?2 AND topic = ?3 AND "
		   "partition = ?4 AND next = ?5",
	[Q_ROW] = "SELECT count, value_count, sum, min, max, uniq, uniq_sketch%s FROM \"%w\" WHERE "
		  "metric = ? AND window_start = ? AND window_end = ? AND dims_hash = ?",
	[Q_ROW_ADD] =
		"INSERT INTO \"%w\" AS t (" ROW_COLUMNS "%s) VALUES (" ROW_VALUES
		"%s) ON CONFLICT DO UPDATE SET"
		" count = t.count + excluded.count, value_count = coalesce(t.value_count + "
		"excluded.value_count, t.value_count, excluded.value_count),"
		" sum = hta_add(t.sum, excluded.sum), min = hta_min(t.min, excluded.min), max = "
		"hta_max(t.max, excluded.max),"
		" uniq = coalesce(excluded.uniq, t.uniq), uniq_sketch = "
		"coalesce(excluded.uniq_sketch, t.uniq_sketch), updated_at = excluded.updated_at%s",
	[Q_ROW_SET] = "INSERT OR REPLACE INTO \"%w\" (" ROW_COLUMNS "%s) VALUES (" ROW_VALUES "%s)",
	/* OR ROLLBACK: no journal of the statement, in a file of its own, to undo a part of it */
	[Q_EVENT] = "INSERT OR ROLLBACK INTO \"%w\" (" EVENT_COLUMNS
		    "%s, received_at) SELECT " EVENT_COLUMNS
		    "%s, ?1 FROM hta_batch WHERE true ON CONFLICT DO NOTHING",
	[Q_EVENT_SET] = "INSERT INTO \"%w\" AS t (" EVENT_COLUMNS
			"%s, received_at) SELECT " EVENT_COLUMNS
			"%s, ?1 FROM hta_batch WHERE true ON CONFLICT DO UPDATE "
			"SET " EVENT_ASSIGNMENTS " WHERE t.record <> excluded.record",
	[Q_EVENT_TEXT] = "SELECT record FROM \"%w\" WHERE %s",
	[Q_DEAD] = "INSERT INTO hta_dead (job, sink, kind, topic, partition, record_offset, stage, "
		   "reason, size, encoding, record, at%s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		   "?%s)",
};

static void *sqlite_open(const struct sink_conf *conf, struct err *err)
{
	struct sqlite *s;
	bool is_default = strcmp(conf->place, "hta_rollups") == 0;

	if (!conf->positions_only && sink_check_table(conf->place, conf->events.on, err))
		return NULL;
	if (conf->events.on)
		sqlite_write_early();
	s = mem_zalloc(sizeof(*s));
	s->conf = conf;
	s->table = mem_strdup(conf->place);
	s->final = is_default ? mem_strdup("hta_final") : mem_printf("%s_final", conf->place);
	s->numbers = is_default ? mem_strdup("hta_numbers") : mem_printf("%s_numbers", conf->place);
	return s;
}

static void sqlite_disconnect(void *d)
{
	struct sqlite *s = d;

	for (int i = 0; i < Q_COUNT; i++) {
		sqlite3_finalize(s->q[i]);
		s->q[i] = NULL;
	}
	sqlite_checkpoint_end(s);
	sqlite3_close(s->db);
	s->db = NULL;
}

static void sqlite_close(void *d)
{
	struct sqlite *s = d;

	if (!s)
		return;
	sqlite_disconnect(s);
	buf_fini(&s->scratch);
	buf_fini(&s->columns);
	free(s->table);
	free(s->final);
	free(s->numbers);
	free(s);
}

enum sink_result sqlite_failed(struct sqlite *s, struct err *err)
{
	int code = sqlite3_errcode(s->db) & 0xff;
	const char *say = sqlite3_errmsg(s->db), *file = s->conf->where;

	switch (code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* locks of the log were taken by others, over and over */
	case SQLITE_NOMEM:
		err_set(err, EX_TEMPFAIL, "%s: %s", file, say);
		return SINK_RETRY;
	case SQLITE_INTERRUPT:
		err_set(err, EX_TEMPFAIL, "%s: reading takes too long", file);
		return SINK_FATAL;
	case SQLITE_FULL:
	case SQLITE_IOERR:
		err_set(err, EX_IOERR, "%s: %s", file, say);
		return SINK_FATAL;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_NOTADB:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		err_set(err, EX_CONFIG, "%s: %s", file, say);
		return SINK_FATAL;
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
		err_set(err, EX_CONFIG, "%s: %s", file, say);
		return SINK_FATAL;
	default:
		err_set(err, EX_DATAERR, "%s: %s", file, say);
		return SINK_FATAL;
	}
}

/* Asked of SQLite, which knows more names for it (URIs) than we do. */
static bool is_in_memory(struct sqlite *s, const char *path)
{
	sqlite3_vfs *vfs = NULL;

	if (!path || !*path)
		return true;
	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
	return vfs && strcmp(vfs->zName, "memdb") == 0;
}

int sqlite_check_store(struct sqlite *s, struct err *err)
{
	const char *path = sqlite3_db_filename(s->db, "main");
	struct stat st;

	if (is_in_memory(s, path))
		return err_set(err, EX_USAGE,
			       "\"%s\" is a database in memory: it would be gone with this "
			       "program; name a file",
			       s->conf->where);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return err_set(err, EX_USAGE, "%s: is no file, and cannot be a store", path);
	return 0;
}

/* Of a file that is made now, and for events: with 4096 bytes, SQLite's default, they take half as
 * much time again. A file that is there keeps its pages. */
static const char pages_of_events[] = "PRAGMA page_size = 16384";

static enum sink_result sqlite_connect(void *d, struct err *err)
{
	struct sqlite *s = d;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
		    (s->conf->create ? SQLITE_OPEN_CREATE : 0);
	enum sink_result r;

	if (sqlite3_open_v2(s->conf->where, &s->db, flags, NULL) != SQLITE_OK) {
		r = sqlite_failed(s, err);
		if (!s->conf->create && err->code == EX_CONFIG && s->conf->positions_only)
			sink_error_missing_positions("the file", s->conf->where, err);
		else if (!s->conf->create && err->code == EX_CONFIG)
			err_set(err, EX_CONFIG,
				"%s: cannot be opened: run `hta-sink-sqlite%s --init %s "
				"</dev/null` "
				"once, or add --init",
				s->conf->where, s->conf->events.on ? " --events" : "",
				s->conf->where);
		sqlite_disconnect(s);
		return r;
	}
	if (sqlite_check_store(s, err)) {
		sqlite_disconnect(s);
		return SINK_FATAL;
	}
	sqlite3_busy_timeout(s->db, s->busy_ms ? s->busy_ms : BUSY_MS);
	if (s->conf->create && s->conf->events.on)
		sqlite3_exec(s->db, pages_of_events, NULL, NULL, NULL);
	if (sqlite3_exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL,
			 NULL) != SQLITE_OK ||
	    (s->conf->events.on && sqlite_batch_table(s) != SQLITE_OK))
		r = sqlite_failed(s, err);
	else
		r = sqlite_schema(s, err);
	if (r == SINK_OK && s->conf->create && !s->views_made && sqlite_has_rows(s)) {
		r = sqlite_views_all(s, err);
		s->views_made = r == SINK_OK;
	}
	if (r == SINK_OK)
		sqlite_functions(s);
	else
		sqlite_disconnect(s);
	if (r == SINK_OK && s->conf->events.on)
		sqlite_checkpoint_beside(s);
	return r;
}

static char *event_text(const struct sqlite *s, enum sqlite_statement which)
{
	bool keyed = s->conf->events.key;

	if (which == Q_EVENT_TEXT)
		return sqlite3_mprintf(
			sql[which], s->table,
			keyed ? "key_hash = ?1"
			      : "topic = ?1 AND partition = ?2 AND record_offset = ?3");
	return sqlite3_mprintf(sql[which], s->table, keyed ? ", key_hash" : "",
			       keyed ? ", key_hash" : "");
}

static char *statement_text(struct sqlite *s, enum sqlite_statement which)
{
	const char *list = s->has_columns ? ", columns" : "",
		   *value = s->has_columns ? ", ?14" : "";

	if (which == Q_EVENT || which == Q_EVENT_SET || which == Q_EVENT_TEXT)
		return event_text(s, which);
	if (which == Q_DEAD && sqlite_has_marks(s))
		return sqlite3_mprintf(sql[which], ", retries", ", ?13");
	if (which == Q_DEAD)
		return sqlite3_mprintf(sql[which], "", "");
	if (which == Q_ROW)
		return sqlite3_mprintf(sql[which], list, s->table);
	return sqlite3_mprintf(
		sql[which], s->table, list, value,
		s->has_columns ? ", columns = hta_columns(t.columns, excluded.columns)" : "");
}

sqlite3_stmt *sqlite_prepare(struct sqlite *s, enum sqlite_statement which, enum sink_result *r,
			     struct err *err)
{
	char *text;

	*r = SINK_OK;
	if (s->q[which]) {
		sqlite3_reset(s->q[which]);
		sqlite3_clear_bindings(s->q[which]);
		return s->q[which];
	}
	text = statement_text(s, which);
	if (sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s->q[which], NULL) !=
	    SQLITE_OK)
		*r = sqlite_failed(s, err);
	sqlite3_free(text);
	return s->q[which];
}

sqlite3_stmt *sqlite_prepare_of(struct sqlite *s, enum sqlite_statement which, const char *job,
				enum sink_result *r, struct err *err)
{
	sqlite3_stmt *q = sqlite_prepare(s, which, r, err);

	if (q) {
		sqlite_bind_slice(q, 1, slice_z(job));
		sqlite_bind_slice(q, 2, slice_z(s->conf->name));
	}
	return q;
}

void sqlite_know_columns(struct sqlite *s)
{
	static const enum sqlite_statement made_anew[] = { Q_ROW, Q_ROW_ADD, Q_ROW_SET };

	s->has_columns = true;
	for (size_t i = 0; i < sizeof(made_anew) / sizeof(*made_anew); i++) {
		sqlite3_finalize(s->q[made_anew[i]]);
		s->q[made_anew[i]] = NULL;
	}
}

enum sink_result sqlite_run(struct sqlite *s, sqlite3_stmt *q, struct err *err)
{
	int code = sqlite3_step(q);
	enum sink_result r = code == SQLITE_DONE || code == SQLITE_ROW ? SINK_OK
								       : sqlite_failed(s, err);

	sqlite3_reset(q);
	return r;
}

enum sink_result sqlite_do(struct sqlite *s, enum sqlite_statement which, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare(s, which, &r, err);

	return q ? sqlite_run(s, q, err) : r;
}

enum sink_result sqlite_end(struct sqlite *s, enum sink_result r, struct err *err)
{
	if (r == SINK_OK)
		r = sqlite_do(s, Q_COMMIT, err);
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

void sqlite_bind_slice(sqlite3_stmt *q, int at, struct slice text)
{
	if (text.p)
		sqlite3_bind_text(q, at, text.p, (int)text.n, SQLITE_STATIC);
	else
		sqlite3_bind_null(q, at);
}

void sqlite_bind_time(sqlite3_stmt *q, int at, int64_t us)
{
	char text[TM_TEXT_BYTES];

	sqlite3_bind_text(q, at, text, (int)tm_text(us, text), SQLITE_TRANSIENT);
}

void sqlite_bind_dec(sqlite3_stmt *q, int at, dec v)
{
	char text[DEC_TEXT_BYTES];

	sqlite3_bind_text(q, at, text, (int)dec_text(v, text), SQLITE_TRANSIENT);
}

struct slice sqlite_column(sqlite3_stmt *q, int at)
{
	const char *p;

	if (sqlite3_column_type(q, at) == SQLITE_NULL)
		return slice(NULL, 0);
	p = sqlite3_column_blob(q, at);
	return p ? slice(p, (size_t)sqlite3_column_bytes(q, at)) : slice("", 0);
}

static const struct opt sqlite_opts[] = {
	SINK_PLACE_OPT("table", "hta_rollups", "table of the rollups, or of the events"),
	SINK_EVENTS_OPTS,
	OPT_END,
};

static const struct position_keeper sqlite_keeper = {
	.load = sqlite_load,
	.init = sqlite_init,
	.change = sqlite_change,
	.lateness = sqlite_lateness,
	.store = sqlite_store,
	.drop = sqlite_drop,
};

const struct sink_driver sqlite_driver = {
	.kind = "sqlite",
	.takes = SINK_ROWS | SINK_DEAD | SINK_SKETCHES,
	.events_place = "hta_events",
	.delivery = SINK_TX,
	.opts = sqlite_opts,
	.conf_bytes = sizeof(struct sink_conf),
	.open = sqlite_open,
	.close = sqlite_close,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.metrics = sqlite_metrics,
	.metrics_add = sqlite_metrics_add,
	.keeper = &sqlite_keeper,
	.put = sqlite_put,
	.probe = sqlite_probe,
};
