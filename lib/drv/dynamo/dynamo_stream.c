/*	head {"TableName":..,"ExpressionAttributeValues":{..}      written once
 *	body head ,"ExclusiveStartKey":<LastEvaluatedKey of the page before>}
 *
 * Names of attributes go in by placeholders: some of them are words of DynamoDB's own. */
#include "drv/dynamo/dynamo_stream.h"

#include <inttypes.h>

#include "sink/sink_errors.h"

static const char *const text_names[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

static bool is_filtered(const struct dynamo_query *q, int i)
{
	return q->text && q->text[i] && strcmp(text_names[i], q->hash) != 0;
}

static void add_text_value(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, "\"%s\":{\"S\":", name);
	json_quote(out, text);
	buf_addz(out, "},");
}

static void write_head(struct buf *out, const struct dynamo_query *q)
{
	buf_printf(out, "{\"TableName\":\"%s\",", q->table);
	if (q->index)
		buf_printf(out, "\"IndexName\":\"%s\",", q->index);
	buf_printf(out,
		   "\"ConsistentRead\":%s,\"ScanIndexForward\":false,\"Limit\":%" PRIu64
		   ",\"KeyConditionExpression\":\"#h = :h AND #t BETWEEN :from AND :to\","
		   "\"FilterExpression\":\"(attribute_not_exists(#x) OR #x > :now)",
		   q->index ? "false" : "true", q->page);
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (is_filtered(q, i))
			buf_printf(out, " AND #f%d = :f%d", i, i);
	buf_printf(out,
		   "\",\"ExpressionAttributeNames\":{\"#h\":\"%s\",\"#t\":\"timestamp\","
		   "\"#x\":\"expires\"",
		   q->hash);
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (is_filtered(q, i))
			buf_printf(out, ",\"#f%d\":\"%s\"", i, text_names[i]);
	buf_addz(out, "},\"ExpressionAttributeValues\":{");
	add_text_value(out, ":h", q->value);
	add_text_value(out, ":from", slice_z(q->from));
	add_text_value(out, ":to", slice_z(q->to));
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (is_filtered(q, i)) {
			char name[8] = { ':', 'f', (char)('0' + i) };

			add_text_value(out, name, slice_z(q->text[i]));
		}
	buf_printf(out, "\":now\":{\"N\":\"%" PRId64 "\"}}", q->now_s);
}

static void begin_page(struct dynamo_stream *s, struct slice after)
{
	struct buf body = { 0 };

	buf_adds(&body, buf_slice(&s->head));
	if (after.n) {
		buf_addz(&body, ",\"ExclusiveStartKey\":");
		buf_adds(&body, after);
	}
	buf_addc(&body, '}');
	dynamo_call_end(s->call);
	buf_fini(&s->body);
	s->body = body;
	s->call = dynamo_call_begin(s->conn, "Query", buf_slice(&s->body));
	s->item = s->end = 0;
}

void dynamo_stream_init(struct dynamo_stream *s, struct dynamo_conn *c,
			const struct dynamo_query *q)
{
	*s = (struct dynamo_stream){ .conn = c };
	write_head(&s->head, q);
	begin_page(s, slice(NULL, 0));
}

void dynamo_stream_fini(struct dynamo_stream *s)
{
	dynamo_call_end(s->call);
	buf_fini(&s->head);
	buf_fini(&s->body);
	*s = (struct dynamo_stream){ 0 };
}

/* What the server cannot take of a query of ours is an index that is not there, or another. */
static int query_failed(enum dynamo_outcome o, struct err *err)
{
	if (o == DYNAMO_FATAL && err->code == EX_DATAERR)
		err->code = EX_CONFIG;
	return sink_error_result(dynamo_result(o), err);
}

static int take_page(struct dynamo_stream *s, struct err *err)
{
	enum dynamo_outcome o = dynamo_call_wait(s->call, err);
	const struct json *j = dynamo_call_answer(s->call);
	uint32_t items;

	if (o != DYNAMO_DONE)
		return query_failed(o, err);
	items = json_get(j, 0, "Items");
	if (!items || j->node[items].type != JSON_ARRAY)
		return err_set(err, EX_DATAERR, "%s: Query: an answer without Items",
			       s->conn->place.host);
	s->item = json_first(j, items);
	s->end = j->node[items].next;
	s->last = !json_get(j, 0, "LastEvaluatedKey");
	return 0;
}

int dynamo_stream_peek(struct dynamo_stream *s, const struct json **j, uint32_t *item,
		       struct err *err)
{
	while (s->item == s->end) {
		const struct json *page = dynamo_call_answer(s->call);

		if (s->end && s->last)
			return 0;
		if (s->end)
			begin_page(s, page->node[json_get(page, 0, "LastEvaluatedKey")].text);
		if (take_page(s, err))
			return -1;
	}
	*j = dynamo_call_answer(s->call);
	*item = s->item;
	return 1;
}

void dynamo_stream_next(struct dynamo_stream *s)
{
	s->item = dynamo_call_answer(s->call)->node[s->item].next;
}
