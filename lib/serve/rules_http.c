/* Handlers of rules. What touches files is done in a worker, as queries are: writers one after the
 * other by a lock on the folder, whichever thread or server they are of. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "json/json.h"
#include "net/problem.h"
#include "serve/rules_internal.h"

/* ---- reading */
int rules_say_none(struct rules_work *w)
{
	return serve_result_problem(w->out, 404, "unknown-rule", "there is no rule \"%.64s\"",
				    buf_z(&w->q->id));
}

static int list_rules(struct rules_work *w)
{
	struct buf *out = &w->out->body;
	size_t n = 0;

	buf_addz(out, "{\"rules\":[");
	for (size_t i = 0; i < w->all.rules.n; i++) {
		if (w->all.v[i].retired)
			continue;
		buf_addz(out, n++ ? "," : "");
		served_rule_text(w->all.v[i].source, w->all.v[i].version, false, out);
	}
	buf_printf(out, "],\"count\":%zu}\n", n);
	return 0;
}

static int get_rule(struct rules_work *w)
{
	if (!w->was || w->was->retired)
		return rules_say_none(w);
	served_rule_text(w->was->source, w->was->version, false, &w->out->body);
	served_rule_etag(buf_slice(&w->out->body), w->out->etag);
	buf_addc(&w->out->body, '\n');
	return 0;
}

/* ---- in a worker */
static int act_on_rules(struct rules_work *w, struct err *err)
{
	struct rules_query *q = w->q;

	if (served_rules_read(&w->all, q->path, err))
		return -1;
	w->was = q->id.n ? served_rules_find(&w->all, buf_slice(&q->id)) : NULL;
	switch (q->act) {
	case RULES_LIST:
		return list_rules(w);
	case RULES_GET:
		return get_rule(w);
	case RULES_PUT:
		return rules_put(w, err);
	case RULES_RETIRE:
		return rules_retire(w, err);
	}
	return 0;
}

/* Closing the folder unlocks it. */
static int lock_folder(struct rules_work *w, struct err *err)
{
	w->dir = open(w->q->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir < 0 && errno == ENOTDIR)
		return serve_result_problem(w->out, 403, "rules-read-only",
					    "--rules names a file, which is read only");
	if (w->dir < 0 || flock(w->dir, LOCK_EX))
		return err_errno(err, EX_CONFIG, "%s", w->q->path);
	return 0;
}

static int run_rules(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		     struct err *err)
{
	struct rules_work w = { .q = (struct rules_query *)q, .out = out, .dir = -1 };
	bool writes = w.q->act == RULES_PUT || w.q->act == RULES_RETIRE;
	int rc = 0;

	(void)reader;
	out->cache = writes ? "no-store" : NULL;
	if (w.q->act == RULES_PUT && rules_body(&w))
		buf_adds(&w.q->id, w.fresh.v[0].id);
	if (!out->code && writes)
		rc = lock_folder(&w, err);
	if (rc == 0 && !out->code)
		rc = act_on_rules(&w, err);
	if (w.dir >= 0)
		close(w.dir);
	served_rules_fini(&w.all);
	rules_fini(&w.fresh);
	if (rc)
		log_warn("%s", err->msg);
	return rc ? serve_result_problem(out, 503, "rules-unavailable",
					 "the rules cannot be read or written; the server's "
					 "messages say why")
		  : 0;
}

/* ---- handlers */
static void release_rules(struct serve_query *q)
{
	struct rules_query *r = (struct rules_query *)q;

	buf_fini(&r->id);
	buf_fini(&r->body);
	buf_fini(&r->if_match);
	free(r);
}

/* No two of them are equal: a write is done once for each who asks, and whoever reads sees what was
 * written before. */
static void ask_rules(struct serve *s, struct http_request *req, enum rules_act act)
{
	struct rules_query *q;
	uint64_t random;

	if (!s->rules) {
		problem_say(req, 404, "no-rules", "there are no rules here: --rules DIR has them");
		return;
	}
	q = mem_zalloc(sizeof(*q));
	q->q.run = run_rules;
	q->q.release = release_rules;
	q->act = act;
	q->path = s->rules;
	q->source = &s->source;
	hash_random(&random, sizeof(random));
	buf_printf(&q->q.key, "rules %016" PRIx64, random);
	buf_adds(&q->body, req->body);
	buf_adds(&q->if_match, http_field(req, "If-Match"));
	q->if_none = slice_is(http_field(req, "If-None-Match"), "*");
	if ((act == RULES_GET || act == RULES_RETIRE) && route_segment(req, 0, &q->id))
		q->id.n = 0;
	serve_answer(s, req, &q->q);
}

void serve_get_rules(void *serve, struct http_request *req)
{
	ask_rules(serve, req, RULES_LIST);
}

void serve_get_rule(void *serve, struct http_request *req)
{
	ask_rules(serve, req, RULES_GET);
}

void serve_put_rule(void *serve, struct http_request *req)
{
	ask_rules(serve, req, RULES_PUT);
}

void serve_retire_rule(void *serve, struct http_request *req)
{
	ask_rules(serve, req, RULES_RETIRE);
}
