/* Login, schema, and the driver's tables of functions. All waiting is done in the program's loop
 * (redis_link.c, redis_wait.c), so a signal or a reader that leaves is noticed while a server is
 * silent. How long a server may be silent while it acknowledges packets is not limited, as a script
 * over a large batch blocks it; TCP_USER_TIMEOUT finds a machine that is gone. Where a cluster has
 * moved the slot of the prefix, the next connection goes there.
 *
 * Settings of the server under which rows are lost without an error (eviction, a truncated
 * append-only file) are asked for and told once: they are the operator's to change. */
#include "drv/redis/redis.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/redis/redis_internal.h"
#include "io/owned_file.h"

enum { SCHEMA = 1, PASSWORD_BYTES = 4096 };

#define TTL_DEFAULT_US (7 * 86400 * TM_S) /* as redis_opts says: 7d */

static void redis_close(void *d);

static void *redis_open(const struct sink_conf *conf, struct err *err)
{
	struct redis *p = mem_zalloc(sizeof(*p));
	const char *env = getenv("REDIS_URL"), *where = conf->where   ? conf->where
							: env && *env ? env
								      : "redis://127.0.0.1:6379/0";

	p->conf = conf;
	p->ttl_us = ((const struct redis_conf *)conf)->ttl_us;
	if (p->ttl_us == 0)
		p->ttl_us = TTL_DEFAULT_US;
	p->script = -1;
	p->tag = mem_printf("{%s}:", conf->place);
	if (!*conf->place || strpbrk(conf->place, "{}")) {
		err_set(err, EX_USAGE, "--prefix \"%s\": it must not be empty nor have braces",
			conf->place);
		goto close;
	}
	if (redis_url_parse(where, &p->url, err)) {
		if (!conf->where)
			err_in(err, "REDIS_URL");
		goto close;
	}
	p->in_argv = conf->where && !conf->where_env && p->url.password;
	if (p->in_argv)
		log_warn("a password on the command line is seen by everybody on this machine: put "
			 "the URL into REDIS_URL");
	return p;
close:
	redis_close(p);
	return NULL;
}

static void redis_disconnect(void *d)
{
	struct redis *p = d;

	redis_link_close(&p->link);
	p->may_write = false;
}

static void redis_close(void *d)
{
	struct redis *p = d;

	if (!p)
		return;
	redis_disconnect(p);
	redis_url_fini(&p->url);
	tls_client_free(p->tls);
	free(p->moved);
	free(p->ask);
	free(p->tag);
	buf_fini(&p->out);
	buf_fini(&p->key);
	free(p);
}

/* ---- the login */

/* A request whose answer is not looked at, of the login: what is refused there without a code of
 * its own (ERR) is settings, whatever the words. */
static enum sink_result redis_request(struct redis *p, struct err *err)
{
	redisReply *reply;
	enum sink_result r = redis_run(p, &reply, err);

	if (r == SINK_FATAL && err->code == EX_SOFTWARE)
		err->code = EX_CONFIG;
	freeReplyObject(reply);
	return r;
}

/* The first line of the file. */
static int read_passfile(const char *path, struct buf *password, struct err *err)
{
	const char *end;

	if (owned_file_read(path, true, PASSWORD_BYTES, password, err))
		return -1;
	end = memchr(password->p, '\n', password->n);
	password->n = end ? (size_t)(end - password->p) : password->n;
	return password->n ? 0 : err_set(err, EX_CONFIG, "%s: no password in it", path);
}

/* That of the URL, of its file, of the environment. *found: there is one. */
static int find_password(const struct redis *p, struct buf *password, bool *found, struct err *err)
{
	const char *env = getenv("REDISCLI_AUTH"), *given = p->url.password;

	*found = true;
	if (!given && p->url.passfile)
		return read_passfile(p->url.passfile, password, err);
	if (!given && env && *env)
		given = env;
	*found = given;
	if (given)
		buf_addz(password, given);
	if (p->url.user && !given)
		return err_set(err, EX_USAGE,
			       "%s: a user without a password: USER:PASSWORD@ in REDIS_URL, "
			       "?passfile=FILE, or REDISCLI_AUTH",
			       p->url.path ? p->url.path : p->url.host);
	return 0;
}

