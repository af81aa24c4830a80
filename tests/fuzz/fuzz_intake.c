/* Bodies of requests, whatever they are: both engines of the cutter come to the same result, a body
 * that is taken or judged is JSON, and all lines for the log are. */
#include "fuzz.h"

#include "intake/intake.h"
#include "json/json.h"

enum { ROUTES = 3, ENGINES = 2 };

static struct intake_route *routes[ROUTES];
static struct intake *intakes[ENGINES];
static struct seen *seens[ENGINES];

static void set_up(void)
{
	static const char *const paths[ROUTES] = { "/events", "/ingest", "/publish" };
	struct intake_conf conf = { .max_events = 20,
				    .max_event_bytes = 2000,
				    .max_ahead_us = 3600 * TM_S };

	for (int i = 0; i < ROUTES; i++)
		routes[i] = intake_route_new(intake_route_builtin(slice_z(paths[i])), NULL);
	for (int i = 0; i < ENGINES; i++) {
		conf.seen = seens[i] = seen_new(1, 10, 21);
		conf.engine = i ? CUT_AVX2 : CUT_PORTABLE;
		intakes[i] = intake_new(&conf);
	}
}

static void check_lines(const struct intake_result *out)
{
	struct slice left = out->lines;
	struct json j = { 0 };

	for (uint32_t n = 0; n < out->n_lines; n++) {
		const char *stop = memchr(left.p, '\n', left.n);

		MUST(stop);
		MUST(json_parse(&j, slice(left.p, (size_t)(stop - left.p)), NULL) == 0);
		MUST(j.node[0].type == JSON_OBJECT);
		left = slice(stop + 1, left.n - (size_t)(stop + 1 - left.p));
	}
	MUST(left.n == 0);
	json_fini(&j);
}

static void check_result(const struct intake_result *out, const struct intake_request *rq)
{
	struct json j = { 0 };

	check_lines(out);
	if (out->status == INTAKE_OK) {
		MUST(out->events == out->fresh + out->duplicates + out->rejected);
		MUST(out->n_lines == out->fresh + out->rejected);
		MUST(rq->lenient || (out->rejected == 0 && out->errors.total == 0));
	} else {
		MUST(out->n_lines == 0 && out->detail[0]);
	}
	if (out->status == INTAKE_INVALID)
		MUST(out->rejected > 0 && out->errors.n > 0);
	if (!rq->lines && (out->status == INTAKE_OK || out->status == INTAKE_EMPTY))
		MUST(json_parse(&j, rq->body, NULL) == 0);
	for (unsigned i = 0; i < out->errors.n; i++)
		MUST(str_utf8(out->errors.list[i].detail.p, out->errors.list[i].detail.n));
	json_fini(&j);
}

static void check_same(const struct intake_result *a, const struct intake_result *b)
{
	MUST(a->status == b->status && strcmp(a->detail, b->detail) == 0);
	MUST(a->events == b->events && a->rejected == b->rejected && a->fresh == b->fresh);
	MUST(slice_eq(a->lines, b->lines) && a->errors.total == b->errors.total);
	MUST(slice_eq(buf_slice(&a->event_id), buf_slice(&b->event_id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice body = slice((const char *)data, n);
	const struct intake_result *out[ENGINES];
	unsigned way;

	if (!routes[0])
		set_up();
	way = fuzz_byte(&body);
	struct intake_request rq = { .route = routes[way % ROUTES],
				     .body = body,
				     .lines = way & 8,
				     .lenient = way & 16,
				     .now_us = 1760000000000000,
				     .random = { 1, 1 },
				     .request_id = slice_z("r") };
	if (way & 32)
		rq.idempotency_key = slice_z("K");
	for (int i = 0; i < ENGINES; i++) {
		out[i] = intake_read(intakes[i], &rq);
		check_result(out[i], &rq);
	}
	check_same(out[0], out[1]);
	intake_undo(intakes[0]);
	intake_undo(intakes[1]);
	return 0;
}
