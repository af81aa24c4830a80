/* Requests with events of one shape, which the scanner learns: an odd one among them is found. */
#include "tap.h"

#include "intake/intake.h"

static const int64_t now_us = 1760000000123000; /* 2025-10-09T08:53:20.123Z */

enum { ALIKE = 300 };

static void add_alike(struct buf *b, int i, const char *more, int payload)
{
	buf_printf(b,
		   "%s{\"event_type\":\"a\",\"user_id\":\"%d\",\"event_id\":\"id-%d\",\"payload\":{"
		   "\"n\":%d,"
		   "\"o\":{\"n\":\"}\"}},\"o\":{}%s}",
		   i ? "," : "[", i * 7, i, payload, more);
}

static void test_alike(const char *list, const char *odd, const char *pointer)
{
	struct seen *seen = seen_new(3600 * TM_S, 1000, ALIKE + 1);
	struct intake *in = intake_new(&(struct intake_conf){
		.max_events = ALIKE, .max_event_bytes = 1000, .max_ahead_us = TM_S, .seen = seen });
	struct intake_route *r = intake_route_new(intake_route_builtin(slice_z("/ingest")), NULL);
	const struct intake_result *out = NULL;
	struct buf body[3] = { { 0 } };

	for (int i = 0; i < ALIKE; i++)
		for (int k = 0; k < 3; k++)
			add_alike(&body[k], i, k == 2 && i == 200 ? odd : list,
				  k == 1 && i % 10 == 0 ? -1 : i);
	for (int k = 0; k < 3; k++) {
		buf_addc(&body[k], ']');
		out = intake_read(in, &(struct intake_request){ .route = r,
								.body = buf_slice(&body[k]),
								.now_us = now_us,
								.ticket = 1 });
		if (k == 0)
			is_int(out->fresh, ALIKE, "events of one shape are taken");
		else if (k == 1)
			ok(out->duplicates == ALIKE && out->conflicting == ALIKE / 10,
			   "once, and %u had other payloads", out->conflicting);
	}
	ok(out->errors.total == 1 && out->errors.list[0].index == 200 &&
		   slice_is(out->errors.list[0].pointer, pointer),
	   "one has a name twice, %.*s", (int)out->errors.list[0].pointer.n,
	   out->errors.list[0].pointer.p);
	for (int k = 0; k < 3; k++)
		buf_fini(&body[k]);
	intake_free(in);
	intake_route_free(r);
	seen_free(seen);
}

int main(void)
{
	test_alike("", ",\"o\":{}", "/o");
	test_alike("", ",\"p\":{\"a\":1,\"a\":2}", "/p/a");
	test_alike(",\"l\":[{\"a\":1,\"b\":2}]", ",\"l\":[{\"a\":1,\"a\":2}]", "/l/0/a");
	return done();
}
