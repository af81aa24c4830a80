/* Dead letters of a table, for hta-dlq: items of TABLE_dead, read by Scan, in no order.
 *
 * A letter is taken by an update on a condition, which the server decides at once:
 *
 *   (free)  --take-->  taken = "CALL/BATCH"  --settle-->  retried_at, retries + 1, no taken
 *      ^                        |
 *      +------- not sent -------+
 *
 * An update whose answer was lost is sent again: a letter that has our own mark already is ours,
 * and one that has it no more was settled. What this process has taken itself it knows by id; what
 * others have left is found by a Scan. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/dynamo/dynamo_internal.h"
#include "read/letters.h"
#include "sink/sink_errors.h"

enum { LETTERS_TRIES = 3 };

struct dynamo_letters {
	struct dynamo_conn conn;
	struct loop *own_loop; /* where the conf has none */
	char *table;           /* TABLE_dead */
	const struct letters_want *want;
	struct buf after; /* LastEvaluatedKey; n 0: from the start */
	struct buf ours;  /* ids that are taken by this process, each with its NUL */
	uint64_t batch;   /* of those */
	struct buf texts; /* of an item */
};

static int letters_failed(struct dynamo_letters *l, enum dynamo_outcome o, struct err *err)
{
	if (o == DYNAMO_NONE)
		return dynamo_table_missing(&l->conn, l->table, err);
	return sink_error_result(dynamo_result(o), err);
}

/* ---- life */

static void dynamo_letters_close(void *d)
{
	struct dynamo_letters *l = d;

	if (!l)
		return;
	dynamo_conn_fini(&l->conn);
	loop_free(l->own_loop);
	buf_fini(&l->after);
	buf_fini(&l->ours);
	buf_fini(&l->texts);
	free(l->table);
	free(l);
}

static int open_conn(struct dynamo_letters *l, const struct letters_conf *conf, struct err *err)
{
	struct dynamo_place place;
	struct loop *loop = conf->store.loop;
	const char *table;

	if (dynamo_place_init(&place, conf->store.where, err))
		return -1;
	table = place.table ? place.table : dynamo_reader.default_table;
	l->table = mem_printf("%s_dead", table);
	if (!loop)
		loop = l->own_loop = loop_new();
	if (dynamo_conn_init(&l->conn, &place, loop, 0, err))
		return -1;
	l->conn.tries = conf->marks ? 0 : LETTERS_TRIES;
	return 0;
}

static void *dynamo_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct dynamo_letters *l = mem_zalloc(sizeof(*l));

	if (open_conn(l, conf, err) == 0)
		return l;
	dynamo_letters_close(l);
	return NULL;
}

/* ---- a page of a scan */

/* `filter`: more members of the request, NULL: none. *call is to be ended by the caller. */
static int scan_page(struct dynamo_letters *l, const char *filter, struct buf *after,
		     struct dynamo_call **call, uint32_t *items, struct err *err)
{
	struct buf body = { 0 };
	const struct json *j;
	enum dynamo_outcome o;
	uint32_t last;

	buf_printf(&body, "{\"TableName\":\"%s\",\"ConsistentRead\":true,\"Limit\":%d%s", l->table,
		   LETTERS_PAGE, filter ? filter : "");
	if (after->n) {
		buf_addz(&body, ",\"ExclusiveStartKey\":");
		buf_adds(&body, buf_slice(after));
	}
	buf_addc(&body, '}');
	o = dynamo_ask(&l->conn, "Scan", buf_slice(&body), call, err);
	buf_fini(&body);
	if (o != DYNAMO_DONE)
		return letters_failed(l, o, err);
	j = dynamo_call_answer(*call);
	*items = json_get(j, 0, "Items");
	if (!*items || j->node[*items].type != JSON_ARRAY)
		return err_set(err, EX_DATAERR, "%s: Scan: an answer without Items",
			       l->conn.place.host);
	last = json_get(j, 0, "LastEvaluatedKey");
	after->n = 0;
	if (last)
		buf_adds(after, j->node[last].text);
	return 0;
}

/* ---- reading */

static int dynamo_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct dynamo_letters *l = d;

	(void)err;
	l->want = want;
	l->after.n = 0;
	return 0;
}