static enum sink_result authenticate(struct redis *p, struct err *err)
{
	struct buf password = { 0 };
	enum sink_result r = SINK_FATAL;
	bool found;

	if (find_password(p, &password, &found, err))
		goto wipe;
	r = SINK_OK;
	if (found) {
		redis_begin(p, p->url.user ? 3 : 2);
		redis_argz(p, "AUTH");
		if (p->url.user)
			redis_argz(p, p->url.user);
		redis_arg(p, buf_slice(&password));
		r = redis_request(p, err);
		owned_file_wipe(&p->out);
	}
wipe:
	owned_file_wipe(&password);
	return r;
}

static enum sink_result log_in(struct redis *p, struct err *err)
{
	enum sink_result r = authenticate(p, err);

	if (r == SINK_OK && p->url.db) {
		redis_begin(p, 2);
		redis_argz(p, "SELECT");
		redis_argi(p, p->url.db);
		r = redis_request(p, err);
	}
	return r;
}

/* ---- settings of the server that lose rows */

/* Not every user may ask: *reply is NULL then. */
static enum sink_result ask_server(struct redis *p, redisReply **reply, struct err *err)
{
	struct err refused;
	enum sink_result r = redis_run(p, reply, &refused);

	if (r == SINK_OK)
		return r;
	*reply = NULL;
	if (r == SINK_RETRY)
		err_copy(err, &refused);
	return r == SINK_RETRY ? r : SINK_OK;
}

/* An evicted row would begin anew with what comes next. */
static enum sink_result warn_eviction(struct redis *p, struct err *err)
{
	redisReply *reply;
	const char *policy;
	enum sink_result r;

	if (p->told_eviction)
		return SINK_OK;
	redis_begin(p, 2);
	redis_argz(p, "INFO");
	redis_argz(p, "memory");
	r = ask_server(p, &reply, err);
	if (r != SINK_OK || !reply)
		return r;
	policy = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, "maxmemory_policy:") : NULL;
	if (policy && !strstr(reply->str, "maxmemory:0\r") &&
	    strncmp(policy, "maxmemory_policy:noeviction", 27) != 0)
		log_warn("%s may evict keys (%.*s): a row that was evicted begins anew, and is "
			 "wrong from then on; set noeviction",
			 redis_where(p), (int)strcspn(policy, "\r\n"), policy);
	p->told_eviction = true;
	freeReplyObject(reply);
	return SINK_OK;
}

static enum sink_result is_on(struct redis *p, const char *setting, bool *on, struct err *err)
{
	redisReply *reply;
	enum sink_result r;

	redis_begin(p, 3);
	redis_argz(p, "CONFIG");
	redis_argz(p, "GET");
	redis_argz(p, setting);
	r = ask_server(p, &reply, err);
	*on = r == SINK_OK && reply && reply->elements == 2 &&
	      reply->element[1]->type == REDIS_REPLY_STRING &&
	      strcmp(reply->element[1]->str, "yes") == 0;
	if (r == SINK_OK)
		freeReplyObject(reply);
	return r;
}

/* What Redis leaves of a transaction that was cut is carried out by the start after the next. It
 * is the default: said once, when the place is made. */
static enum sink_result warn_truncation(struct redis *p, struct err *err)
{
	bool file, truncates;
	enum sink_result r;

	if (!p->made_schema)
		return SINK_OK;
	r = is_on(p, "appendonly", &file, err);
	if (r == SINK_OK)
		r = is_on(p, "aof-load-truncated", &truncates, err);
	if (r == SINK_OK && file && truncates)
		log_warn("%s has aof-load-truncated yes: rows can be wrong after a crash that cuts "
			 "its append-only file; set it to no, see hta-sink-redis(1)",
			 redis_where(p));
	p->made_schema = r != SINK_OK;
	return r;
}

/* ---- the schema */

static void redis_tell_none(struct redis *p, struct err *err)
{
	char *what = mem_printf("the schema of prefix %s", p->conf->place);

	sink_error_missing(what, "hta-sink-redis", p->in_argv ? NULL : p->conf->where, err);
	free(what);
}

/* 0: it is none of ours. */
static int version_of(const redisReply *reply)
{
	size_t digits = strspn(reply->str, "0123456789");

	return digits == reply->len && digits < 10 ? atoi(reply->str) : 0;
}

