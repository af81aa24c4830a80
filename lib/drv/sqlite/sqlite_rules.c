/* What SQLite keeps of a job's rules: the document and the hash of the active set in hta_rules, and
 * the spans once more as rows of hta_span, for the view hta_final; times in microseconds. */
#include <stdio.h>

#include "base/mem.h"
#include "drv/sqlite/sqlite_internal.h"

enum sink_result sqlite_load_rules(struct sqlite *s, const char *job, struct keeper_doc *doc,
				   struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q;
	int code;

	if (!sqlite_has_rules(s))
		return SINK_OK;
	q = sqlite_prepare_of(s, Q_RULES, job, &r, err);
	if (!q)
		return r;
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		struct slice set = sqlite_column(q, 0), text = sqlite_column(q, 1);

		snprintf(doc->set, sizeof(doc->set), "%.*s", (int)set.n, set.p ? set.p : "");
		doc->rules = mem_dup(text.p ? text.p : "", text.n);
	}
	sqlite3_reset(q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SINK_OK : sqlite_failed(s, err);
}

static enum sink_result store_doc(struct sqlite *s, const char *job, const struct keeper_change *c,
				  struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_RULES_SET, job, &r, err);

	if (!q)
		return r;
	sqlite_bind_slice(q, 3, slice_z(c->set));
	sqlite_bind_slice(q, 4, slice_z(c->rules));
	r = sqlite_run(s, q, err);
	q = r == SINK_OK ? sqlite_prepare_of(s, Q_SPANS_DROP, job, &r, err) : NULL;
	return q ? sqlite_run(s, q, err) : r;
}

static enum sink_result store_spans(struct sqlite *s, const char *job,
				    const struct keeper_change *c, struct err *err)
{
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < c->spans && r == SINK_OK; i++) {
		const struct keeper_span *x = &c->span[i];
		sqlite3_stmt *q = sqlite_prepare_of(s, Q_SPAN, job, &r, err);

		if (!q)
			return r;
		sqlite_bind_slice(q, 3, x->metric);
		if (x->since_us != POS_NONE)
			sqlite3_bind_int64(q, 4, x->since_us);
		if (x->until_us != POS_NONE)
			sqlite3_bind_int64(q, 5, x->until_us);
		r = sqlite_run(s, q, err);
	}
	return r;
}

static enum sink_result change_inside(struct sqlite *s, const char *job,
				      const struct keeper_change *c, struct err *err)
{
	struct keeper_doc now = { .gen = "" };
	enum sink_result r = sqlite_load(s, job, &now, err);

	if (r == SINK_OK && !change_check(c, &now))
		r = SINK_CONFLICT;
	keeper_doc_fini(&now);
	if (r == SINK_OK && !c->rules)
		return sqlite_change_claims(s, job, c, err);
	if (r == SINK_OK)
		r = store_doc(s, job, c, err);
	return r == SINK_OK ? store_spans(s, job, c, err) : r;
}

enum sink_result sqlite_change(void *k, const char *job, const struct keeper_change *c,
			       struct err *err)
{
	enum sink_result r;

	if (c->rules && !sqlite_has_rules(k)) {
		err_set(err, EX_CONFIG,
			"%s has no tables yet for rules that change (--rules): start it once "
			"with hta-sink-sqlite --init",
			((struct sqlite *)k)->conf->where);
		return SINK_FATAL;
	}
	r = sqlite_do(k, Q_BEGIN, err);
	return r == SINK_OK ? sqlite_end(k, change_inside(k, job, c, err), err) : r;
}
