/* Slots in a ring, each a request with its body:
 *
 *	slot  0 under way   1 under way   2 is filled   3 under way, the oldest  ..
 *
 * The oldest is waited for before its slot is filled again; the others move on meanwhile. A body is
 * kept until its answer has come, since it may have to be sent again. */
#include "drv/dynamo/dynamo_batch.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	BATCH_ITEMS = 25,
	/* a request has 16 MiB at most; another item of 400 KB, escaped, still fits */
	BODY_BYTES = 4 << 20,
};

struct slot {
	struct dynamo_call *call; /* NULL: not under way */
	struct buf body;
	size_t items;
	const struct sink_record *record; /* of a PutItem */
};

struct dynamo_batch {
	struct dynamo_conn *conn;
	const char *table;
	enum dynamo_mode mode;
	struct slot slot[DYNAMO_ASIDE];
	size_t at;
	uint64_t duplicates;
};

struct dynamo_batch *dynamo_batch_new(struct dynamo_conn *c, const char *table,
				      enum dynamo_mode mode)
{
	struct dynamo_batch *b = mem_zalloc(sizeof(*b));

	b->conn = c;
	b->table = table;
	b->mode = mode;
	return b;
}

void dynamo_batch_free(struct dynamo_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < DYNAMO_ASIDE; i++) {
		dynamo_call_end(b->slot[i].call);
		buf_fini(&b->slot[i].body);
	}
	free(b);
}

/* ---- answers */

static int bad_answer(const struct dynamo_batch *b, struct err *err)
{
	return err_set(err, EX_TEMPFAIL,
		       "%s: BatchWriteItem: an answer that does not say what it "
		       "left undone",
		       b->conn->place.host);
}

/* How many items the server has left undone, and, where it is some, the body that asks for them
 * again. -1: the answer does not say. */
static int take_undone(const struct dynamo_batch *b, struct slot *s, struct buf *again,
		       struct err *err)
{
	const struct json *j = dynamo_call_answer(s->call);
	uint32_t undone = json_get(j, 0, "UnprocessedItems"), list;
	size_t n = 0;

	if (!undone || j->node[undone].type != JSON_OBJECT)
		return bad_answer(b, err);
	list = json_get(j, undone, b->table);
	if (!list && json_first(j, undone) < j->node[undone].next)
		return bad_answer(b, err);
	for (uint32_t i = list ? json_first(j, list) : 0; list && i < j->node[list].next;
	     i = j->node[i].next)
		n++;
	if (n > s->items)
		return bad_answer(b, err);
	b->conn->progress += s->items - n;
	s->items = n;
	if (n) {
		buf_addz(again, "{\"RequestItems\":");
		buf_adds(again, j->node[undone].text);
		buf_addc(again, '}');
	}
	return 0;
}

static enum sink_result finish_batch(struct dynamo_batch *b, struct slot *s, struct err *err)
{
	enum dynamo_outcome o;

	for (;;) {
		struct buf again = { 0 };

		o = dynamo_call_wait(s->call, err);
		if (o != DYNAMO_DONE)
			return dynamo_result(o);
		if (take_undone(b, s, &again, err)) {
			buf_fini(&again);
			return SINK_RETRY;
		}
		if (!s->items)
			return SINK_OK;
		buf_fini(&s->body);
		s->body = again;
		dynamo_call_rest(s->call, buf_slice(&s->body));
	}
}

/* The item that stands there comes with the refusal. */
static enum sink_result finish_put(struct dynamo_batch *b, const struct slot *s, struct err *err)
{
	enum dynamo_outcome o = dynamo_call_wait(s->call, err);
	const struct json *j = dynamo_call_answer(s->call);

	b->conn->progress += o == DYNAMO_DONE || o == DYNAMO_EXISTS;
	if (o != DYNAMO_EXISTS)
		return dynamo_result(o);
	err_clear(err);
	if (b->mode != DYNAMO_ABSENT)
		return SINK_OK;
	if (!json_get(j, 0, "Item") || !dynamo_same_place(j, json_get(j, 0, "Item"), s->record))
		b->duplicates++;
	return SINK_OK;
}

