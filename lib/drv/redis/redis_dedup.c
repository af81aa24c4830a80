/* The server behind a state that hosts share.
 *
 * One connection for the whole run: a server that went away may have lost what it had not written,
 * so nothing is asked anew on another one. The stage ends (75) and begins anew, with fences of its
 * own. Only the first connection is waited for, and not for long: the hello waits with it.
 *
 * Durable is a barrier when the file has what came before it:
 *   the server knows WAITAOF (7.2)   it is asked to wait
 *   appendfsync is always            it has written before it answers
 *   else                             nobody knows: said at the start. A tail that is lost takes
 *                                    positions along, so it is found: the state is older then
 * What cannot keep a state is refused at the start: one that has no file, or may evict keys. */
#include "drv/redis/redis_dedup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/redis/redis_dedup_internal.h"
#include "sink/retry.h"
#include "xform/dedup.h"

enum { FORMAT = 1, REACH_US = 10000000, AGAIN_US = 200000 };

/* ---- answers */

struct slice redis_dedup_word(const redisReply *reply)
{
	return redis_element(reply, 0);
}

int64_t redis_dedup_number(const redisReply *reply, size_t i)
{
	if (reply->type == REDIS_REPLY_ARRAY && i < reply->elements &&
	    reply->element[i]->type == REDIS_REPLY_INTEGER)
		return reply->element[i]->integer;
	return strtoll(redis_element(reply, i).p, NULL, 10);
}

int redis_dedup_judge(struct redis_dedup *d, const redisReply *reply, struct dedup_refusal *why,
		      struct err *err)
{
	static const struct {
		const char *word;
		enum dedup_refused why;
	} words[] = {
		{ "stale", DEDUP_STALE }, { "server", DEDUP_SERVER },
		{ "older", DEDUP_OLDER }, { "generation", DEDUP_GENERATION },
		{ "fields", DEDUP_KEY },  { "below", DEDUP_BELOW },
		{ "hole", DEDUP_HOLE },
	};
	struct slice word = redis_dedup_word(reply), text = redis_element(reply, 1);

	if (slice_is(word, "ok"))
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (slice_is(word, words[i].word)) {
			*why = (struct dedup_refusal){ .why = words[i].why };
			snprintf(why->text, sizeof(why->text), "%.*s", (int)text.n, text.p);
			return 1;
		}
	return err_set(err, EX_SOFTWARE, "%s: an answer of another program", d->name);
}

/* ---- calls */

struct slice redis_dedup_field(struct redis_dedup *d, const char *topic, int32_t partition)
{
	d->field.n = 0;
	redis_position_field(&d->field, topic, partition);
	return buf_slice(&d->field);
}

void redis_dedup_key(struct redis_dedup *d, const char *kind, struct slice rest)
{
	struct buf *key = &d->p->key;

	key->n = 0;
	buf_addz(key, d->tag);
	buf_addz(key, kind);
	buf_adds(key, rest);
	redis_arg(d->p, buf_slice(key));
}

int redis_dedup_run(struct redis_dedup *d, redisReply **reply, struct err *err)
{
	return redis_run(d->p, reply, err) == SINK_OK ? 0 : -1;
}

/* Begins a call of a verb of redis_dedup.lua. */
static enum sink_result begin_verb(struct redis_dedup *d, const char *verb, size_t nargs,
				   struct err *err)
{
	enum sink_result r = redis_begin_script(d->p, REDIS_DEDUP, 2, nargs + 2, err);

	if (r != SINK_OK)
		return r;
	redis_dedup_key(d, "state", slice("", 0));
	redis_dedup_key(d, "part", slice("", 0));
	redis_argz(d->p, d->tag);
	redis_argz(d->p, verb);
	return SINK_OK;
}

/* ---- what the server is */

static enum sink_result ask_section(struct redis_dedup *d, const char *section, redisReply **reply,
				    struct err *err)
{
	redis_begin(d->p, 2);
	redis_argz(d->p, "INFO");
	redis_argz(d->p, section);
	return redis_run(d->p, reply, err);
}

