/* What Postgres keeps of a job's rules: the document and the hash of the active set in hta_rules,
 * and the spans once more as rows of hta_span, for the view hta_final.
 *
 * A change locks the job's row; an epoch (hta_advance) locks it for share, and reads hta_rules
 * behind that lock: so it is before the change or sees it. */
#include "drv/pg/pg_internal.h"

/* Made when the first job with rules comes: a store without one stays as it is. */
static enum sink_result make_tables(struct pg *p, struct err *err)
{
	if (p->rules)
		return SINK_OK;
	if (p->conf->create)
		return pg_schema_make(p, err);
	err_set(err, EX_CONFIG,
		"%s has no tables yet for rules that change (--rules): start it once with "
		"hta-sink-pg --init",
		p->rollups);
	return SINK_FATAL;
}

static enum sink_result store_doc(struct pg *p, const char *job, const struct keeper_change *c,
				  struct err *err)
{
	const char *value[] = { job, p->conf->name, c->set, c->rules };
	enum sink_result r = pg_query(
		p, NULL, err,
		"INSERT INTO hta_rules (job, sink, rule_set, doc) VALUES ($1, $2, $3, $4) ON "
		"CONFLICT (job, sink) DO UPDATE SET rule_set = $3, doc = $4",
		4, value);

	return r == SINK_OK
		       ? pg_query(p, NULL, err, "DELETE FROM hta_span WHERE job = $1 AND sink = $2",
				  2, value)
		       : r;
}

static enum sink_result insert_spans(struct pg *p, const char *job, const struct keeper_change *c,
				     struct err *err)
{
	struct pg_params a = { 0 };
	enum sink_result r;
	int metric, since, until;

	pg_scalar(&a, job);
	pg_scalar(&a, p->conf->name);
	metric = pg_array(&a, PG_TEXT);
	since = pg_array(&a, PG_TIMESTAMPTZ);
	until = pg_array(&a, PG_TIMESTAMPTZ);
	for (size_t i = 0; i < c->spans; i++) {
		pg_put_text(&a, metric, c->span[i].metric);
		pg_put_time(&a, since, c->span[i].since_us);
		pg_put_time(&a, until, c->span[i].until_us);
	}
	r = pg_send_query(p,
			  "INSERT INTO hta_span (job, sink, metric, since, until) "
			  "SELECT $1, $2, m, s, u FROM unnest($3, $4, $5) x(m, s, u)",
			  &a, err);
	pg_params_fini(&a);
	return r;
}

static enum sink_result change_inside(struct pg *p, const char *job, const struct keeper_change *c,
				      struct err *err)
{
	const char *value[] = { job, p->conf->name };
	struct keeper_doc now = { .gen = "" };
	enum sink_result r = pg_query(p, NULL, err,
				      "SELECT 1 FROM hta_job WHERE job = $1 AND sink = $2 FOR "
				      "UPDATE",
				      2, value);

	if (r == SINK_OK)
		r = pg_load(p, job, &now, err);
	if (r == SINK_OK && !change_check(c, &now))
		r = SINK_CONFLICT;
	keeper_doc_fini(&now);
	if (r == SINK_OK && !c->rules)
		return pg_change_claims(p, job, c, err);
	if (r == SINK_OK)
		r = store_doc(p, job, c, err);
	return r == SINK_OK ? insert_spans(p, job, c, err) : r;
}

enum sink_result pg_change(void *k, const char *job, const struct keeper_change *c, struct err *err)
{
	enum sink_result r = c->rules ? make_tables(k, err) : SINK_OK;

	if (r == SINK_OK)
		r = pg_begin(k, PG_BEGIN, err);
	if (r == SINK_OK)
		r = change_inside(k, job, c, err);
	if (r == SINK_OK)
		r = pg_script(k, "COMMIT", err);
	return pg_rollback(k, r);
}
