/* Claims. A table takes one block ever under a token, the claim's id:
 *
 *   write    token ID   { marker ID, deltas }        whichever comes first is there, the other
 *   settle   token ID   { marker burn-ID }           one is dropped, however late it comes
 *
 * After the burn the marker is looked for. If neither is there the token was taken by a block that
 * cannot be seen: by one that is just being finished, so that settle waits for the request of this
 * id to be over; or by one that a crash took after its token was noted, as older servers do, and
 * that never comes. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/clickhouse/clickhouse_internal.h"

enum { FINISHING_US = 100000, FINISHING_TRIES = 100 };

static enum sink_result count_where(struct clickhouse *c, const char *from, const char *column,
				    const char *value, uint64_t *n, struct err *err)
{
	char *literal = clickhouse_literal_of(value);
	struct rowbinary answer;
	enum sink_result r = clickhouse_query(c, &answer, err,
					      "SELECT toUInt64(count()) FROM %s WHERE %s = %s",
					      from, column, literal);

	free(literal);
	*n = r == SINK_OK ? rowbinary_get_u64(&answer) : 0;
	return r;
}

enum sink_result clickhouse_count_claim(struct clickhouse *c, const char *claim, uint64_t *n,
					struct err *err)
{
	return count_where(c, c->table, "claim", claim, n, err);
}

static enum sink_result burn_token(struct clickhouse *c, const char *id, const char *burn,
				   struct err *err)
{
	const struct clickhouse_marker marker = {
		.claim = burn, .job = "", .sink = "", .now_us = tm_now_us()
	};

	c->body.n = 0;
	clickhouse_put_marker(&marker, &c->body);
	return clickhouse_insert(c, c->table, clickhouse_delta_columns, buf_slice(&c->body), id,
				 err);
}

static enum sink_result wait_a_little(struct clickhouse *c, struct err *err)
{
	struct loop *loop = c->conf->loop ? c->conf->loop : c->own_loop;

	return loop_sleep(loop, tm_mono_us() + FINISHING_US, err) ? SINK_FATAL : SINK_OK;
}

/* *decided: one of the two is there, or neither ever will be. */
static enum sink_result look_for(struct clickhouse *c, const char *id, const char *burn,
				 bool *stored, bool *decided, struct err *err)
{
	uint64_t running = 0, marker = 0, burnt = 0;
	enum sink_result r = count_where(c, "system.processes", "query_id", id, &running, err);

	if (r == SINK_OK)
		r = clickhouse_count_claim(c, burn, &burnt, err);
	if (r == SINK_OK)
		r = clickhouse_count_claim(c, id, &marker, err);
	*stored = marker;
	*decided = marker || burnt || !running;
	return r;
}

enum sink_result clickhouse_settle(void *d, const char *id, struct slice what, bool *stored,
				   struct err *err)
{
	struct clickhouse *c = d;
	char *burn = mem_printf("burn-%s", id);
	bool decided = false;
	enum sink_result r = SINK_OK;

	(void)what;
	if (c->conf->events.on)
		BUG("events are not claimed");
	r = burn_token(c, id, burn, err);
	for (int i = 0; i < FINISHING_TRIES && r == SINK_OK && !decided; i++) {
		if (i)
			r = wait_a_little(c, err);
		if (r == SINK_OK)
			r = look_for(c, id, burn, stored, &decided, err);
	}
	if (r == SINK_OK && !decided) {
		err_set(err, EX_TEMPFAIL, "%s: insert %s is still under way", c->url.host, id);
		r = SINK_RETRY;
	}
	free(burn);
	return r;
}

enum sink_result clickhouse_holds(void *d, const char *id, struct slice what, bool *holds,
				  struct err *err)
{
	uint64_t n = 0;
	enum sink_result r = clickhouse_count_claim(d, id, &n, err);

	(void)what;
	*holds = n;
	return r;
}

/* ---- --reset */

static enum sink_result delete_of_job(struct clickhouse *c, const char *table, const char *job,
				      const char *more, struct err *err)
{
	return clickhouse_query(
		c, NULL, err, "ALTER TABLE %s DELETE WHERE job = %s%s SETTINGS mutations_sync = 2",
		table, job, more);
}

/* Rows as readers see them: those of a key that no merge has joined yet are one. */
static enum sink_result count_of_job(struct clickhouse *c, const char *job, uint64_t *rows,
				     struct err *err)
{
	struct rowbinary answer;
	enum sink_result r = clickhouse_query(c, &answer, err,
					      "SELECT assumeNotNull((SELECT count() FROM (SELECT 1 "
					      "FROM %s WHERE claim = '' AND job = "
					      "%s GROUP BY metric, window_start, window_end, "
					      "dims_hash))) + assumeNotNull((SELECT count() FROM "
					      "%s FINAL WHERE job = %s))",
					      c->table, job, c->final, job);

	*rows += r == SINK_OK ? rowbinary_get_u64(&answer) : 0;
	return r;
}

enum sink_result clickhouse_reset(void *d, const char *job, uint64_t *rows, struct err *err)
{
	struct clickhouse *c = d;
	char *of_job = clickhouse_literal_of(job), *name = clickhouse_literal_of(c->conf->name),
	     *and_sink = mem_printf(" AND sink = %s", name);
	enum sink_result r = delete_of_job(c, "hta_dead", of_job, and_sink, err);

	if (r == SINK_OK && !c->conf->events.on)
		r = count_of_job(c, of_job, rows, err);
	if (r == SINK_OK && !c->conf->events.on)
		r = delete_of_job(c, c->table, of_job, "", err);
	if (r == SINK_OK && !c->conf->events.on)
		r = delete_of_job(c, c->final, of_job, "", err);
	free(of_job);
	free(name);
	free(and_sink);
	return r;
}
