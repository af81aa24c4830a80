/* Typed routes: the two that ship, from their files; x-id, x-total; what is no route. */
#include "tap.h"

#include <stdlib.h>

#include "intake/intake.h"
#include "intake/total.h"
#include "intake/typed.h"

static struct seen *seen;
static struct intake *in;

static struct slice read_file(const char *name)
{
	static char text[8192];
	const char *top = getenv("srcdir");
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/examples/routes/%s.json", top ? top : ".", name);
	f = fopen(path, "r");
	if (!f)
		return slice("", 0);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return slice(text, n);
}

static struct typed *shipped(const char *option)
{
	struct typed_spec spec;
	struct err err = ERR_INIT;
	struct typed *t = NULL;
	char name[64];

	if (typed_spec_parse(option, &spec, &err) == 0) {
		snprintf(name, sizeof(name), "%.*s", (int)spec.schema.n, spec.schema.p);
		t = typed_new(&spec, name, read_file(name), &err);
	}
	ok(t, "%s: %s", option, err.msg);
	return t;
}

static const struct intake_result *send_to(struct typed *t, const char *body)
{
	static uint32_t ticket;

	ticket++;
	return intake_read(in, &(struct intake_request){ .route = typed_route(t),
							 .body = slice_z(body),
							 .now_us = 1760000000123000,
							 .random = { 1, ticket },
							 .ticket = ticket });
}

static void is_line(const struct intake_result *out, const char *line, const char *name)
{
	is_bytes(out->lines.p, out->lines.n, line, name);
}

#define ITEM(q, p) "{\"product_id\":\"p\",\"quantity\":" q ",\"price\":" p "}"
#define STAMPS                                        \
	",\"timestamp\":\"2025-10-09T08:53:20.123Z\"" \
	",\"received_at\":\"2025-10-09T08:53:20.123Z\",\"topic\":\"order_events\""

static void test_orders(void)
{
	struct typed *t = shipped("/api/v1/orders=order_events:orders");

	is_line(send_to(t, "{\"user_id\":\"u\",\"items\":[" ITEM("2", "99.99") "," ITEM(
				   "3", "0.1") "]}"),
		"{\"user_id\":\"u\",\"items\":[" ITEM("2", "99.99") "," ITEM(
			"3", "0.1") "],\"order_id\":\"0199c82c-c07b-7000-8005-85874402c179\""
				    ",\"event_id\":\"0199c82c-c07b-7000-8005-85874402c179\"" STAMPS
				    ",\"total\":200.28}\n",
		"an id is made, the total is exact");
	is_line(send_to(t, "{\"user_id\":\"u\",\"order_id\":\"o\\u0031\",\"items\":[" ITEM(
				   "1", "1e2") "]}"),
		"{\"user_id\":\"u\",\"order_id\":\"o\\u0031\",\"items\":[" ITEM(
			"1", "1e2") "],\"event_id\":\"o1\"" STAMPS ",\"total\":100}\n",
		"an id that is there is the event's");
	is_int(send_to(t, "{\"user_id\":\"u\",\"order_id\":\"o1\",\"items\":[" ITEM("1", "1") "]}")
		       ->duplicates,
	       1, "and tells it again");
	typed_free(t);
}

static const struct {
	const char *body, *pointer, *code;
} refused[] = {
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("0", "1") "]}", "/items/0/quantity", "schema" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1.5", "1") "]}", "/items/0/quantity", "schema" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1", "\"1\"") "]}", "/items/0/price", "schema" },
	{ "{\"user_id\":\"u\",\"items\":[]}", "/items", "schema" },
	{ "{\"user_id\":\"u\"}", "", "schema" },
	{ "{}", "", "schema" },
	{ "{\"user_id\":7,\"items\":[" ITEM("1", "1") "]}", "/user_id", "not-a-string" },
	{ "{\"user_id\":\"u\",\"order_id\":\"\",\"items\":[" ITEM("1", "1") "]}", "/order_id",
	  "not-a-string" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1", "1") "],\"total\":1}", "/total",
	  "reserved-member" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1", "1") "],\"topic\":\"x\"}", "/topic",
	  "reserved-member" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1", "1") "],\"event_id\":\"x\"}", "/event_id",
	  "reserved-member" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1", "1") "],\"timestamp\":\"today\"}",
	  "/timestamp", "not-a-time" },
	{ "{\"user_id\":\"u\",\"items\":[" ITEM("1", "0.0000000001") "]}", "/total",
	  "not-representable" },
	{ "{\"user_id\":\"u\",\"currency\":\"euro\",\"items\":[" ITEM("1", "1") "]}", "/currency",
	  "schema" },
	{ "[{\"user_id\":\"u\",\"items\":[" ITEM("1", "1") "]}]", "", "not-an-object" },
};

static void test_refused(void)
{
	struct typed *t = shipped("/api/v1/orders=order_events:orders");

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		const struct intake_result *out = send_to(t, refused[i].body);
		const struct intake_error *e = &out->errors.list[0];

		ok(out->status == INTAKE_INVALID && strcmp(e->code, refused[i].code) == 0 &&
			   slice_is(e->pointer, refused[i].pointer),
		   "order %zu: %.*s %s: %.*s", i, (int)e->pointer.n, e->pointer.p, e->code,
		   (int)e->detail.n, e->detail.p);
	}
	typed_free(t);
}

