/* What SQLite keeps of a job: generation, positions, metrics. As a keeper (sink/keeper.h) it reads
 * and decides inside of BEGIN IMMEDIATE, so that nobody else writes in between. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite_internal.h"

/* ---- state */

static void sqlite_take_position(sqlite3_stmt *q, struct positions *out)
{
	struct position *p = positions_add(out, sqlite_column(q, 0), sqlite3_column_int(q, 1));
	struct slice hash = sqlite_column(q, 6);
	char text[17] = "";

	p->init = sqlite3_column_int64(q, 2);
	p->next = sqlite3_column_int64(q, 3);
	p->last.offset = sqlite3_column_type(q, 4) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 4);
	p->last.time_us = sqlite3_column_type(q, 5) == SQLITE_NULL ? POS_NONE
								   : sqlite3_column_int64(q, 5);
	memcpy(text, hash.p ? hash.p : "", hash.n < 16 ? hash.n : 16);
	p->last.hash = strtoull(text, NULL, 16);
	p->watermark_us = sqlite3_column_type(q, 7) == SQLITE_NULL ? POS_NONE
								   : sqlite3_column_int64(q, 7);
	p->idle = sqlite3_column_int(q, 8);
}

static void take_job(sqlite3_stmt *q, struct keeper_doc *doc)
{
	struct slice gen = sqlite_column(q, 0), group = sqlite_column(q, 2);

	snprintf(doc->gen, sizeof(doc->gen), "%.*s", (int)gen.n, gen.p ? gen.p : "");
	doc->by_now = sqlite3_column_int(q, 1);
	doc->group = group.p ? mem_dup(group.p, group.n) : NULL;
}

enum sink_result sqlite_load(void *k, const char *job, struct keeper_doc *doc, struct err *err)
{
	struct sqlite *s = k;
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_JOB, job, &r, err);
	int code;

	if (!q)
		return r;
	code = sqlite3_step(q);
	if (code == SQLITE_ROW)
		take_job(q, doc);
	sqlite3_reset(q);
	if (code == SQLITE_DONE)
		return SINK_OK;
	if (code != SQLITE_ROW)
		return sqlite_failed(s, err);
	q = sqlite_prepare_of(s, Q_POSITIONS, job, &r, err);
	if (!q)
		return r;
	while ((code = sqlite3_step(q)) == SQLITE_ROW)
		sqlite_take_position(q, &doc->pos);
	sqlite3_reset(q);
	r = code == SQLITE_DONE ? sqlite_load_rules(s, job, doc, err) : sqlite_failed(s, err);
	return r == SINK_OK && s->conf->positions_only ? sqlite_load_claims(s, job, doc, err) : r;
}

/* ---- init */

static enum sink_result sqlite_insert_positions(struct sqlite *s, const char *job,
						const struct ranges *start,
						const struct positions *known, struct err *err)
{
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < start->n && r == SINK_OK; i++) {
		const struct range *x = &start->v[i];
		sqlite3_stmt *q;

		if (positions_find(known, slice_z(x->topic), x->partition))
			continue;
		q = sqlite_prepare_of(s, Q_POSITION_INSERT, job, &r, err);
		if (!q)
			return r;
		sqlite_bind_slice(q, 3, slice_z(x->topic));
		sqlite3_bind_int(q, 4, x->partition);
		sqlite3_bind_int64(q, 5, x->from);
		r = sqlite_run(s, q, err);
	}
	return r;
}

static enum sink_result insert_job(struct sqlite *s, const char *job, const char *group,
				   const struct ctl_init *init, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_JOB_INSERT, job, &r, err);

	if (!q)
		return r;
	sqlite_bind_slice(q, 3, slice_z(init->gen));
	sqlite_bind_slice(q, 4, group ? slice_z(group) : slice(NULL, 0));
	sqlite3_bind_int(q, 5, init->by_now);
	return sqlite_run(s, q, err);
}

static enum sink_result sqlite_init_inside(struct sqlite *s, const char *job, const char *group,
					   const struct ctl_init *init, struct err *err)
{
	struct keeper_doc doc = { .gen = "" };
	bool fresh = init->act != CTL_NEW;
	enum sink_result r = sqlite_load(s, job, &doc, err);

	if (r == SINK_OK && !doc.gen[0] && fresh)
		r = insert_job(s, job, group, init, err);
	else if (r == SINK_OK && strcmp(doc.gen, init->gen) == 0)
		r = fresh ? SINK_APPLIED : SINK_OK;
	else if (r == SINK_OK)
		r = sink_error_generation(job, doc.gen, init->gen, err);
	if (r == SINK_OK)
		r = sqlite_insert_positions(s, job, &init->start, &doc.pos, err);
	keeper_doc_fini(&doc);
	return r;
}

enum sink_result sqlite_init(void *d, const char *job, const char *group,
			     const struct ctl_init *init, struct err *err)
{
	enum sink_result r = sqlite_do(d, Q_BEGIN, err);

	return r == SINK_OK ? sqlite_end(d, sqlite_init_inside(d, job, group, init, err), err) : r;
}

enum sink_result sqlite_lateness(void *k, const char *job, int64_t us, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(k, Q_LATENESS, job, &r, err);

	if (!q)
		return r;
	sqlite3_bind_int64(q, 3, us);
	return sqlite_run(k, q, err);
}

/* ---- metrics */