static enum sink_result finish_slot(struct dynamo_batch *b, struct slot *s, struct err *err)
{
	enum sink_result r = SINK_OK;

	if (!s->call)
		return SINK_OK;
	r = b->mode == DYNAMO_TOGETHER ? finish_batch(b, s, err) : finish_put(b, s, err);
	dynamo_call_end(s->call);
	s->call = NULL;
	s->items = 0;
	if (r == SINK_FATAL && err->code == EX_CONFIG)
		err_in(err, "table %s", b->table);
	return r;
}

/* ---- requests */

static void begin_body(const struct dynamo_batch *b, struct slot *s)
{
	s->body.n = 0;
	if (b->mode == DYNAMO_TOGETHER) {
		buf_printf(&s->body, "{\"RequestItems\":{\"%s\":[", b->table);
		return;
	}
	buf_printf(&s->body, "{\"TableName\":\"%s\",", b->table);
	if (b->mode == DYNAMO_ABSENT)
		buf_addz(&s->body, "\"ConditionExpression\":\"attribute_not_exists(event_id)\","
				   "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\",");
	if (b->mode == DYNAMO_LETTER)
		buf_addz(&s->body, "\"ConditionExpression\":\"attribute_not_exists(#i)\","
				   "\"ExpressionAttributeNames\":{\"#i\":\"id\"},");
	if (b->mode == DYNAMO_LONGER)
		buf_addz(&s->body, "\"ConditionExpression\":\"attribute_not_exists(event_id) OR "
				   "#x < :expires\","
				   "\"ExpressionAttributeNames\":{\"#x\":\"expires\"},");
	buf_addz(&s->body, "\"Item\":");
}

static void send_slot(struct dynamo_batch *b)
{
	struct slot *s = &b->slot[b->at];

	buf_addz(&s->body, b->mode == DYNAMO_TOGETHER ? "]}}" : "}");
	s->call = dynamo_call_begin(b->conn,
				    b->mode == DYNAMO_TOGETHER ? "BatchWriteItem" : "PutItem",
				    buf_slice(&s->body));
	b->at = (b->at + 1) % DYNAMO_ASIDE;
}

struct buf *dynamo_batch_item(struct dynamo_batch *b, const struct sink_record *record,
			      enum sink_result *r, struct err *err)
{
	struct slot *s = &b->slot[b->at];

	*r = finish_slot(b, s, err);
	if (*r != SINK_OK)
		return NULL;
	if (!s->items)
		begin_body(b, s);
	s->record = record;
	if (b->mode == DYNAMO_TOGETHER)
		buf_addz(&s->body,
			 s->items ? ",{\"PutRequest\":{\"Item\":" : "{\"PutRequest\":{\"Item\":");
	return &s->body;
}

void dynamo_batch_added(struct dynamo_batch *b)
{
	struct slot *s = &b->slot[b->at];

	s->items++;
	if (b->mode == DYNAMO_TOGETHER)
		buf_addz(&s->body, "}}");
	if (b->mode != DYNAMO_TOGETHER || s->items == BATCH_ITEMS || s->body.n > BODY_BYTES)
		send_slot(b);
}

enum sink_result dynamo_batch_flush(struct dynamo_batch *b, struct err *err)
{
	enum sink_result r = SINK_OK;

	if (!b->slot[b->at].call && b->slot[b->at].items)
		send_slot(b);
	for (size_t i = 0; i < DYNAMO_ASIDE && r == SINK_OK; i++)
		r = finish_slot(b, &b->slot[(b->at + i) % DYNAMO_ASIDE], err);
	return r;
}

uint64_t dynamo_batch_duplicates(const struct dynamo_batch *b)
{
	return b->duplicates;
}