/* The attribute's text, valid until the next one. */
static struct slice text_of(struct dynamo_letters *l, const struct json *j, uint32_t item,
			    const char *name)
{
	l->texts.n = 0;
	if (!dynamo_attribute(j, item, name, &l->texts))
		return slice(NULL, 0);
	return slice(l->texts.n ? l->texts.p : "", l->texts.n);
}

static int64_t number_of(struct dynamo_letters *l, const struct json *j, uint32_t item,
			 const char *name)
{
	return text_of(l, j, item, name).p ? strtoll(buf_z(&l->texts), NULL, 10) : 0;
}

static int64_t time_of(struct dynamo_letters *l, const struct json *j, uint32_t item,
		       const char *name)
{
	struct slice text = text_of(l, j, item, name);
	int64_t us;

	return text.p && tm_parse(text, &us) == 0 ? us : POS_NONE;
}

static bool is_wanted(const struct letters_want *want, const struct letter *l)
{
	return (want->again || l->retried_us == POS_NONE) &&
	       (want->since_us == POS_NONE || l->at_us >= want->since_us) &&
	       (want->until_us == POS_NONE || l->at_us < want->until_us);
}

static int read_letter(struct dynamo_letters *l, const struct json *j, uint32_t item,
		       struct letters_page *page, struct err *err)
{
	struct letter *v = letters_page_add(page);
	struct arena *a = &page->arena;
	struct slice topic;
	bool base64;

	v->at_us = time_of(l, j, item, "at");
	v->retried_us = time_of(l, j, item, "retried_at");
	if (!is_wanted(l->want, v)) {
		page->n--;
		return 0;
	}
	v->key = arena_copy(a, text_of(l, j, item, "id"));
	v->job = arena_copy(a, text_of(l, j, item, "job"));
	v->late = slice_is(text_of(l, j, item, "kind"), "late");
	topic = text_of(l, j, item, "topic");
	if (topic.p)
		v->topic = arena_copy(a, topic);
	v->partition = (int32_t)number_of(l, j, item, "partition");
	v->offset = number_of(l, j, item, "offset");
	v->inexact = v->topic.p && number_of(l, j, item, "inexact");
	v->stage = arena_copy(a, text_of(l, j, item, "stage"));
	v->reason = arena_copy(a, text_of(l, j, item, "reason"));
	v->size = (uint64_t)number_of(l, j, item, "size");
	v->retries = (uint64_t)number_of(l, j, item, "retries");
	v->taken = arena_copy(a, text_of(l, j, item, "taken"));
	base64 = slice_is(text_of(l, j, item, "encoding"), "base64");
	return letters_decode(page, v, base64, text_of(l, j, item, "record"), err);
}

static int dynamo_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct dynamo_letters *l = d;
	struct dynamo_call *call = NULL;
	uint32_t items;
	int rc = scan_page(l, NULL, &l->after, &call, &items, err);

	if (rc == 0) {
		const struct json *j = dynamo_call_answer(call);

		for (uint32_t i = json_first(j, items); i < j->node[items].next && rc == 0;
		     i = j->node[i].next)
			rc = read_letter(l, j, i, page, err);
	}
	page->end = l->after.n == 0;
	dynamo_call_end(call);
	return rc;
}

/* ---- updates, some side by side */

static void add_value(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, "%s\"%s\":{\"S\":", out->p[out->n - 1] == '{' ? "" : ",", name);
	json_quote(out, text);
	buf_addc(out, '}');
}

static void begin_update(const struct dynamo_letters *l, struct slice id, const char *update,
			 const char *condition, struct buf *body)
{
	buf_printf(body, "{\"TableName\":\"%s\",\"Key\":{\"id\":{\"S\":", l->table);
	json_quote(body, id);
	buf_printf(body, "}},\"UpdateExpression\":\"%s\",\"ConditionExpression\":\"%s\",", update,
		   condition);
}

/* Sends n bodies; done[i]: the condition of i held. */
static int send_updates(struct dynamo_letters *l, const struct buf *body, size_t n, bool *done,
			struct err *err)
{
	struct dynamo_call *call[DYNAMO_ASIDE];
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		call[i] = dynamo_call_begin(&l->conn, "UpdateItem", buf_slice(&body[i]));
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		enum dynamo_outcome o = rc ? DYNAMO_LEAVE : dynamo_call_wait(call[i], &why);

