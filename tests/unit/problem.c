/* Problems: the JSON, the answer's fields, and what is echoed of a client's bytes. */
#include "net/problem.h"

#include "tap.h"

static struct buf sent, body;
static unsigned status;

static void keep_answer(struct http_request *req, const struct http_answer *a)
{
	(void)req;
	sent.n = body.n = 0;
	status = a->status;
	buf_addz(&sent, a->type);
	for (size_t i = 0; i < a->n_fields; i++)
		buf_printf(&sent, "|%.*s: %.*s", (int)a->fields[i].name.n, a->fields[i].name.p,
			   (int)a->fields[i].value.n, a->fields[i].value.p);
	buf_adds(&body, a->body);
}

static const struct http_ops ops = { .answer = keep_answer };

static void test_answers(void)
{
	struct http_request req = { .path = slice_z("/ingest"), .id = slice_z("a1"), .ops = &ops };
	struct problem_error errors[101];
	struct http_field field = { slice_z("Allow"), slice_z("GET") };
	struct problem p = { .status = 422,
			     .code = "invalid-event",
			     .title = "an event is not valid",
			     .detail = slice_z("say \"so\""),
			     .errors = errors,
			     .n_errors = 2,
			     .errors_total = 7,
			     .fields = &field,
			     .n_fields = 1 };

	errors[0] = (struct problem_error){ 17, slice_z("/t"), "not-a-time", slice_z("no") };
	errors[1] = (struct problem_error){ -1, slice(NULL, 0), "x", slice(NULL, 0) };
	problem_answer(&req, &p);
	is_bytes(body.p, body.n,
		 "{\"type\":\"/docs#invalid-event\",\"title\":\"an event is not valid\","
		 "\"status\":422,\"code\":\"invalid-event\",\"detail\":\"say \\\"so\\\"\","
		 "\"instance\":\"/ingest\",\"request_id\":\"a1\",\"errors\":[{\"index\":17,"
		 "\"pointer\":\"/t\",\"code\":\"not-a-time\",\"detail\":\"no\"},{\"code\":\"x\"}],"
		 "\"errors_total\":7}\n",
		 "with errors");
	ok(status == 422 && slice_is(buf_slice(&sent), "application/problem+json|Allow: GET"),
	   "its fields");
	p.n_errors = 101;
	for (int i = 1; i < 101; i++)
		errors[i] = errors[0];
	problem_answer(&req, &p);
	unsigned n = 0;
	for (const char *at = buf_z(&body); (at = strstr(at, "\"index\"")); at++)
		n++;
	is_int(n, 100, "at most 100 errors");
	p = (struct problem){ .status = 503, .code = "overloaded", .retry_after_s = 2 };
	p.fields = &field;
	p.n_fields = 1;
	problem_answer(&req, &p);
	ok(slice_is(buf_slice(&sent), "application/problem+json|Allow: GET|Retry-After: 2"),
	   "Retry-After");
	req.path = slice(NULL, 0);
	problem_say(&req, 404, "not-found", NULL);
	is_bytes(body.p, body.n,
		 "{\"type\":\"/docs#not-found\",\"title\":\"Not Found\",\"status\":404,"
		 "\"code\":\"not-found\",\"request_id\":\"a1\"}\n",
		 "the least");
}

static void test_echo(void)
{
	struct buf out = { 0 };
	struct buf text = { 0 };

	problem_echo(&out, slice_z("a\xc3\xa4\xff\xe2\x82z"));
	is_bytes(out.p, out.n, "a\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", "no UTF-8");
	for (int i = 0; i < 63; i++)
		buf_addc(&text, 'a');
	buf_addz(&text, "\xc3\xa4");
	out.n = 0;
	problem_echo(&out, buf_slice(&text));
	is_int(out.n, 63, "cut at a character");
	buf_fini(&out);
	buf_fini(&text);
}

int main(void)
{
	test_answers();
	test_echo();
	buf_fini(&sent);
	buf_fini(&body);
	return done();
}
