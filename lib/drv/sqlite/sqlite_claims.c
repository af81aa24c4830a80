/* The claims of a sink whose rows are elsewhere (sink/sink_claims.h): a row of hta_claim each. They
 * change inside the transaction that has compared what was found, sqlite_change. */
#include "drv/sqlite/sqlite_internal.h"

enum sink_result sqlite_load_claims(struct sqlite *s, const char *job, struct keeper_doc *doc,
				    struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_CLAIMS, job, &r, err);
	int code;

	if (!q)
		return r;
	while ((code = sqlite3_step(q)) == SQLITE_ROW)
		keeper_doc_claim(doc, sqlite_column(q, 0), sqlite_column(q, 1));
	sqlite3_reset(q);
	return code == SQLITE_DONE ? SINK_OK : sqlite_failed(s, err);
}

enum sink_result sqlite_change_claims(struct sqlite *s, const char *job,
				      const struct keeper_change *c, struct err *err)
{
	enum sink_result r = SINK_OK;
	sqlite3_stmt *q;

	for (size_t i = 0; i < c->drops && r == SINK_OK; i++) {
		q = sqlite_prepare_of(s, Q_CLAIM_DROP, job, &r, err);
		if (!q)
			return r;
		sqlite_bind_slice(q, 3, slice_z(c->drop[i]));
		r = sqlite_run(s, q, err);
	}
	if (r != SINK_OK || !c->claim)
		return r;
	q = sqlite_prepare_of(s, Q_CLAIM, job, &r, err);
	if (!q)
		return r;
	sqlite_bind_slice(q, 3, slice_z(c->claim));
	sqlite_bind_slice(q, 4, slice_z(c->claim_doc));
	return sqlite_run(s, q, err);
}