static bool says(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && strstr(reply->str, text);
}

static enum sink_result check_memory(struct redis_dedup *d, struct err *err)
{
	redisReply *reply;
	enum sink_result r = ask_section(d, "memory", &reply, err);

	if (r != SINK_OK)
		return r;
	if (says(reply, "maxmemory_policy:allkeys") && !says(reply, "maxmemory:0\r")) {
		err_set(err, EX_CONFIG,
			"%s: may evict keys, and a record whose key is gone would be lost or "
			"doubled: set maxmemory-policy noeviction",
			d->name);
		r = SINK_FATAL;
	}
	freeReplyObject(reply);
	return r;
}

static enum sink_result check_file(struct redis_dedup *d, struct err *err)
{
	redisReply *reply;
	enum sink_result r = ask_section(d, "persistence", &reply, err);

	if (r != SINK_OK)
		return r;
	if (!says(reply, "aof_enabled:1")) {
		err_set(err, EX_CONFIG,
			"%s: keeps keys in memory only, and they have to outlive it: set "
			"appendonly yes",
			d->name);
		r = SINK_FATAL;
	}
	freeReplyObject(reply);
	return r;
}

/* Not every server knows it, and not every user may: false then. */
static enum sink_result ask_setting(struct redis_dedup *d, bool *always, struct err *err)
{
	struct err refused;
	redisReply *reply = NULL;
	enum sink_result r;

	redis_begin(d->p, 3);
	redis_argz(d->p, "CONFIG");
	redis_argz(d->p, "GET");
	redis_argz(d->p, "appendfsync");
	r = redis_run(d->p, &reply, &refused);
	*always = r == SINK_OK && slice_is(redis_element(reply, 1), "always");
	freeReplyObject(reply);
	if (r == SINK_RETRY)
		err_copy(err, &refused);
	return r == SINK_RETRY ? r : SINK_OK;
}

/* WAITAOF for 0 copies answers at once. */
static enum sink_result ask_wait(struct redis_dedup *d, struct err *err)
{
	struct err refused;
	redisReply *reply = NULL;
	enum sink_result r;

	redis_begin(d->p, 4);
	redis_argz(d->p, "WAITAOF");
	for (int i = 0; i < 3; i++)
		redis_argi(d->p, 0);
	r = redis_run(d->p, &reply, &refused);
	d->waits = r == SINK_OK;
	freeReplyObject(reply);
	if (r == SINK_RETRY)
		err_copy(err, &refused);
	return r == SINK_RETRY ? r : SINK_OK;
}

static enum sink_result check_durable(struct redis_dedup *d, struct err *err)
{
	bool always = false;
	enum sink_result r = check_file(d, err);

	if (r == SINK_OK)
		r = ask_wait(d, err);
	if (r == SINK_OK && !d->waits)
		r = ask_setting(d, &always, err);
	if (r == SINK_OK && !d->waits && !always)
		log_warn("%s: writes its file behind its answers: what a crash of the machine "
			 "takes along makes the state older than the sinks, and the job stop (78); "
			 "set appendfsync always",
			 d->name);
	return r;
}

/* That this user may call what the scripts call. */
static enum sink_result check_rights(struct redis_dedup *d, struct err *err)
{
	enum sink_result r = begin_verb(d, "may", 0, err);

	return r == SINK_OK ? redis_may(d->p, err) : r;
}

static enum sink_result greet_server(struct redis_dedup *d, struct err *err)
{
	enum sink_result r = redis_dial(d->p, err);

	if (r == SINK_OK)
		r = check_memory(d, err);
	if (r == SINK_OK)
		r = check_rights(d, err);
	return r == SINK_OK ? check_durable(d, err) : r;
}