void redis_begin_schema(struct redis *p)
{
	p->key.n = 0;
	buf_printf(&p->key, "%sschema", p->tag);
	redis_begin(p, 2);
	redis_argz(p, "GET");
	redis_arg(p, buf_slice(&p->key));
}

enum sink_result redis_judge_schema(struct redis *p, const redisReply *reply, struct err *err)
{
	int found = reply->type == REDIS_REPLY_STRING ? version_of(reply) : 0;

	if (found == SCHEMA)
		return SINK_OK;
	if (reply->type != REDIS_REPLY_STRING)
		redis_tell_none(p, err);
	else if (found)
		sink_error_schema(found, SCHEMA, "hta-sink-redis", err);
	else
		sink_error_foreign(buf_z(&p->key), "--prefix", err);
	return SINK_FATAL;
}

static enum sink_result schema(struct redis *p, struct err *err)
{
	redisReply *reply;
	enum sink_result r;

	p->key.n = 0;
	buf_printf(&p->key, "%sschema", p->tag);
	if (p->conf->create) {
		redis_begin(p, 4);
		redis_argz(p, "SET");
		redis_arg(p, buf_slice(&p->key));
		redis_argi(p, SCHEMA);
		redis_argz(p, "NX");
		r = redis_run(p, &reply, err);
		if (r != SINK_OK)
			return r;
		p->made_schema |= reply->type != REDIS_REPLY_NIL;
		freeReplyObject(reply);
	}
	redis_begin_schema(p);
	r = redis_run(p, &reply, err);
	if (r != SINK_OK)
		return r;
	r = redis_judge_schema(p, reply, err);
	freeReplyObject(reply);
	return r;
}

enum sink_result redis_dial(struct redis *p, struct err *err)
{
	enum sink_result r = redis_link_open(p, err);

	if (r != SINK_OK) {
		free(p->moved); /* a node that is gone: ask the first one again */
		p->moved = NULL;
	}
	if (r == SINK_OK)
		r = log_in(p, err);
	if (r != SINK_OK)
		redis_disconnect(p);
	return r;
}

enum sink_result redis_enter(struct redis *p, struct err *err)
{
	enum sink_result r = redis_dial(p, err);

	if (r == SINK_OK)
		r = schema(p, err);
	if (r == SINK_OK)
		r = warn_eviction(p, err);
	return r == SINK_OK ? warn_truncation(p, err) : r;
}

/* A right that is missing is told here, not when the first rows come. */
static enum sink_result redis_connect(void *d, struct err *err)
{
	struct redis *p = d;
	enum sink_result r = redis_enter(p, err);

	if (r == SINK_OK && !p->conf->dry_run)
		r = redis_may_write(p, err);
	if (r != SINK_OK)
		redis_disconnect(p);
	return r;
}

static int set_ttl(void *self, const char *value, struct err *err)
{
	struct redis_conf *conf = self;

	if (strcmp(value, "never") == 0) {
		conf->ttl_us = REDIS_NEVER;
		return 0;
	}
	if (num_duration(value, &conf->ttl_us, err))
		return -1;
	return conf->ttl_us > 0 ? 0 : err_set(err, EX_USAGE, "must be longer than 0, or never");
}

static const struct opt redis_opts[] = {
	SINK_PLACE_OPT("prefix", "hta", "prefix of the keys"),
	{ .name = "ttl",
	  .type = OPT_CALL,
	  .arg = "DUR|never",
	  .def = "7d",
	  .call = set_ttl,
	  .help = "how long after its end a window is kept" },
	OPT_END,
};

static const struct position_keeper redis_keeper = {
	.load = redis_load,
	.init = redis_init,
	.change = redis_change,
	.lateness = redis_lateness,
	.store = redis_store,
	.drop = redis_drop,
};

const struct sink_driver redis_driver = {
	.kind = "redis",
	.takes = SINK_ROWS | SINK_SKETCHES,
	.delivery = SINK_TX,
	.shard_in_place = true,
	.opts = redis_opts,
	.conf_bytes = sizeof(struct redis_conf),
	.open = redis_open,
	.close = redis_close,
	.connect = redis_connect,
	.disconnect = redis_disconnect,
	.metrics = redis_metrics,
	.metrics_add = redis_metrics_add,
	.keeper = &redis_keeper,
	.put = redis_put,
	.probe = redis_probe,
};
