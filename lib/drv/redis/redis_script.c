/* Scripts: loaded when first called on a server, called by their hash. Their texts are
 * redis_*.lua. */
#include <stdio.h>
#include <string.h>

#include "drv/redis/redis_internal.h"
#include "drv/redis/redis_lua.inc"

static void redis_script_text_of(enum redis_script which, struct buf *out)
{
	static const char *const texts[REDIS_SCRIPTS] = {
		[REDIS_JOB] = redis_job_lua,     [REDIS_TREND] = redis_trend_lua,
		[REDIS_APPLY] = redis_apply_lua, [REDIS_PUT] = redis_put_lua,
		[REDIS_DEDUP] = redis_dedup_lua, [REDIS_CLAIM] = redis_claim_lua,
	};

	if (which == REDIS_APPLY || which == REDIS_PUT)
		buf_addz(out, redis_rows_lua);
	if (which == REDIS_JOB || which == REDIS_TREND || which == REDIS_DEDUP)
		buf_addz(out, redis_may_lua);
	buf_addz(out, texts[which]);
}

/* With a buffer of its own: the call that found it missing stands in p->out. */
static enum sink_result redis_load_script(struct redis *p, enum redis_script which, struct err *err)
{
	struct buf text = { 0 }, call = p->out;
	redisReply *reply;
	enum sink_result r;

	p->out = (struct buf){ 0 };
	redis_script_text_of(which, &text);
	redis_begin(p, 3);
	redis_argz(p, "SCRIPT");
	redis_argz(p, "LOAD");
	redis_arg(p, buf_slice(&text));
	r = redis_run(p, &reply, err);
	if (r == SINK_OK && reply->type == REDIS_REPLY_STRING && reply->len < REDIS_SHA_BYTES)
		snprintf(p->sha[which], REDIS_SHA_BYTES, "%s", reply->str);
	else if (r == SINK_OK)
		r = redis_broken(p, "no hash for a script", err);
	freeReplyObject(reply);
	buf_fini(&text);
	buf_fini(&p->out);
	p->out = call;
	return r;
}

enum sink_result redis_script_again(struct redis *p, struct err *err)
{
	enum redis_script which = (enum redis_script)p->script;
	enum sink_result r = redis_load_script(p, which, err);

	p->script = (int)which;
	p->sent = 0;
	return r;
}

enum sink_result redis_begin_script(struct redis *p, enum redis_script which, size_t nkeys,
				    size_t nargs, struct err *err)
{
	enum sink_result r = p->sha[which][0] ? SINK_OK : redis_load_script(p, which, err);

	if (r != SINK_OK)
		return r;
	redis_begin(p, 3 + nkeys + nargs);
	redis_argz(p, "EVALSHA");
	redis_argz(p, p->sha[which]);
	redis_argi(p, (int64_t)nkeys);
	p->script = (int)which;
	return SINK_OK;
}

enum sink_result redis_may(struct redis *p, struct err *err)
{
	redisReply *reply;
	enum sink_result r = redis_run(p, &reply, err);

	if (r == SINK_OK && slice_is(redis_element(reply, 0), "denied")) {
		redis_lacks(p, redis_element(reply, 1), err);
		r = SINK_FATAL;
	}
	freeReplyObject(reply);
	return r;
}

enum sink_result redis_may_write(struct redis *p, struct err *err)
{
	enum sink_result r;

	if (p->may_write)
		return SINK_OK;
	r = redis_begin_job(p, "", "may_write", 0, err);
	if (r == SINK_OK)
		r = redis_may(p, err);
	p->may_write = r == SINK_OK;
	return r;
}

struct slice redis_element(const redisReply *reply, size_t i)
{
	const redisReply *e = reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements
				      ? reply->element[i]
				      : NULL;

	return e && (e->type == REDIS_REPLY_STRING || e->type == REDIS_REPLY_STATUS)
		       ? slice(e->str, e->len)
		       : slice("", 0);
}

void redis_key_name(struct buf *out, struct slice name)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] && strchr(plain, name.p[i]))
			buf_addc(out, name.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)name.p[i]);
	}
}

void redis_arg_job_key(struct redis *p, const char *kind, const char *job)
{
	p->key.n = 0;
	buf_printf(&p->key, "%s%s:", p->tag, kind);
	redis_key_name(&p->key, slice_z(job));
	buf_addc(&p->key, ':');
	redis_key_name(&p->key, slice_z(p->conf->name));
	redis_arg(p, buf_slice(&p->key));
}
