#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/tm.h"
#include "gql/gql_hta.h"
#include "json/json.h"
#include "serve/event_log.h"
#include "serve/event_query.h"
#include "serve/graphql.h"
#include "serve/page.h"
#include "sink/metric_shape.h"

struct calling {
	struct gql_run *run;
	size_t i;
	const struct gql_call *call;
	struct serve_reader *reader;
};

static void fail_call(struct calling *c, const char *why)
{
	gql_run_fail(c->run, c->i, slice_z(why));
}

static void fail_store(struct calling *c, const struct err *err)
{
	struct serve_result *r = serve_result_new();

	serve_result_failed(r, err);
	gql_run_fail(c->run, c->i, buf_slice(&r->detail));
	serve_result_drop(r);
}

/* With a NUL behind it; NULL: it is null, or missing. */
static const char *call_text(const struct calling *c, const char *name, struct arena *arena)
{
	struct slice text = gql_call_text(c->call, name);
	char *copy;

	if (!text.p)
		return NULL;
	copy = arena_alloc(arena, text.n + 1);
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return copy;
}

/* ---- events */
static int give_event(void *arg, const struct event_told *e, struct err *err)
{
	struct calling *c = arg;
	const struct gql_event object = {
		.event_id = e->text[EVENT_ID].p ? e->text[EVENT_ID] : e->place,
		.event_type = e->text[EVENT_TYPE],
		.user_id = e->text[EVENT_USER],
		.topic = e->text[EVENT_TOPIC],
		.source = e->text[EVENT_SOURCE],
		.timestamp = e->timestamp,
		.payload = e->payload,
		.received_at = e->received_at,
	};

	(void)err;
	gql_run_row(c->run, c->i, &object);
	return 0;
}

/* `before`: a cursor of /events, or a time. */
static int set_before(struct calling *c, struct event_query *e)
{
	const char *before = call_text(c, "before", &e->arena);

	if (!before)
		return 0;
	if (event_query_cursor(e, before))
		return 0;
	e->after = NULL;
	if (serve_time_parse(before, tm_now_us(), &e->range.until_us)) {
		fail_call(c, "before is no cursor and no time");
		return -1;
	}
	return 0;
}

static void fail_events(struct calling *c, const struct err *err)
{
	if (err->code == EX_NO)
		fail_call(c, "before is a cursor of another source of events");
	else if (err->code == EX_USAGE || err->code == EX_CONFIG)
		fail_call(c, event_query_way);
	else
		fail_store(c, err);
}

/* The log goes on, and a list that ends here would say that it does not. */
static void fail_short(struct calling *c, const struct buf *next)
{
	struct buf why = { 0 };

	buf_printf(&why,
		   "%d MiB of the log have fewer such events than asked for: fewer, or those "
		   "before: \"%.*s\"",
		   EVENT_LOG_BYTES >> 20, (int)next->n, next->p);
	gql_run_fail(c->run, c->i, buf_slice(&why));
	buf_fini(&why);
}

static void call_events(struct calling *c)
{
	struct event_query *e = event_query_new();
	struct buf next = { 0 };
	struct err err = ERR_INIT;

	e->zulu = true;
	e->limit = c->call->limit;
	e->range.text[EVENT_TYPE] = call_text(c, "eventType", &e->arena);
	e->range.text[EVENT_USER] = call_text(c, "userId", &e->arena);
	e->range.text[EVENT_ID] = call_text(c, "eventId", &e->arena);
	if (set_before(c, e) == 0 && e->limit) {
		if (event_query_read(e, c->reader, give_event, c, &next, &err))
			fail_events(c, &err);
		else if (next.n && e->given < e->limit)
			fail_short(c, &next);
	}
	buf_fini(&next);
	serve_query_free(&e->q);
}

/* ---- metrics */
struct listing {
	struct calling *c;
	struct names given;
	size_t stores; /* that were read */
};

static int give_metric(void *arg, const struct read_metric *m, struct err *err)
{
	struct listing *l = arg;
	struct calling *c = l->c;
	struct metric_shape shape = { .name = m->name };
	struct arena arena = { 0 };
	char since[TM_TEXT_BYTES];
	struct gql_metric object = { .name = m->name, .job = m->job };
	struct json j = { 0 };

	(void)err;
	if (names_has(&l->given, m->name))
		return 0;
	names_add(&l->given, m->name);
	if (m->def.p && metric_shape_read(&shape, m->def, &arena, NULL) == 0) {
		object.dims = shape.dim;
		object.n_dims = shape.dims;
	}
	if (m->def.p && json_parse(&j, m->def, NULL) == 0)
		json_get_text(&j, 0, "every", &object.window);
	if (m->since_us != POS_NONE)
		object.since = slice(since, tm_text(m->since_us, since));
	gql_run_row(c->run, c->i, &object);
	json_fini(&j);
	arena_fini(&arena);
	return 0;
}

