/* Queries that wait in the loop, and what Postgres' errors mean for a sink. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "drv/pg/pg_internal.h"
#include "drv/pg/pg_state.h"

struct slice pg_first_line(const char *text)
{
	struct slice s = slice_z(text ? text : "");
	const char *nl = memchr(s.p, '\n', s.n);

	if (nl)
		s.n = (size_t)(nl - s.p);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

enum sink_result pg_failed(struct pg *p, const PGresult *res, struct err *err)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *say = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	struct slice text = pg_first_line(say    ? say
					  : p->c ? PQerrorMessage(p->c)
						 : "no connection");
	int code;
	enum sink_result r;

	if (!p->state[0] && state)
		snprintf(p->state, sizeof(p->state), "%s", state);
	r = pg_state_means(state ? state : "", false, &code);
	err_set(err, code, "%.*s", (int)text.n, text.p);
	return r;
}

bool pg_state_is(const PGresult *res, const char *sqlstate)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state && strcmp(state, sqlstate) == 0;
}

enum sink_result pg_wait_for(struct pg *p, short events, struct err *err)
{
	return loop_wait(p->conf->loop, PQsocket(p->c), events, INT64_MAX, err) < 0 ? SINK_FATAL
										    : SINK_OK;
}

/* Sends while it receives: a large pipeline would deadlock if one side only wrote. */
enum sink_result pg_next(struct pg *p, PGresult **res, struct err *err)
{
	*res = NULL;
	for (;;) {
		int unsent = PQflush(p->c);

		if (unsent < 0)
			return pg_failed(p, NULL, err);
		if (!PQisBusy(p->c)) {
			*res = PQgetResult(p->c);
			return SINK_OK;
		}
		if (pg_wait_for(p, unsent ? POLLIN | POLLOUT : POLLIN, err) != SINK_OK)
			return SINK_FATAL;
		if (!PQconsumeInput(p->c))
			return pg_failed(p, NULL, err);
	}
}

static bool is_good(const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY ||
	       s == PGRES_PIPELINE_SYNC;
}

/* Reads one query's results to their end; the last good one is kept in *keep. */
static enum sink_result pg_finish(struct pg *p, PGresult **keep, struct err *err)
{
	enum sink_result first = SINK_OK, r;
	PGresult *res;

	if (keep)
		*keep = NULL;
	for (;;) {
		struct err later;

		r = pg_next(p, &res, first == SINK_OK ? err : &later);
		if (r != SINK_OK || !res)
			return r == SINK_FATAL || first == SINK_OK ? r : first;
		if (!is_good(res) && first == SINK_OK)
			first = pg_failed(p, res, err);
		if (!keep || first != SINK_OK) {
			PQclear(res);
			continue;
		}
		PQclear(*keep);
		*keep = res;
	}
}

enum sink_result pg_send_query(struct pg *p, const char *sql, struct pg_params *a, struct err *err)
{
	return pg_send(p, sql, a, false) ? pg_finish(p, NULL, err) : pg_failed(p, NULL, err);
}

enum sink_result pg_query(struct pg *p, PGresult **res, struct err *err, const char *sql, int n,
			  const char *const *values)
{
	enum sink_result r;

	if (res)
		*res = NULL;
	if (!PQsendQueryParams(p->c, sql, n, NULL, values, NULL, NULL, 0))
		return pg_failed(p, NULL, err);
	r = pg_finish(p, res, err);
	if (r != SINK_OK && res) {
		PQclear(*res);
		*res = NULL;
	}
	return r;
}

enum sink_result pg_script(struct pg *p, const char *sql, struct err *err)
{
	if (!PQsendQuery(p->c, sql))
		return pg_failed(p, NULL, err);
	return pg_finish(p, NULL, err);
}

enum sink_result pg_begin(struct pg *p, const char *begin, struct err *err)
{
	enum sink_result r;

	p->state[0] = 0;
	r = pg_script(p, begin, err);
	if (r == SINK_OK)
		p->begin_refused = 0;
	if (r != SINK_RETRY || strcmp(p->state, "08P01") != 0 ||
	    ++p->begin_refused < PG_BEGIN_TRIES)
		return r;
	err->code = EX_CONFIG;
	err_in(err,
	       "no transactions here, a pooler of statements is in between: have it pool sessions "
	       "or transactions");
	return SINK_FATAL;
}

enum sink_result pg_rollback(struct pg *p, enum sink_result r)
{
	struct err ignored;

	if (PQtransactionStatus(p->c) == PQTRANS_INTRANS ||
	    PQtransactionStatus(p->c) == PQTRANS_INERROR)
		if (pg_script(p, "ROLLBACK", &ignored) != SINK_OK)
			return r == SINK_FATAL ? r : SINK_RETRY;
	return r;
}
