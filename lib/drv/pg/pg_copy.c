/* Events by COPY, inside of a transaction and outside of a pipeline, which takes none:
 *
 *   SAVEPOINT | COPY .. FROM STDIN, rows ..        all are new: a quarter less of the server's time
 *             | ROLLBACK TO, the caller INSERTs    whatever the server has against it
 *
 * An INSERT with ON CONFLICT looks for each key first, puts the row in on trial, and confirms it.
 * COPY puts a page of rows in at once, and fails at the first key that is there. Events are new all
 * but always: the positions are of the same transaction, so that an epoch which comes again is not
 * stored again. Where they are not (another job's, or keys that come twice), a table refuses COPY
 * (row security), or a value is wrong, INSERT does it and has the last word: what is stored, and
 * what an error says, is the same with and without COPY.
 *
 * A refusal costs what was sent until then, so that COPY rests for some batches afterwards, each
 * time for twice as many. A small batch is not worth its three round trips. */
#include <poll.h>
#include <string.h>

#include "drv/pg/pg_internal.h"

enum { COPY_LEAST_ROWS = 500, COPY_REST_MAX = 1024, COPY_SEND_BYTES = 64 << 10 };

bool pg_copy_suits(struct pg_work *w)
{
	struct pg *p = w->p;

	if (w->b->replace || w->b->records < COPY_LEAST_ROWS)
		return false;
	if (p->copy_rests == 0)
		return true;
	p->copy_rests--;
	return false;
}

static void copy_refused(struct pg *p)
{
	p->copy_rest = p->copy_rest ? 2 * p->copy_rest : 1;
	if (p->copy_rest > COPY_REST_MAX)
		p->copy_rest = COPY_REST_MAX;
	p->copy_rests = p->copy_rest;
}

/* ---- rows */

/* Of equal keys, which stand together, the first is the one that stays. */
static bool is_repeated(const struct sink_batch *b, size_t i, bool keyed)
{
	const struct sink_record *r = &b->record[i];

	return keyed && i && memcmp(r->event->key, r[-1].event->key, EVENT_KEY_BYTES) == 0;
}

/* Hands over what was made, and waits until the server has taken it: what is in memory is one
 * buffer, not the batch. */
static bool copy_send(struct pg_work *w)
{
	struct pg *p = w->p;
	struct buf *b = &w->a.value[0];
	int unsent = PQputCopyData(p->c, b->p, (int)b->n) == 1 ? PQflush(p->c) : -1;

	b->n = 0;
	for (; unsent > 0; unsent = PQflush(p->c)) {
		w->r = pg_wait_for(p, POLLIN | POLLOUT, w->err);
		if (w->r != SINK_OK)
			return false;
		if (!PQconsumeInput(p->c))
			break;
	}
	if (unsent)
		w->r = pg_failed(p, NULL, w->err);
	return unsent == 0;
}

static bool copy_rows(struct pg_work *w)
{
	static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", end[] = "\377\377";
	struct buf *b = &w->a.value[0];

	pg_params_reset(&w->a);
	buf_add(b, head, sizeof(head) - 1);
	for (size_t i = 0; i < w->b->records; i++) {
		if (is_repeated(w->b, i, w->p->keyed))
			continue;
		pg_events_fields(&w->a, &w->b->record[i], w->p->keyed);
		if (b->n >= COPY_SEND_BYTES && !copy_send(w))
			return false;
	}
	buf_add(b, end, sizeof(end) - 1);
	if (!copy_send(w))
		return false;
	if (PQputCopyEnd(w->p->c, NULL) == 1)
		return true;
	w->r = pg_failed(w->p, NULL, w->err);
	return false;
}

/* ---- the statement */

/* Reads answers until there are no more, or one that wants rows. True: the last one is `want`. */
static bool copy_answer(struct pg_work *w, ExecStatusType want)
{
	PGresult *res;
	bool as_wanted = false;

	for (;;) {
		w->r = pg_next(w->p, &res, w->err);
		if (w->r != SINK_OK || !res)
			return w->r == SINK_OK && as_wanted;
		as_wanted = PQresultStatus(res) == want;
		PQclear(res);
		if (as_wanted && want == PGRES_COPY_IN)
			return true;
	}
}

bool pg_copy_events(struct pg_work *w)
{
	struct pg *p = w->p;

	pg_params_reset(&w->a);
	pg_work_send(w,
		     pg_sql(w, "COPY @ (@) FROM STDIN (FORMAT binary)",
			    (const char *const[]){ p->table, pg_events_columns(p->keyed) }),
		     false);
	if (w->r == SINK_OK && copy_answer(w, PGRES_COPY_IN) && copy_rows(w) &&
	    copy_answer(w, PGRES_COMMAND_OK)) {
		p->copy_rest = 0;
		return true;
	}
	if (w->r != SINK_OK)
		return false;
	if (PQstatus(p->c) == CONNECTION_BAD) {
		w->r = pg_failed(p, NULL, w->err);
		return false;
	}
	copy_refused(p);
	w->r = pg_script(p, "ROLLBACK TO SAVEPOINT hta", w->err);
	return false;
}
