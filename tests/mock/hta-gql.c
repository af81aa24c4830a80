/* GraphQL without a server: hta-gql DATA
 *
 * DATA is a file of JSON: {"events":[..],"metrics":[..],"rollups":[..]}, their members as in the
 * schema, newest first. Each line of stdin is a request, an object of strings:
 *
 *	{"method","parameters","content_type","accept","body"}     method: POST unless said
 *
 * and each line of stdout its answer: status, media type, Allow or -, body, with tabs between.
 * `before` is passed over; a rollup's dims equal those asked for, if any; the event "away" cannot
 * be fetched. */
#include <stdio.h>
#include <stdlib.h>

#include "gql/gql_hta.h"
#include "gql/gql_http.h"

struct data {
	struct json json;
	struct arena arena;
	uint32_t events, metrics, rollups;
};

/* ---- rows ---- */

/* The decoded text of a string, the text of a number; p NULL of null and of what is missing. */
static struct slice text_of(struct data *d, uint32_t at)
{
	struct buf text = { 0 };

	if (!at || d->json.node[at].type == JSON_NULL)
		return slice(NULL, 0);
	if (d->json.node[at].type != JSON_STRING)
		return d->json.node[at].text;
	json_string(&d->json, at, &text);
	struct slice kept = text.n ? arena_copy(&d->arena, buf_slice(&text)) : slice("", 0);
	buf_fini(&text);
	return kept;
}

static struct slice member(struct data *d, uint32_t row, const char *name)
{
	return text_of(d, json_get(&d->json, row, name));
}

static struct slice raw(struct data *d, uint32_t row, const char *name)
{
	uint32_t at = json_get(&d->json, row, name);
	struct slice s = at ? d->json.node[at].text : slice(NULL, 0);

	if (at && d->json.node[at].type == JSON_STRING)
		return slice(s.p - 1, s.n + 2);
	return s;
}

static struct gql_event event_of(struct data *d, uint32_t row)
{
	return (struct gql_event){
		.event_id = member(d, row, "eventId"),
		.event_type = member(d, row, "eventType"),
		.user_id = member(d, row, "userId"),
		.topic = member(d, row, "topic"),
		.source = member(d, row, "source"),
		.timestamp = member(d, row, "timestamp"),
		.received_at = member(d, row, "receivedAt"),
		.payload = raw(d, row, "payload"),
	};
}

static struct gql_rollup rollup_of(struct data *d, uint32_t row)
{
	struct gql_rollup r = {
		.metric = member(d, row, "metric"),
		.window_start = member(d, row, "windowStart"),
		.window_end = member(d, row, "windowEnd"),
		.dims = raw(d, row, "dims"),
		.count = raw(d, row, "count"),
		.uniques = raw(d, row, "uniques"),
		.sum = member(d, row, "sum"),
		.min = member(d, row, "min"),
		.max = member(d, row, "max"),
		.avg = member(d, row, "avg"),
	};

	json_get_bool(&d->json, row, "final", &r.final);
	return r;
}

/* ---- calls ---- */

static bool wanted(struct slice asked, struct slice is)
{
	return !asked.p || (is.p && slice_eq(asked, is));
}

static void fetch_events(struct data *d, struct gql_run *run, size_t i, const char *argument,
			 const char *name)
{
	struct slice asked = gql_call_text(gql_run_call(run, i), argument);
	const struct json *j = &d->json;

	for (uint32_t row = json_first(j, d->events); row < j->node[d->events].next;
	     row = j->node[row].next) {
		struct gql_event event = event_of(d, row);
		if (wanted(asked, member(d, row, name)) && !gql_run_row(run, i, &event))
			return;
	}
}

static void fetch_metrics(struct data *d, struct gql_run *run, size_t i)
{
	const struct json *j = &d->json;
	struct slice dims[8];

	for (uint32_t row = json_first(j, d->metrics); row < j->node[d->metrics].next;
	     row = j->node[row].next) {
		struct gql_metric metric = {
			.name = member(d, row, "name"),
			.job = member(d, row, "job"),
			.window = member(d, row, "window"),
			.since = member(d, row, "since"),
			.dims = dims,
		};
		uint32_t list = json_get(j, row, "dims");
		for (uint32_t k = json_first(j, list); k < j->node[list].next && metric.n_dims < 8;
		     k = j->node[k].next)
			dims[metric.n_dims++] = text_of(d, k);
		if (!gql_run_row(run, i, &metric))
			return;
	}
}

