/* Reading what is stored: the file, metrics and positions. One transaction from opening to
 * closing: all is of one moment. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite_reader.h"
#include "sink/sink_errors.h"

enum { READER_BUSY_MS = 5000, READER_STEPS = 100000 };

/* Asked by SQLite each so many steps of its machine. */
static int is_late(void *sqlite)
{
	return tm_mono_us() > ((const struct sqlite *)sqlite)->read_until_us;
}

int sqlite_reader_connect(struct sqlite *s, struct err *err)
{
	if (sqlite3_open_v2(s->conf->where, &s->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		return sink_error_result(sqlite_failed(s, err), err);
	if (sqlite_check_store(s, err))
		return -1;
	sqlite3_busy_timeout(s->db, READER_BUSY_MS);
	s->read_until_us = tm_mono_us() + s->conf->read_for_us;
	if (s->conf->read_for_us)
		sqlite3_progress_handler(s->db, READER_STEPS, is_late, s);
	if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL) != SQLITE_OK)
		return sink_error_result(sqlite_failed(s, err), err);
	return sink_error_result(sqlite_schema(s, err), err);
}

static void sqlite_reader_close(void *d)
{
	struct sqlite_reader *r = d;

	if (!r)
		return;
	sqlite_driver.close(r->s);
	json_fini(&r->json);
	buf_fini(&r->sketches);
	free(r);
}

static void *sqlite_reader_open(const struct sink_conf *conf, struct err *err)
{
	struct sqlite_reader *r = mem_zalloc(sizeof(*r));

	r->conf = *conf;
	r->conf.name = "";
	r->s = sqlite_driver.open(&r->conf, err);
	if (r->s && sqlite_reader_connect(r->s, err) == 0)
		return r;
	sqlite_reader_close(r);
	return NULL;
}

sqlite3_stmt *sqlite_reader_prepare(struct sqlite_reader *r, const char *text, struct err *err)
{
	char *sql = sqlite3_mprintf(text, r->s->table);
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(r->s->db, sql, -1, &q, NULL) != SQLITE_OK)
		sink_error_result(sqlite_failed(r->s, err), err);
	sqlite3_free(sql);
	return q;
}

int sqlite_reader_ended(struct sqlite_reader *r, int code, struct err *err)
{
	return code == SQLITE_DONE ? 0 : sink_error_result(sqlite_failed(r->s, err), err);
}

/* ---- metrics, positions */

static int64_t time_of(struct slice text, int64_t none)
{
	int64_t us;

	return text.p && tm_parse(text, &us) == 0 ? us : none;
}

static int sqlite_read_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	struct sqlite_reader *r = d;
	sqlite3_stmt *q = sqlite_reader_prepare(
		r,
		"SELECT metric, job, sink, cfg, definition, since FROM "
		"hta_metric WHERE rollups = ? ORDER BY metric",
		err);
	int code, rc = 0;

	if (!q)
		return -1;
	sqlite_bind_slice(q, 1, slice_z(r->s->table));
	while ((code = sqlite3_step(q)) == SQLITE_ROW && rc == 0) {
		struct read_metric m = { .name = sqlite_column(q, 0),
					 .job = sqlite_column(q, 1),
					 .sink = sqlite_column(q, 2),
					 .cfg = sqlite_column(q, 3),
					 .def = sqlite_column(q, 4),
					 .since_us = time_of(sqlite_column(q, 5), POS_NONE) };

		rc = fn(arg, &m, err);
	}
	rc = rc ? rc : sqlite_reader_ended(r, code, err);
	sqlite3_finalize(q);
	return rc;
}

static int read_positions(struct sqlite_reader *r, const char *job, struct read_sink *s,
			  struct err *err)
{
	struct keeper_doc doc = { .gen = "" };
	int rc;

	r->conf.name = s->name;
	rc = sink_error_result(sqlite_load(r->s, job, &doc, err), err);
	s->pos = doc.pos;
	s->rules = doc.rules;
	doc.pos = (struct positions){ 0 };
	doc.rules = NULL;
	keeper_doc_fini(&doc);
	positions_sort(&s->pos);
	return rc;
}

static int sqlite_read_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	struct sqlite_reader *r = d;
	sqlite3_stmt *q = sqlite_reader_prepare(
		r, "SELECT sink, group_id, lateness FROM hta_job WHERE job = ? ORDER BY sink", err);
	int code, rc;

	if (!q)
		return -1;
	sqlite_bind_slice(q, 1, slice_z(job));
	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		struct slice group = sqlite_column(q, 1);
		struct read_sink *s = read_sinks_add(out, (const char *)sqlite3_column_text(q, 0));

		s->group = group.p ? mem_dup(group.p, group.n) : NULL;
		s->lateness_us = sqlite3_column_int64(q, 2);
	}
	rc = sqlite_reader_ended(r, code, err);
	sqlite3_finalize(q);
	for (size_t i = 0; i < out->n && rc == 0; i++)
		rc = read_positions(r, job, &out->v[i], err);
	return rc;
}

const struct read_driver sqlite_reader = {
	.default_table = "hta_rollups",
	.moment = true,
	.open = sqlite_reader_open,
	.close = sqlite_reader_close,
	.metrics = sqlite_read_metrics,
	.sinks = sqlite_read_sinks,
	.newest = sqlite_reader_newest,
	.rows = sqlite_reader_rows,
	.alerts = &sqlite_alerts,
	.events = &sqlite_events,
	.letters = &sqlite_letters,
};
