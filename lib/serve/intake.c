/* GET /stats without a rule, POST /stats/reset: what the intakes have been sent, as they tell it in
 * the run folder (tool/intake_stats.h): a second old at most, and there when they are not. */
#include "base/log.h"
#include "base/tm.h"
#include "net/problem.h"
#include "serve/serve.h"
#include "tool/intake_stats.h"

static void say_no_folder(struct http_request *req, const struct err *err)
{
	log_warn("statistics: %s", err->msg);
	problem_answer(req, &(struct problem){ .status = 503,
					       .code = "no-run-folder",
					       .detail = slice_z("the run folder cannot be read or "
								 "written; the server's messages "
								 "say why"),
					       .retry_after_s = 30 });
}

static void answer_text(struct http_request *req, struct buf *b)
{
	http_answer(req, &(struct http_answer){
				 .status = 200, .type = "application/json", .body = buf_slice(b) });
	buf_fini(b);
}

bool serve_intake_wanted(const struct http_request *req)
{
	static const char *const of_rules[] = { "rule_id", "start_time", "end_time", "limit",
						"dims",    "numbers",    "cursor" };
	struct buf text = { 0 };
	bool none = true;

	for (size_t i = 0; i < sizeof(of_rules) / sizeof(*of_rules); i++)
		none = none && http_param(req->query, of_rules[i], &text) == 0;
	if (none && http_param(req->query, "times", &text) == 1)
		none = slice_is(buf_slice(&text), "plain") || slice_is(buf_slice(&text), "zulu");
	buf_fini(&text);
	return none;
}

void serve_get_intake(struct serve *s, struct http_request *req)
{
	struct intake_stats stats;
	struct err err = ERR_INIT;
	struct buf b = { 0 };

	if (intake_stats_all(&stats, &err)) {
		say_no_folder(req, &err);
	} else {
		intake_stats_json(&stats, tm_mono_us() - s->begun_us, &b);
		answer_text(req, &b);
	}
	intake_stats_fini(&stats);
}

void serve_reset_intake(void *serve, struct http_request *req)
{
	struct err err = ERR_INIT;
	struct buf b = { 0 };

	(void)serve;
	if (intake_stats_reset_all(&err)) {
		say_no_folder(req, &err);
		return;
	}
	buf_addz(&b, "{\"status\":\"reset\"}\n");
	answer_text(req, &b);
}