static bool in_range(const struct gql_call *call, const struct gql_rollup *r)
{
	struct slice from = gql_call_text(call, "from"), to = gql_call_text(call, "to");
	struct buf dims = { 0 };
	bool same = !gql_call_json(call, "dims", &dims) || slice_eq(buf_slice(&dims), r->dims);

	buf_fini(&dims);
	return same && (!from.p || slice_cmp(r->window_start, from) >= 0) &&
	       (!to.p || slice_cmp(r->window_start, to) < 0) &&
	       wanted(gql_call_text(call, "metric"), r->metric);
}

static void fetch_rollups(struct data *d, struct gql_run *run, size_t i)
{
	const struct json *j = &d->json;

	for (uint32_t row = json_first(j, d->rollups); row < j->node[d->rollups].next;
	     row = j->node[row].next) {
		struct gql_rollup rollup = rollup_of(d, row);
		if (in_range(gql_run_call(run, i), &rollup) && !gql_run_row(run, i, &rollup))
			return;
	}
}

static void fetch(struct data *d, struct gql_run *run, size_t i)
{
	const struct gql_call *call = gql_run_call(run, i);
	struct slice field = slice_z(call->field->name);

	if (slice_is(field, "metrics"))
		fetch_metrics(d, run, i);
	else if (slice_is(field, "rollups"))
		fetch_rollups(d, run, i);
	else if (slice_is(field, "event") && slice_is(gql_call_text(call, "eventId"), "away"))
		gql_run_fail(run, i, slice_z("the store is away"));
	else if (slice_is(field, "event"))
		fetch_events(d, run, i, "eventId", "eventId");
	else if (slice_is(field, "eventsByType"))
		fetch_events(d, run, i, "eventType", "eventType");
	else if (slice_is(field, "eventsByUser"))
		fetch_events(d, run, i, "userId", "userId");
	else
		fetch_events(d, run, i, "-", "-");
}

/* ---- requests ---- */

static struct slice request_text(const struct json *j, const char *name, struct buf *text)
{
	uint32_t at = json_get(j, 0, name);

	if (!at || json_string(j, at, text))
		return slice(NULL, 0);
	return slice(buf_z(text), text->n);
}

static enum gql_method method_of(struct slice method)
{
	if (!method.p || slice_is(method, "POST"))
		return GQL_METHOD_POST;
	return slice_is(method, "GET") ? GQL_METHOD_GET : GQL_METHOD_OTHER;
}

static void answer_line(struct data *d, const struct json *j)
{
	struct buf text[5] = { 0 };
	struct gql_request request = {
		.method = method_of(request_text(j, "method", &text[0])),
		.parameters = request_text(j, "parameters", &text[1]),
		.content_type = request_text(j, "content_type", &text[2]),
		.accept = request_text(j, "accept", &text[3]),
		.body = request_text(j, "body", &text[4]),
	};
	struct gql_http *http = gql_http_new(&gql_hta, &request);
	struct gql_run *run = gql_http_run(http);
	struct gql_answer answer = { 0 };

	for (size_t i = run ? gql_run_calls(run) : 0; i-- > 0;)
		fetch(d, run,
		      i); /* backwards: the order of the answer is the query's all the same */
	gql_http_answer(http, &answer);
	printf("%d\t%s\t%s\t%.*s\n", answer.status, answer.content_type,
	       answer.allow ? answer.allow : "-", (int)answer.body.n, answer.body.p);
	fflush(stdout);
	buf_fini(&answer.body);
	gql_http_free(http);
	for (size_t i = 0; i < 5; i++)
		buf_fini(&text[i]);
}

static int read_data(struct data *d, const char *path, struct buf *text)
{
	struct err err = ERR_INIT;
	FILE *f = fopen(path, "r");

	if (!f)
		return -1;
	for (size_t n = 1; n;) {
		n = fread(buf_room(text, 65536), 1, 65536, f);
		text->n += n;
	}
	fclose(f);
	if (json_parse(&d->json, buf_slice(text), &err))
		return -1;
	d->events = json_get(&d->json, 0, "events");
	d->metrics = json_get(&d->json, 0, "metrics");
	d->rollups = json_get(&d->json, 0, "rollups");
	return d->events && d->metrics && d->rollups ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct data d = { 0 };
	struct buf text = { 0 };
	struct json request = { 0 };
	struct err err = ERR_INIT;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (argc != 2 || read_data(&d, argv[1], &text)) {
		fprintf(stderr, "hta-gql: usage: hta-gql DATA, a file of JSON\n");
		return EX_USAGE;
	}
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (json_parse(&request, slice(line, (size_t)n), &err)) {
			fprintf(stderr, "hta-gql: %s\n", err.msg);
			return EX_DATAERR;
		}
		answer_line(&d, &request);
		arena_reset(&d.arena);
	}
	free(line);
	json_fini(&request);
	json_fini(&d.json);
	buf_fini(&text);
	arena_fini(&d.arena);
	return 0;
}