/* A server that is starting is waited for. */
static int reach_server(struct redis_dedup *d, struct err *err)
{
	struct loop *loop = d->conf.shared.loop;
	struct retry retry = { 0 };
	struct err failed;

	for (;;) {
		enum sink_result r = greet_server(d, &failed);

		if (r == SINK_OK) {
			retry_done(&retry, "redis");
			return 0;
		}
		redis_driver.disconnect(d->p);
		if (r != SINK_RETRY)
			return err_copy(err, &failed);
		if (retry_note(&retry, "redis", REACH_US, "", &failed, err) ||
		    loop_sleep(loop, tm_mono_us() + AGAIN_US, err))
			return -1;
	}
}

/* ---- open, close */

static void close_state(void *s)
{
	struct redis_dedup *d = s;

	if (d->p)
		redis_driver.close(d->p);
	free(d->name);
	free(d->tag);
	free(d->job);
	buf_fini(&d->run_id);
	buf_fini(&d->field);
	buf_fini(&d->scratch);
	free(d);
}

static char *make_tag(const char *job)
{
	struct buf name = { 0 };
	char *tag;

	redis_key_name(&name, slice_z(job));
	tag = mem_printf("{hta:%s}", buf_z(&name));
	buf_fini(&name);
	return tag;
}

static void *open_state(const char *where, const char *job, struct loop *loop, struct err *err)
{
	struct redis_dedup *d = mem_zalloc(sizeof(*d));

	d->conf.shared = (struct sink_conf){
		.where = strcmp(where, "redis:") == 0 ? NULL : where,
		.place = "hta",
		.loop = loop,
	};
	d->tag = make_tag(job);
	d->job = mem_strdup(job);
	d->p = redis_driver.open(&d->conf.shared, err);
	if (!d->p)
		goto close;
	free(d->p->tag); /* of messages */
	d->p->tag = mem_strdup(d->tag);
	d->name = mem_printf("redis %s", redis_where(d->p));
	if (reach_server(d, err))
		goto close;
	return d;
close:
	close_state(d);
	return NULL;
}

static const char *name_of(void *s)
{
	return ((struct redis_dedup *)s)->name;
}

/* ---- load, take */

static int load_state(void *s, struct dedup *into, struct err *err)
{
	struct redis_dedup *d = s;
	struct slice format;
	redisReply *reply;
	int rc = 0;

	if (begin_verb(d, "load", 0, err) != SINK_OK || redis_dedup_run(d, &reply, err))
		return -1;
	format = redis_element(reply, 0);
	if (format.n && redis_dedup_number(reply, 0) != FORMAT)
		rc = err_set(err, EX_CONFIG, "%s: has a state of a newer program (format %.*s)",
			     d->name, (int)format.n, format.p);
	else if (format.n)
		dedup_load_about(into, slice_z(d->job), redis_element(reply, 2),
				 redis_element(reply, 1));
	freeReplyObject(reply);
	return rc;
}

static void add_part(struct redis_dedup *d, const struct dedup_take_part *t)
{
	redis_arg(d->p, redis_dedup_field(d, t->topic, t->partition));
	redis_argi(d->p, t->init);
	redis_argi(d->p, t->from);
	redis_argi(d->p, t->next);
	redis_argi(d->p, t->idle);
}

static int read_take(struct redis_dedup *d, const redisReply *reply, struct dedup_take *take,
		     struct err *err)
{
	if (reply->elements != 3 + 3 * take->n)
		return err_set(err, EX_SOFTWARE, "%s: an answer of another length", d->name);
	d->run_id.n = 0;
	buf_adds(&d->run_id, redis_element(reply, 1));
	take->keys = (uint64_t)redis_dedup_number(reply, 2);
	for (size_t i = 0; i < take->n; i++) {
		take->part[i].fence = (uint64_t)redis_dedup_number(reply, 3 + 3 * i);
		take->part[i].stored = redis_dedup_number(reply, 4 + 3 * i);
		take->part[i].adopted = redis_dedup_number(reply, 5 + 3 * i);
	}
	return 0;
}