static void test_views(void)
{
	struct typed *t = shipped("/api/v1/product-views=product_views:product-views");
	const struct intake_result *out = send_to(
		t, "{\"user_id\":\"u\",\"product_id\":\"p\",\"event_id\":\"e\"}");

	is_line(out,
		"{\"user_id\":\"u\",\"product_id\":\"p\",\"event_id\":\"e\",\"timestamp\":\"2025-"
		"10-09T08:53:20."
		"123Z\",\"received_at\":\"2025-10-09T08:53:20.123Z\",\"topic\":\"product_views\"}"
		"\n",
		"a view");
	is_int(send_to(t, "{\"user_id\":\"u\"}")->status, INTAKE_INVALID, "no view");
	typed_free(t);
}

/* ---- totals */

static const struct {
	const char *event, *total; /* NULL: not representable */
	enum total_result result;
} totals[] = {
	{ "{\"i\":[]}", "0", TOTAL_OK },
	{ "{\"i\":[{\"a\":0.1,\"b\":3},{\"a\":-0.2,\"b\":1}]}", "0.1", TOTAL_OK },
	{ "{\"i\":[{\"a\":0.00005,\"b\":0.00002}]}", "0.000000001", TOTAL_OK },
	{ "{\"i\":[{\"a\":0.00005,\"b\":0.00003}]}", NULL, TOTAL_RANGE },
	{ "{\"i\":[{\"a\":1e10,\"b\":1e10}]}", "100000000000000000000", TOTAL_OK },
	{ "{\"i\":[{\"a\":1e10,\"b\":1e10},{\"a\":1,\"b\":1}]}", NULL, TOTAL_RANGE },
	{ "{\"i\":[{\"a\":99999999999.999999999,\"b\":99999999999.999999999}]}", NULL,
	  TOTAL_RANGE },
	{ "{\"i\":[{\"a\":12345678.9,\"b\":-98765432.1}]}", "-1219326311126352.69", TOTAL_OK },
	{ "{\"i\":[{\"a\":0,\"b\":1e19}]}", "0", TOTAL_OK },
	{ "{\"i\":[{\"a\":1}]}", NULL, TOTAL_NONE },
	{ "{\"i\":[1]}", NULL, TOTAL_NONE },
	{ "{\"i\":{}}", NULL, TOTAL_NONE },
	{ "{}", NULL, TOTAL_NONE },
};

static void test_totals(void)
{
	static const char *const wrong[] = { "{}",
					     "{\"t\":\"i[].a*\"}",
					     "{\"t\":\"i.a\"}",
					     "{\"t\":\"i[].a*b*c\"}",
					     "{\"t\":\"i[].a\",\"u\":\"i[].b\"}",
					     "\"i[].a\"" };
	struct json j = { 0 }, scratch = { 0 };
	char text[DEC_TEXT_BYTES];
	dec v;

	json_parse(&j, slice_z("{\"t\":\"i[].a*b\"}"), NULL);
	struct total *t = total_new(&j, 0, NULL);
	for (size_t i = 0; i < sizeof(totals) / sizeof(*totals); i++) {
		enum total_result r = total_of(t, &scratch, slice_z(totals[i].event), &v);
		size_t n = r == TOTAL_OK ? dec_text(v, text) : 0;

		ok(r == totals[i].result &&
			   (!totals[i].total || slice_is(slice(text, n), totals[i].total)),
		   "%s: %d %.*s", totals[i].event, r, (int)n, text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		json_parse(&j, slice_z(wrong[i]), NULL);
		ok(!total_new(&j, 0, NULL), "x-total is not %s", wrong[i]);
	}
	total_free(t);
	json_fini(&j);
	json_fini(&scratch);
}

/* ---- what is no route */

static void test_no_route(void)
{
	static const char *const options[] = {
		"",      "/a",      "/a=b",     "/a=:c",   "/a=b:",       "a=b:c",
		"/=b:c", "/a/=b:c", "/a b=c:d", "/a?=c:d", "/events=b:c", "/publish=b:c",
	};
	static const char *const schemas[] = {
		"",
		"true",
		"{\"type\":\"no\"}",
		"{\"x-id\":5}",
		"{\"x-id\":\"payload\"}",
		"{\"x-total\":5}",
		"{\"x-total\":{\"topic\":\"i[].a\"}}",
		"{\"x-id\":\"i\",\"x-total\":{\"i\":\"i[].a\"}}",
	};
	struct typed_spec spec;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		ok(typed_spec_parse(options[i], &spec, &err) == -1 && err.code == EX_USAGE,
		   "\"%s\": %s", options[i], err.msg);
	typed_spec_parse("/a=b:c:d", &spec, NULL);
	ok(slice_is(spec.topic, "b") && slice_is(spec.schema, "c:d"), "a schema may have a colon");
	for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++)
		ok(!typed_new(&spec, "s", slice_z(schemas[i]), &err) && err.msg[0], "%s: %s",
		   schemas[i], err.msg);
}

int main(void)
{
	seen = seen_new(3600 * TM_S, 1000, 10);
	in = intake_new(&(struct intake_conf){
		.max_events = 5, .max_event_bytes = 10000, .max_ahead_us = TM_S, .seen = seen });
	test_orders();
	test_refused();
	test_views();
	test_totals();
	test_no_route();
	intake_free(in);
	seen_free(seen);
	return done();
}