		done[i] = o == DYNAMO_DONE;
		if (rc == 0 && o != DYNAMO_DONE && o != DYNAMO_EXISTS) {
			err_copy(err, &why);
			rc = letters_failed(l, o, err);
		}
		l->conn.progress += done[i];
		dynamo_call_end(call[i]);
	}
	return rc;
}

/* ---- taking */

/* The mark is of this call and batch alone: who finds it there has set it himself, in an update
 * whose answer was lost. */
static void write_take(const struct dynamo_letters *l, const struct letter *v, struct slice mark,
		       struct buf *body)
{
	bool again = l->want->again;

	begin_update(l, v->key, "SET #t = :mark",
		     v->taken.n ? "attribute_exists(#i) AND (#t = :mark OR #t = :old)"
		     : again ? "attribute_exists(#i) AND (#t = :mark OR attribute_not_exists(#t))"
			     : "attribute_exists(#i) AND (#t = :mark OR (attribute_not_exists(#t) "
			       "AND attribute_not_exists(#r)))",
		     body);
	buf_addz(body, "\"ExpressionAttributeNames\":{\"#i\":\"id\",\"#t\":\"taken\"");
	if (!v->taken.n && !again)
		buf_addz(body, ",\"#r\":\"retried_at\"");
	buf_addz(body, "},\"ExpressionAttributeValues\":{");
	add_value(body, ":mark", mark);
	if (v->taken.n)
		add_value(body, ":old", v->taken);
	buf_addz(body, "}}");
}

static int take_some(struct dynamo_letters *l, const struct letter *const *v, size_t n,
		     struct slice mark, bool *got, struct err *err)
{
	struct buf body[DYNAMO_ASIDE] = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		write_take(l, v[i], mark, &body[i]);
	rc = send_updates(l, body, n, got, err);
	for (size_t i = 0; i < n; i++) {
		if (got[i]) {
			buf_adds(&l->ours, v[i]->key);
			buf_addc(&l->ours, 0);
		}
		buf_fini(&body[i]);
	}
	return rc;
}

static int dynamo_letters_take(void *d, const struct letter *const *v, size_t n, const char *call,
			       uint64_t batch, bool *got, struct err *err)
{
	struct dynamo_letters *l = d;
	struct buf mark = { 0 };
	int rc = 0;

	buf_printf(&mark, "%s/%" PRIu64, call, batch);
	l->batch = batch;
	for (size_t at = 0; at < n && rc == 0; at += DYNAMO_ASIDE)
		rc = take_some(l, v + at, n - at < DYNAMO_ASIDE ? n - at : DYNAMO_ASIDE,
			       buf_slice(&mark), got + at, err);
	buf_fini(&mark);
	return rc;
}

/* ---- settling */

/* Updates of letters that have a mark, gathered until they are DYNAMO_ASIDE. */
struct settling {
	struct buf body[DYNAMO_ASIDE];
	size_t n;
	char now[DYNAMO_TIME_CHARS + 1];
};

/* Where the mark is gone somebody has settled it: so be it. */
static int settle_some(struct dynamo_letters *l, struct settling *s, struct err *err)
{
	bool done[DYNAMO_ASIDE];
	int rc = send_updates(l, s->body, s->n, done, err);

	for (size_t i = 0; i < s->n; i++)
		s->body[i].n = 0;
	s->n = 0;
	return rc;
}

static int settle_one(struct dynamo_letters *l, struct settling *s, struct slice id,
		      struct slice mark, bool sent, struct err *err)
{
	struct buf *body = &s->body[s->n++];

	begin_update(l, id, sent ? "SET #r = :now, #n = #n + :one REMOVE #t" : "REMOVE #t",
		     "#t = :mark", body);
	buf_printf(body, "\"ExpressionAttributeNames\":{\"#t\":\"taken\"%s},",
		   sent ? ",\"#r\":\"retried_at\",\"#n\":\"retries\"" : "");
	buf_addz(body, "\"ExpressionAttributeValues\":{");
	add_value(body, ":mark", mark);
	if (sent) {
		add_value(body, ":now", slice_z(s->now));
		buf_addz(body, ",\":one\":{\"N\":\"1\"}");
	}
	buf_addz(body, "}}");
	return s->n == DYNAMO_ASIDE ? settle_some(l, s, err) : 0;
}

