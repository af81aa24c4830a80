/* Queries that wait in the loop, and what Postgres' errors mean for a sink. */
#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "drv/pg_internal.h"

static struct slice first_line(const char *text)
{
	struct slice s = slice_z(text ? text : "");
	const char *nl = memchr(s.p, '\n', s.n);

	if (nl)
		s.n = (size_t)(nl - s.p);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* The SQLSTATE in a verbose message: "FATAL:  28P01: password .." whatever the language; "" if none. */
static void state_of_text(struct slice text, char state[6], struct slice *rest)
{
	state[0] = 0;
	*rest = text;
	for (size_t i = 0; i + 10 < text.n; i++) {
		const char *p = text.p + i;

		if (p[0] != ':' || p[1] != ' ' || p[2] != ' ' || p[8] != ':' || strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5)
			continue;
		memcpy(state, p + 3, 5);
		state[5] = 0;
		*rest = slice(p + 10, text.n - i - 10);
		return;
	}
}

static bool class_is(const char *state, const char *classes)
{
	for (const char *c = classes; *c; c += 3)
		if (strncmp(state, c, 2) == 0)
			return true;
	return false;
}

static enum sink_result classify(const char *state, struct err *err)
{
	if (!*state || class_is(state, "08 40 53 57 58 XX "))
		return err->code = EX_TEMPFAIL, SINK_RETRY;
	err->code = class_is(state, "28 3D 3F 42 0A 25 F0 ") ? EX_CONFIG : EX_DATAERR;
	return SINK_FATAL;
}

enum sink_result pg_failed(struct pg *p, const PGresult *res, struct err *err)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *say = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	char found[6];
	struct slice text = first_line(say ? say : p->c ? PQerrorMessage(p->c) : "no connection");

	if (!state) {
		state_of_text(text, found, &text);
		state = found;
	}
	err_set(err, EX_TEMPFAIL, "%.*s", (int)text.n, text.p);
	if (PQstatus(p->c) == CONNECTION_BAD && !*state)
		return SINK_RETRY;
	return classify(state, err);
}

bool pg_state_is(const PGresult *res, const char *sqlstate)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state && strcmp(state, sqlstate) == 0;
}

static enum sink_result wait_for(struct pg *p, short events, struct err *err)
{
	return loop_wait(p->conf->loop, PQsocket(p->c), events, INT64_MAX, err) < 0 ? SINK_FATAL : SINK_OK;
}

enum sink_result pg_connected(struct pg *p, struct err *err)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;

	if (PQstatus(p->c) == CONNECTION_BAD) {
		/* Not even begun: the connection string itself is wrong, or no socket was there to try. */
		struct slice text = first_line(PQerrorMessage(p->c));
		bool malformed = PQsocket(p->c) < 0 && (strstr(PQerrorMessage(p->c), "invalid") || strstr(PQerrorMessage(p->c), "missing") ||
			strstr(PQerrorMessage(p->c), "definition of service"));

		err_set(err, malformed ? EX_CONFIG : EX_TEMPFAIL, "%.*s", (int)text.n, text.p);
		return malformed ? SINK_FATAL : SINK_RETRY;
	}
	while (want != PGRES_POLLING_OK) {
		if (want == PGRES_POLLING_FAILED)
			return pg_failed(p, NULL, err);
		if (wait_for(p, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, err) != SINK_OK)
			return SINK_FATAL;
		want = PQconnectPoll(p->c);
	}
	return SINK_OK;
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
		if (wait_for(p, unsent ? POLLIN | POLLOUT : POLLIN, err) != SINK_OK)
			return SINK_FATAL;
		if (!PQconsumeInput(p->c))
			return pg_failed(p, NULL, err);
	}
}

static bool is_good(const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY || s == PGRES_PIPELINE_SYNC;
}

/* Reads one query's results to their end; the last good one is kept in *keep. */
static enum sink_result finish(struct pg *p, PGresult **keep, struct err *err)
{
	enum sink_result first = SINK_OK, r;
	PGresult *res;

	if (keep)
		*keep = NULL;
	for (;;) {
		struct err later;

		r = pg_next(p, &res, first == SINK_OK ? err : &later);
		if (r != SINK_OK || !res)
			return r != SINK_OK ? r : first;
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

enum sink_result pg_query(struct pg *p, PGresult **res, struct err *err, const char *sql, int n, const char *const *values)
{
	enum sink_result r;

	if (!PQsendQueryParams(p->c, sql, n, NULL, values, NULL, NULL, 0))
		return pg_failed(p, NULL, err);
	r = finish(p, res, err);
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
	return finish(p, NULL, err);
}

enum sink_result pg_rollback(struct pg *p, enum sink_result r)
{
	struct err ignored;

	if (PQtransactionStatus(p->c) == PQTRANS_INTRANS || PQtransactionStatus(p->c) == PQTRANS_INERROR)
		if (pg_script(p, "ROLLBACK", &ignored) != SINK_OK)
			return r == SINK_FATAL ? r : SINK_RETRY;
	return r;
}
