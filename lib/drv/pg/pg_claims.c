/* The claims of a sink whose rows are elsewhere (sink/sink_claims.h): a row of hta_claim each. They
 * change inside the transaction of pg_change, which has locked the job's row and compared what was
 * found behind that lock. */
#include "drv/pg/pg_internal.h"

enum sink_result pg_load_claims(struct pg *p, const char *job, struct keeper_doc *doc,
				struct err *err)
{
	const char *value[] = { job, p->conf->name };
	PGresult *res;
	enum sink_result r = pg_query(
		p, &res, err, "SELECT claim, doc FROM hta_claim WHERE job = $1 AND sink = $2", 2,
		value);

	if (r != SINK_OK)
		return r;
	for (int i = 0; i < PQntuples(res); i++)
		keeper_doc_claim(doc, slice_z(PQgetvalue(res, i, 0)),
				 slice_z(PQgetvalue(res, i, 1)));
	PQclear(res);
	return SINK_OK;
}

enum sink_result pg_change_claims(struct pg *p, const char *job, const struct keeper_change *c,
				  struct err *err)
{
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < c->drops && r == SINK_OK; i++)
		r = pg_query(p, NULL, err,
			     "DELETE FROM hta_claim WHERE job = $1 AND sink = $2 AND claim = $3", 3,
			     (const char *const[]){ job, p->conf->name, c->drop[i] });
	if (r != SINK_OK || !c->claim)
		return r;
	return pg_query(p, NULL, err,
			"INSERT INTO hta_claim (job, sink, claim, doc) VALUES ($1, $2, $3, $4)", 4,
			(const char *const[]){ job, p->conf->name, c->claim, c->claim_doc });
}
