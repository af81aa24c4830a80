/* GET /pipelines: what hta-top shows, of the run folder that --run names, and what the intakes
 * there tell of themselves (tool/intake_stats.h).
 *
 * The folder is looked at in the loop's thread: it is a folder in memory with a page of 4 KiB a
 * stage, and is looked at once a second at most, however many ask. Whether a pipeline that is
 * behind is catching up needs a sample that is older than an epoch, so one is kept beside the
 * newest and replaced each EARLIER_US. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "net/problem.h"
#include "serve/serve.h"
#include "tool/intake_stats.h"
#include "tool/top.h"

enum { NOW_US = 1000000, EARLIER_US = 5000000 };

struct serve_pipelines {
	struct top now, earlier;
	int64_t now_us, earlier_us; /* tm_mono_us; 0: there is none */
};

/* The sample of a moment ago; NULL: the folder cannot be read. */
static const struct top *look_at_folder(struct serve *s)
{
	struct serve_pipelines *p = s->pipelines;
	int64_t now_us = tm_mono_us();
	struct err err = ERR_INIT;
	struct top t;

	if (!p)
		p = s->pipelines = mem_zalloc(sizeof(*p));
	if (p->now_us && now_us - p->now_us < NOW_US)
		return &p->now;
	if (top_sample(&t, p->earlier_us ? &p->earlier : NULL, &err)) {
		log_warn("pipelines: %s", err.msg);
		return NULL;
	}
	if (p->now_us && (!p->earlier_us || now_us - p->earlier_us >= EARLIER_US)) {
		top_fini(&p->earlier);
		p->earlier = p->now;
		p->earlier_us = p->now_us;
	} else {
		top_fini(&p->now);
	}
	p->now = t;
	p->now_us = now_us;
	return &p->now;
}

void serve_pipelines_free(struct serve_pipelines *p)
{
	if (!p)
		return;
	top_fini(&p->now);
	top_fini(&p->earlier);
	free(p);
}

void serve_pipelines_metrics(struct serve *s, struct buf *out)
{
	const struct top *t = look_at_folder(s);

	if (t)
		top_metrics(t, out);
}

struct intakes {
	const struct top *top;
	struct buf *out;
};

static bool is_alive(const struct top *t, uint64_t pid)
{
	for (size_t i = 0; i < t->n_views; i++)
		if (t->view[i].alive && t->view[i].counters.pid == pid &&
		    strcmp(t->view[i].counters.program, "hta-ingest") == 0)
			return true;
	return false;
}

static void add_intake(void *arg, uint64_t log, uint64_t pid, struct slice now)
{
	struct intakes *in = arg;

	buf_addz(in->out, in->out->p[in->out->n - 1] == '[' ? "{\"log\":\"" : ",{\"log\":\"");
	buf_hex(in->out, &log, sizeof(log));
	buf_printf(in->out, "\",\"alive\":%s,\"now\":", is_alive(in->top, pid) ? "true" : "false");
	buf_adds(in->out, now);
	buf_addc(in->out, '}');
}

void serve_get_pipelines(void *serve, struct http_request *req)
{
	static const struct http_field fresh = { { "Cache-Control", 13 }, { "no-cache", 8 } };
	const struct top *t = look_at_folder(serve);
	struct err err = ERR_INIT;
	struct buf b = { 0 };

	if (!t) {
		problem_say(req, 503, "no-run-folder",
			    "the run folder cannot be read; the server's messages say why");
		return;
	}
	buf_addz(&b, "{\"time\":\"");
	b.n += tm_text_ms(t->now_us, buf_room(&b, TM_TEXT_BYTES));
	buf_addz(&b, "\",\"pipelines\":[");
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			buf_addc(&b, ',');
		top_json_pipeline(&t->pipe[i], &b);
	}
	buf_addz(&b, "],\"intakes\":[");
	if (intake_stats_each(add_intake, &(struct intakes){ t, &b }, &err))
		log_warn("intakes: %s", err.msg);
	buf_addz(&b, "]}\n");
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "application/json",
						.fields = &fresh,
						.n_fields = 1,
						.body = buf_slice(&b) });
	buf_fini(&b);
}
