/* What hta-trend keeps. A connection of its own, for the reader's may be to another node of the
 * cluster and takes no scripts. State and alerts are written by one script (redis_trend.lua). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/redis/redis_internal.h"
#include "read/alerts.h"

struct redis_alerts {
	struct redis_conf conf; /* create is not set: the schema is not ours to make */
	struct redis *p;
};

static void redis_alerts_close(void *d)
{
	struct redis_alerts *a = d;

	if (!a)
		return;
	redis_driver.close(a->p);
	free(a);
}

static enum sink_result alerts_may(struct redis *p, struct err *err)
{
	enum sink_result r = redis_begin_script(p, REDIS_TREND, 2, 2, err);

	if (r != SINK_OK)
		return r;
	p->key.n = 0;
	buf_printf(&p->key, "%stmp", p->tag);
	redis_arg(p, buf_slice(&p->key));
	redis_arg(p, buf_slice(&p->key));
	redis_argz(p, "may");
	redis_arg(p, buf_slice(&p->key));
	return redis_may(p, err);
}

/* A cluster says where the slot is: there, once more. */
static enum sink_result alerts_connect(struct redis *p, struct err *err)
{
	enum sink_result r = redis_enter(p, err);

	if (r == SINK_RETRY && p->redirect == REDIS_MOVED) {
		redis_driver.disconnect(p);
		r = redis_enter(p, err);
	}
	return r == SINK_OK ? alerts_may(p, err) : r;
}

static void *redis_alerts_open(const struct sink_conf *conf, struct err *err)
{
	struct redis_alerts *a = mem_zalloc(sizeof(*a));

	a->conf.shared = *conf;
	a->conf.shared.create = false;
	a->conf.shared.name = "";
	a->p = redis_driver.open(&a->conf.shared, err);
	if (a->p && sink_error_result(alerts_connect(a->p, err), err) == 0)
		return a;
	redis_alerts_close(a);
	return NULL;
}

/* {PREFIX}:KIND:METRIC:RULE */
static void arg_rule_key(struct redis *p, const char *kind, const char *metric, const char *name)
{
	p->key.n = 0;
	buf_printf(&p->key, "%s%s:", p->tag, kind);
	redis_key_name(&p->key, slice_z(metric));
	buf_addc(&p->key, ':');
	redis_key_name(&p->key, slice_z(name));
	redis_arg(p, buf_slice(&p->key));
}

static int redis_alerts_load(void *d, const char *metric, const char *name,
			     struct alerts_state *out, struct err *err)
{
	struct redis *p = ((struct redis_alerts *)d)->p;
	redisReply *reply;

	redis_begin(p, 5);
	redis_argz(p, "HMGET");
	arg_rule_key(p, "t", metric, name);
	redis_argz(p, "turn");
	redis_argz(p, "settings");
	redis_argz(p, "state");
	if (sink_error_result(redis_run(p, &reply, err), err))
		return -1;
	if (redis_element(reply, 0).n) {
		out->turn = strtoll(redis_element(reply, 0).p, NULL, 10);
		buf_adds(&out->rule, redis_element(reply, 1));
		buf_adds(&out->text, redis_element(reply, 2));
	}
	freeReplyObject(reply);
	return 0;
}

/* Runs a verb of the script, of which the arguments stand in p; its number. */
static int run_verb(struct redis *p, int64_t *answer, struct err *err)
{
	redisReply *reply;

	if (sink_error_result(redis_run(p, &reply, err), err))
		return -1;
	*answer = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
	freeReplyObject(reply);
	return 0;
}

static int begin_verb(struct redis *p, const char *verb, const char *metric, const char *name,
		      size_t nargs, struct err *err)
{
	if (sink_error_result(redis_begin_script(p, REDIS_TREND, 2, 1 + nargs, err), err))
		return -1;
	arg_rule_key(p, "t", metric, name);
	arg_rule_key(p, "a", metric, name);
	redis_argz(p, verb);
	return 0;
}

static int redis_alerts_store(void *d, const struct alerts_batch *b, bool *stored, struct err *err)
{
	struct redis *p = ((struct redis_alerts *)d)->p;
	char judged[TM_TEXT_BYTES], end[32];
	int64_t answer;

	*stored = false;
	if (begin_verb(p, "store", b->metric, b->name, 4 + 2 * b->n, err))
		return -1;
	redis_argi(p, b->turn);
	redis_arg(p, b->rule);
	redis_arg(p, slice(judged, tm_text(b->judged_us, judged)));
	redis_arg(p, b->text);
	for (size_t i = 0; i < b->n; i++) {
		snprintf(end, sizeof(end), "%" PRId64 ".%06" PRId64, b->alert[i].end_us / 1000000,
			 b->alert[i].end_us % 1000000);
		redis_argz(p, end);
		redis_arg(p, b->alert[i].json);
	}
	if (run_verb(p, &answer, err))
		return -1;
	*stored = answer == 1;
	return 0;
}

static int redis_alerts_drop(void *d, const char *metric, const char *name, uint64_t *alerts,
			     struct err *err)
{
	struct redis *p = ((struct redis_alerts *)d)->p;
	int64_t answer;

	if (begin_verb(p, "drop", metric, name, 0, err) || run_verb(p, &answer, err))
		return -1;
	*alerts = (uint64_t)answer;
	return 0;
}

const struct alerts_driver redis_alerts = {
	.open = redis_alerts_open,
	.close = redis_alerts_close,
	.load = redis_alerts_load,
	.store = redis_alerts_store,
	.drop = redis_alerts_drop,
};