static int settle_ours(struct dynamo_letters *l, struct settling *s, const char *call,
		       uint64_t sent, struct err *err)
{
	struct buf mark = { 0 };
	int rc = 0;

	buf_printf(&mark, "%s/%" PRIu64, call, l->batch);
	for (size_t at = 0; at < l->ours.n && rc == 0; at += strlen(l->ours.p + at) + 1)
		rc = settle_one(l, s, slice_z(l->ours.p + at), buf_slice(&mark), l->batch <= sent,
				err);
	l->ours.n = 0;
	buf_fini(&mark);
	return rc;
}

/* 0 to go on. */
typedef int taken_fn(struct dynamo_letters *l, void *arg, struct slice id, struct slice mark,
		     struct err *err);

/* All letters that are taken. */
static int each_taken(struct dynamo_letters *l, taken_fn *fn, void *arg, struct err *err)
{
	static const char filter[] = ",\"FilterExpression\":\"attribute_exists(#t)\","
				     "\"ExpressionAttributeNames\":{\"#t\":\"taken\"}";
	struct buf after = { 0 }, id = { 0 };
	int rc;

	do {
		struct dynamo_call *call = NULL;
		uint32_t items;

		rc = scan_page(l, filter, &after, &call, &items, err);
		if (rc == 0) {
			const struct json *j = dynamo_call_answer(call);

			for (uint32_t i = json_first(j, items); i < j->node[items].next && rc == 0;
			     i = j->node[i].next) {
				id.n = 0;
				buf_adds(&id, text_of(l, j, i, "id"));
				rc = fn(l, arg, buf_slice(&id), text_of(l, j, i, "taken"), err);
			}
		}
		dynamo_call_end(call);
	} while (rc == 0 && after.n);
	buf_fini(&after);
	buf_fini(&id);
	return rc;
}

struct settling_call {
	struct settling s;
	const char *call;
	uint64_t sent;
};

/* The batch's number stands behind the last slash. */
static int settle_if_of(struct dynamo_letters *l, void *arg, struct slice id, struct slice mark,
			struct err *err)
{
	struct settling_call *c = arg;
	size_t n = strlen(c->call);
	struct buf text = { 0 };
	int rc = 0;

	buf_adds(&text, mark);
	if (mark.n > n && mark.p[n] == '/' && memcmp(mark.p, c->call, n) == 0)
		rc = settle_one(l, &c->s, id, buf_slice(&text),
				strtoull(buf_z(&text) + n + 1, NULL, 10) <= c->sent, err);
	buf_fini(&text);
	return rc;
}

static int dynamo_letters_settle(void *d, const char *call, uint64_t sent, struct err *err)
{
	struct dynamo_letters *l = d;
	struct settling_call c = { .call = call, .sent = sent };
	int rc;

	dynamo_time(tm_now_us(), c.s.now);
	rc = l->ours.n ? settle_ours(l, &c.s, call, sent, err)
		       : each_taken(l, settle_if_of, &c, err);
	if (rc == 0 && c.s.n)
		rc = settle_some(l, &c.s, err);
	for (size_t i = 0; i < DYNAMO_ASIDE; i++)
		buf_fini(&c.s.body[i]);
	return rc;
}

static int note_call(struct dynamo_letters *l, void *arg, struct slice id, struct slice mark,
		     struct err *err)
{
	struct buf *all = arg;
	const char *slash = mark.n ? memrchr(mark.p, '/', mark.n) : NULL;
	struct slice call = slice(mark.p, slash ? (size_t)(slash - mark.p) : mark.n);

	(void)l, (void)id, (void)err;
	for (size_t at = 0; at < all->n; at += strlen(all->p + at) + 1)
		if (slice_is(call, all->p + at))
			return 0;
	buf_adds(all, call);
	buf_addc(all, 0);
	return 0;
}

static int dynamo_letters_calls(void *d, letters_call_fn *fn, void *arg, struct err *err)
{
	struct buf all = { 0 };
	int rc = each_taken(d, note_call, &all, err);

	for (size_t at = 0; at < all.n && rc == 0; at += strlen(all.p + at) + 1)
		rc = fn(arg, all.p + at, err);
	buf_fini(&all);
	return rc;
}

const struct letters_driver dynamo_letters = {
	.open = dynamo_letters_open,
	.close = dynamo_letters_close,
	.rewind = dynamo_letters_rewind,
	.page = dynamo_letters_page,
	.take = dynamo_letters_take,
	.settle = dynamo_letters_settle,
	.calls = dynamo_letters_calls,
};