enum sink_result sqlite_metrics(void *d, const struct sink_metric *m, size_t n, struct arena *arena,
				struct stored_metric *stored, struct err *err)
{
	struct sqlite *s = d;
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < n && r == SINK_OK; i++) {
		sqlite3_stmt *q = sqlite_prepare(s, Q_METRIC, &r, err);
		int code;

		if (!q)
			return r;
		sqlite_bind_slice(q, 1, slice_z(s->table));
		sqlite_bind_slice(q, 2, m[i].name);
		code = sqlite3_step(q);
		stored[i] = (struct stored_metric){ .found = code == SQLITE_ROW };
		if (code == SQLITE_ROW) {
			stored[i].job = arena_copy(arena, sqlite_column(q, 0));
			stored[i].cfg = arena_copy(arena, sqlite_column(q, 1));
			stored[i].def = arena_copy(arena, sqlite_column(q, 2));
			stored[i].sink = arena_copy(arena, sqlite_column(q, 3));
		} else if (code != SQLITE_DONE) {
			r = sqlite_failed(s, err);
		}
		sqlite3_reset(q);
	}
	return r;
}

/* SINK_APPLIED: the name is taken. */
static enum sink_result insert_metric(struct sqlite *s, const char *job,
				      const struct sink_metric *m, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare(s, Q_METRIC_INSERT, &r, err);

	if (!q)
		return r;
	sqlite_bind_slice(q, 1, slice_z(s->table));
	sqlite_bind_slice(q, 2, m->name);
	sqlite_bind_slice(q, 3, job ? slice_z(s->conf->name) : slice(NULL, 0));
	sqlite_bind_slice(q, 4, job ? slice_z(job) : slice(NULL, 0));
	sqlite_bind_slice(q, 5, m->cfg);
	sqlite_bind_slice(q, 6, m->def);
	if (m->since_us != POS_NONE)
		sqlite_bind_time(q, 7, m->since_us);
	r = sqlite_run(s, q, err);
	return r == SINK_OK && sqlite3_changes(s->db) == 0 ? SINK_APPLIED : r;
}

static bool has_measures(const struct sink_metric *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].columns)
			return true;
	return false;
}

enum sink_result sqlite_metrics_add(void *d, const char *job, const struct sink_metric *m, size_t n,
				    bool check_only, struct err *err)
{
	struct sqlite *s = d;
	bool widen = sqlite_has_rows(s) && !s->has_columns && has_measures(m, n);
	enum sink_result r = sqlite_do(s, Q_BEGIN, err);

	if (r != SINK_OK)
		return r;
	for (size_t i = 0; i < n && r == SINK_OK; i++)
		if (m[i].fresh)
			r = insert_metric(s, job, &m[i], err);
	if (r == SINK_OK && widen)
		r = sqlite_add_columns(s, err);
	for (size_t i = 0; i < n && r == SINK_OK && !check_only; i++)
		if (sqlite_has_rows(s) && (m[i].fresh || (job && s->conf->create)))
			r = sqlite_views_of(s, &m[i], err);
	if (r == SINK_OK && check_only)
		return sqlite_do(s, Q_ROLLBACK, err);
	r = sqlite_end(s, r, err);
	if (r == SINK_OK && widen)
		sqlite_know_columns(s);
	return r;
}

/* ---- reset */

static enum sink_result delete_of(struct sqlite *s, const char *text, const char *job,
				  uint64_t *rows, struct err *err)
{
	char *q_text = sqlite3_mprintf(text, s->table);
	sqlite3_stmt *q = NULL;
	enum sink_result r = SINK_OK;

	if (sqlite3_prepare_v2(s->db, q_text, -1, &q, NULL) != SQLITE_OK) {
		r = sqlite_failed(s, err);
	} else {
		sqlite_bind_slice(q, 1, slice_z(job));
		sqlite_bind_slice(q, 2, slice_z(s->conf->name));
		sqlite_bind_slice(q, 3, slice_z(s->table));
		r = sqlite_run(s, q, err);
		if (rows)
			*rows += (uint64_t)sqlite3_changes64(s->db);
	}
	sqlite3_finalize(q);
	sqlite3_free(q_text);
	return r;
}

enum sink_result sqlite_drop(void *k, const char *job, uint64_t *rows, struct err *err)
{
	static const char *const others[] = {
		"DELETE FROM hta_metric WHERE job = ?1 AND sink = ?2 AND rollups = ?3",
		"DELETE FROM hta_pos WHERE job = ?1 AND sink = ?2",
		"DELETE FROM hta_job WHERE job = ?1 AND sink = ?2",
		"DELETE FROM hta_dead WHERE job = ?1 AND sink = ?2",
		"DELETE FROM hta_rules WHERE job = ?1 AND sink = ?2",
		"DELETE FROM hta_span WHERE job = ?1 AND sink = ?2",
	};
	enum { WITHOUT_RULES = 4 };
	struct sqlite *s = k;
	enum sink_result r = sqlite_do(s, Q_BEGIN, err);

	if (r != SINK_OK)
		return r;
	if (sqlite_has_rows(s))
		r = delete_of(s,
			      "DELETE FROM \"%w\" WHERE metric IN (SELECT metric FROM hta_metric "
			      "WHERE job "
			      "= ?1 AND sink = ?2 AND rollups = ?3)",
			      job, rows, err);
	for (size_t i = 0;
	     i < (sqlite_has_rules(s) ? sizeof(others) / sizeof(*others) : WITHOUT_RULES) &&
	     r == SINK_OK;
	     i++)
		r = delete_of(s, others[i], job, NULL, err);
	if (r == SINK_OK && s->conf->positions_only)
		r = delete_of(s, "DELETE FROM hta_claim WHERE job = ?1 AND sink = ?2", job, NULL,
			      err);
	else if (r == SINK_OK)
		r = sqlite_views_prune(s, err);
	return sqlite_end(s, r, err);
}
