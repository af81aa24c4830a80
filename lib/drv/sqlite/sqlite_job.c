/* What SQLite keeps of a job: generation, positions, metrics. */
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

enum sink_result sqlite_positions(struct sqlite *s, const char *job, char gen[CTL_INC_CHARS + 1],
				  bool *by_now, char **group, struct positions *pos,
				  struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_JOB, job, &r, err);
	int code;

	gen[0] = 0;
	if (!q)
		return r;
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		struct slice g = sqlite_column(q, 0), id = sqlite_column(q, 2);

		snprintf(gen, CTL_INC_CHARS + 1, "%.*s", (int)g.n, g.p ? g.p : "");
		*by_now = sqlite3_column_int(q, 1);
		if (group)
			*group = mem_dup(id.p ? id.p : "", id.n);
	}
	sqlite3_reset(q);
	if (code == SQLITE_DONE)
		return SINK_OK;
	if (code != SQLITE_ROW)
		return sqlite_failed(s, err);
	q = sqlite_prepare_of(s, Q_POSITIONS, job, &r, err);
	if (!q)
		return r;
	while ((code = sqlite3_step(q)) == SQLITE_ROW)
		sqlite_take_position(q, pos);
	sqlite3_reset(q);
	return code == SQLITE_DONE ? SINK_OK : sqlite_failed(s, err);
}

enum sink_result sqlite_state(void *d, const char *job, const char *group,
			      struct ctl_sink_state *out, struct err *err)
{
	char *stored = NULL;
	enum sink_result r = sqlite_positions(d, job, out->gen, &out->by_now, &stored, &out->pos,
					      err);

	if (r == SINK_OK && out->gen[0] && strcmp(stored, group ? group : "") != 0) {
		sink_error_group(job, stored, group, err);
		r = SINK_FATAL;
	}
	free(stored);
	return r;
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
	char gen[CTL_INC_CHARS + 1];
	struct positions known = { 0 };
	bool by_now, fresh = init->act != CTL_NEW;
	enum sink_result r = sqlite_positions(s, job, gen, &by_now, NULL, &known, err);

	if (r == SINK_OK && !gen[0] && fresh)
		r = insert_job(s, job, group, init, err);
	else if (r == SINK_OK && strcmp(gen, init->gen) == 0)
		r = fresh ? SINK_APPLIED : SINK_OK;
	else if (r == SINK_OK) {
		err_set(err, EX_TEMPFAIL,
			"job %s has %s%s here, not %s: another pipeline has started it; start "
			"again",
			job, gen[0] ? "generation " : "no generation", gen, init->gen);
		r = SINK_CONFLICT;
	}
	if (r == SINK_OK)
		r = sqlite_insert_positions(s, job, &init->start, &known, err);
	positions_fini(&known);
	return r;
}

enum sink_result sqlite_init(void *d, const char *job, const char *group,
			     const struct ctl_init *init, struct err *err)
{
	enum sink_result r = sqlite_do(d, Q_BEGIN, err);

	return r == SINK_OK ? sqlite_end(d, sqlite_init_inside(d, job, group, init, err), err) : r;
}

/* ---- metrics */

static enum sink_result highest_watermark(struct sqlite *s, const char *job, int64_t *us,
					  struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_WATERMARK, job, &r, err);

	*us = POS_NONE;
	if (!q)
		return r;
	if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
		*us = sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	return SINK_OK;
}

static enum sink_result insert_metric(struct sqlite *s, const char *job,
				      const struct sink_metric *m, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare(s, Q_METRIC_INSERT, &r, err);
	int64_t watermark = POS_NONE;

	if (!q)
		return r;
	sqlite_bind_slice(q, 1, slice_z(s->table));
	sqlite_bind_slice(q, 2, m->name);
	sqlite_bind_slice(q, 3, job ? slice_z(s->conf->name) : slice(NULL, 0));
	sqlite_bind_slice(q, 4, job ? slice_z(job) : slice(NULL, 0));
	sqlite_bind_slice(q, 5, m->cfg);
	sqlite_bind_slice(q, 6, m->def);
	if (job && (r = highest_watermark(s, job, &watermark, err)) != SINK_OK)
		return r;
	if (watermark != POS_NONE)
		sqlite_bind_time(q, 7, since_after(watermark, m->every_us));
	return sqlite_run(s, q, err);
}

static enum sink_result check_metric(struct sqlite *s, const char *job, const struct sink_metric *m,
				     struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare(s, Q_METRIC, &r, err);
	int code;

	if (!q)
		return r;
	sqlite_bind_slice(q, 1, slice_z(s->table));
	sqlite_bind_slice(q, 2, m->name);
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		struct stored_metric stored = { .job = sqlite_column(q, 0),
						.cfg = sqlite_column(q, 1),
						.def = sqlite_column(q, 2),
						.sink = sqlite_column(q, 3) };

		r = sink_error_metric(s->conf, s->table, job, m, &stored, err) ? SINK_FATAL
									       : SINK_OK;
	}
	sqlite3_reset(q);
	if (code == SQLITE_ROW)
		return r;
	return code == SQLITE_DONE ? insert_metric(s, job, m, err) : sqlite_failed(s, err);
}

static enum sink_result sqlite_set_lateness(struct sqlite *s, const char *job, int64_t us,
					    struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_LATENESS, job, &r, err);

	if (!q)
		return r;
	sqlite3_bind_int64(q, 3, us);
	return sqlite_run(s, q, err);
}

static bool has_measures(const struct sink_metric *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].columns)
			return true;
	return false;
}

enum sink_result sqlite_metrics(void *d, const char *job, const struct sink_metric *m, size_t n,
				int64_t lateness_us, bool look_only, struct err *err)
{
	struct sqlite *s = d;
	enum sink_result r = sqlite_do(s, Q_BEGIN, err);

	if (r != SINK_OK)
		return r;
	for (size_t i = 0; i < n && r == SINK_OK; i++)
		r = check_metric(s, job, &m[i], err);
	if (r == SINK_OK && !s->has_columns && has_measures(m, n))
		r = sqlite_add_columns(s, err);
	if (r == SINK_OK && look_only)
		return sqlite_do(s, Q_ROLLBACK, err);
	if (r == SINK_OK && job)
		r = sqlite_set_lateness(s, job, lateness_us, err);
	r = sqlite_end(s, r, err);
	if (r == SINK_OK && !s->has_columns && has_measures(m, n))
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
			*rows = (uint64_t)sqlite3_changes64(s->db);
	}
	sqlite3_finalize(q);
	sqlite3_free(q_text);
	return r;
}

enum sink_result sqlite_reset(void *d, const char *job, uint64_t *rows, struct err *err)
{
	static const char *const others[] = {
		"DELETE FROM hta_metric WHERE job = ?1 AND sink = ?2 AND rollups = ?3",
		"DELETE FROM hta_pos WHERE job = ?1 AND sink = ?2",
		"DELETE FROM hta_job WHERE job = ?1 AND sink = ?2",
		"DELETE FROM hta_dead WHERE job = ?1 AND sink = ?2",
	};
	struct sqlite *s = d;
	enum sink_result r = sqlite_do(s, Q_BEGIN, err);

	if (r != SINK_OK)
		return r;
	r = delete_of(s,
		      "DELETE FROM \"%w\" WHERE metric IN (SELECT metric FROM hta_metric WHERE job "
		      "= ?1 AND sink = ?2 AND rollups = ?3)",
		      job, rows, err);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others) && r == SINK_OK; i++)
		r = delete_of(s, others[i], job, NULL, err);
	return sqlite_end(s, r, err);
}