static int take_parts(void *s, struct dedup_take *take, struct dedup_refusal *why, struct err *err)
{
	struct redis_dedup *d = s;
	redisReply *reply;
	int rc;

	if (begin_verb(d, "take", 3 + 5 * take->n, err) != SINK_OK)
		return -1;
	redis_arg(d->p, take->gen);
	redis_argz(d->p, take->about->key);
	redis_argi(d->p, take->adopt);
	for (size_t i = 0; i < take->n; i++)
		add_part(d, &take->part[i]);
	if (redis_dedup_run(d, &reply, err))
		return -1;
	rc = redis_dedup_judge(d, reply, why, err);
	if (rc == 0)
		rc = read_take(d, reply, take, err);
	else if (rc == 1 && why->why == DEDUP_OLDER) {
		why->part = (size_t)redis_dedup_number(reply, 1);
		why->stored = redis_dedup_number(reply, 2);
	}
	freeReplyObject(reply);
	return rc;
}

/* ---- barriers */

static void add_range(struct redis_dedup *d, const struct dedup_advance_part *a)
{
	const struct dedup_part *p = a->part;

	redis_arg(d->p, redis_dedup_field(d, p->topic, p->partition));
	redis_argi(d->p, (int64_t)p->fence);
	redis_argi(d->p, a->from);
	redis_argi(d->p, a->to);
	redis_argi(d->p, p->safe);
	redis_argi(d->p, p->safe_s);
	redis_argi(d->p, p->idle);
}

/* Until the file has all that this connection has written, and what was there before that. */
static int wait_durable(struct redis_dedup *d, struct err *err)
{
	redisReply *reply;
	int rc = 0;

	if (!d->waits)
		return 0;
	redis_begin(d->p, 4);
	redis_argz(d->p, "WAITAOF");
	redis_argi(d->p, 1);
	redis_argi(d->p, 0);
	redis_argi(d->p, 0);
	if (redis_dedup_run(d, &reply, err))
		return -1;
	if (redis_dedup_number(reply, 0) < 1)
		rc = err_set(err, EX_TEMPFAIL, "%s: its file does not have the epoch", d->name);
	freeReplyObject(reply);
	return rc;
}

static int send_advance(struct redis_dedup *d, const struct dedup_advance *a, redisReply **reply,
			struct err *err)
{
	if (begin_verb(d, "advance", 5 + 7 * a->n, err) != SINK_OK)
		return -1;
	redis_arg(d->p, buf_slice(&d->run_id));
	redis_arg(d->p, a->gen);
	redis_argi(d->p, a->adopt);
	redis_argi(d->p, a->horizon_s);
	redis_argi(d->p, (int64_t)a->max_keys);
	for (size_t i = 0; i < a->n; i++)
		add_range(d, &a->part[i]);
	return redis_dedup_run(d, reply, err);
}

static int advance_parts(void *s, struct dedup_advance *a, struct dedup_refusal *why,
			 struct err *err)
{
	struct redis_dedup *d = s;
	redisReply *reply;
	int rc;

	if (send_advance(d, a, &reply, err))
		return -1;
	rc = redis_dedup_judge(d, reply, why, err);
	if (rc == 1) {
		why->part = (size_t)redis_dedup_number(reply, 1);
		why->stored = redis_dedup_number(reply, 2);
	}
	a->keys = (uint64_t)redis_dedup_number(reply, 1);
	a->forgotten = (uint64_t)redis_dedup_number(reply, 2);
	a->released = (uint64_t)redis_dedup_number(reply, 3);
	freeReplyObject(reply);
	crash_at(CRASH_STATE_INSIDE);
	return rc ? rc : wait_durable(d, err);
}

static const struct dedup_shared calls = {
	.open = open_state,
	.close = close_state,
	.name = name_of,
	.load = load_state,
	.take = take_parts,
	.claim = redis_claim,
	.advance = advance_parts,
};

const struct dedup_state redis_dedup = { .scheme = "redis:", .shared = &calls };
const struct dedup_state redis_dedup_tls = { .scheme = "rediss:", .shared = &calls };
const struct dedup_state redis_dedup_unix = { .scheme = "unix:", .shared = &calls };