static int list_metrics(void *arg, const struct read_store *store, struct err *err)
{
	struct listing *l = arg;

	if (store->driver->metrics(store->d, give_metric, l, err))
		return -1;
	l->stores++;
	return 0;
}

/* Those of the stores that can be read. */
static void call_metrics(struct calling *c)
{
	struct listing l = { .c = c };
	struct err err = ERR_INIT;

	if (serve_reader_each(c->reader, false, list_metrics, &l, &err) && !l.stores)
		fail_store(c, &err);
	names_fini(&l.given);
}

/* ---- rollups */
/* The quotient of a decimal, rounded half to even. */
static dec average(dec sum, uint64_t n)
{
	dec whole = sum / (dec)n, left = sum % (dec)n, twice = 2 * (left < 0 ? -left : left);

	if (twice > (dec)n || (twice == (dec)n && whole % 2))
		whole += sum < 0 ? -1 : 1;
	return whole;
}

static struct slice decimal_text(bool there, dec v, char text[DEC_TEXT_BYTES])
{
	return there ? slice(text, dec_text(v, text)) : slice(NULL, 0);
}

static void give_rollup(struct serve_page *page, const struct rows_window *w,
			const struct rows_row *row)
{
	struct calling *c = page->own;
	const struct rollup *r = &row->r;
	char start[TM_TEXT_BYTES], end[TM_TEXT_BYTES], count[24], uniques[24];
	char number[4][DEC_TEXT_BYTES];
	bool some = r->has_value && r->value_count;
	struct buf dims = { 0 };
	struct gql_rollup object = {
		.metric = slice_z(page->rq->metric),
		.window_start = slice(start, tm_text(w->start_us, start)),
		.window_end = slice(end, tm_text(w->end_us, end)),
		.sum = decimal_text(some, r->sum, number[0]),
		.min = decimal_text(some, r->min, number[1]),
		.max = decimal_text(some, r->max, number[2]),
		.avg = decimal_text(some, some ? average(r->sum, r->value_count) : 0, number[3]),
		.final = finality_final(&page->range.finality, w->start_us, w->end_us),
	};

	dims_json(row->dim, row->dims, &dims);
	object.dims = buf_slice(&dims);
	snprintf(count, sizeof(count), "%" PRIu64, r->count);
	object.count = slice_z(count);
	snprintf(uniques, sizeof(uniques), "%" PRIu64, r->uniq);
	object.uniques = r->has_uniq ? slice_z(uniques) : slice(NULL, 0);
	gql_run_row(c->run, c->i, &object);
	buf_fini(&dims);
}

/* False: the call has failed. */
static bool set_rollups(struct calling *c, struct rows_query *rq)
{
	const char *from = call_text(c, "from", &rq->arena), *to = call_text(c, "to", &rq->arena);
	struct buf dims = { 0 };
	bool good = true;

	rq->metric = call_text(c, "metric", &rq->arena);
	rq->limit = c->call->limit;
	if ((from && serve_time_parse(from, rq->now_us, &rq->from_us)) ||
	    (to && serve_time_parse(to, rq->now_us, &rq->to_us))) {
		fail_call(c, "from and to are times of RFC 3339");
		good = false;
	} else if (gql_call_json(c->call, "dims", &dims) &&
		   serve_dims_parse(buf_slice(&dims), &rq->arena, &rq->filter)) {
		fail_call(c, "dims is an object of texts, numbers, true, false, null");
		good = false;
	}
	buf_fini(&dims);
	return good;
}

static void call_rollups(struct calling *c)
{
	struct rows_query *rq = rows_query_plain();
	struct serve_result *out = serve_result_new();
	struct serve_page page = { .rq = rq, .out = out, .row = give_rollup, .own = c };
	struct err err = ERR_INIT;
	int rc = set_rollups(c, rq) && rq->limit ? serve_page_read(&page, c->reader, &err) : 0;

	if (rc < 0)
		fail_store(c, &err);
	else if (rc > 0)
		gql_run_fail(c->run, c->i, buf_slice(&out->detail));
	serve_result_drop(out);
	serve_query_free(&rq->q);
}

void graphql_call(struct gql_run *run, size_t i, struct serve_reader *reader)
{
	struct calling c = { .run = run, .i = i, .call = gql_run_call(run, i), .reader = reader };
	const char *name = c.call->field->name;

	if (strcmp(name, "metrics") == 0)
		call_metrics(&c);
	else if (strcmp(name, "rollups") == 0)
		call_rollups(&c);
	else
		call_events(&c);
}
