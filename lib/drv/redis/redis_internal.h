/* Inside of the Redis driver: redis.c (login, schema), redis_link.c (connections), redis_wait.c
 * (requests in the loop, errors), redis_script.c (scripts), redis_job.c (the keeper),
 * redis_metric.c (metrics, drop), redis_rows.c (store, put), redis_pack.c (rows for the scripts),
 * redis_url.c. */
#ifndef DRV_REDIS_REDIS_INTERNAL_H
#define DRV_REDIS_REDIS_INTERNAL_H

#include <hiredis/hiredis.h>

#include "drv/redis/redis.h"
#include "drv/redis/redis_url.h"
#include "net/tls_client.h"
#include "sink/sink_errors.h"

/* redis_job.lua; redis_trend.lua; redis_rows.lua with redis_apply.lua or redis_put.lua;
 * redis_dedup.lua, redis_claim.lua. */
enum redis_script {
	REDIS_JOB,
	REDIS_TREND,
	REDIS_APPLY,
	REDIS_PUT,
	REDIS_DEDUP,
	REDIS_CLAIM,
	REDIS_SCRIPTS
};
enum { REDIS_SHA_BYTES = 41 };

/* Where the cluster said that the key of a request is. */
enum redis_redirect {
	REDIS_HERE,
	REDIS_MOVED, /* at p->moved */
	REDIS_ASK,   /* at p->ask already: its slot is under way */
};

/* Settings. ttl_us 0: the default. */
struct redis_conf {
	struct sink_conf shared;
	int64_t ttl_us;
};
enum { REDIS_NEVER = -1 };

/* A connection. All zero: none. */
struct redis_link {
	redisContext *c;
	struct tls_conn *tls; /* NULL: bytes go as they are */
	bool answered;        /* something has come */
	short wants;          /* what is to be waited for (POLLIN, POLLOUT) */
};

struct redis {
	const struct sink_conf *conf;
	int64_t ttl_us; /* or REDIS_NEVER */
	struct redis_url url;
	bool in_argv; /* the URL, and it has a password */
	char *tag;    /* "{hta}:" */
	/* the cluster's node that has our slot; NULL: the URL's */
	char *moved;
	int moved_port;
	char *ask; /* NULL: nobody was named yet */
	int ask_port;
	enum redis_redirect redirect; /* of the last request */
	struct redis_link link;
	struct tls_client *tls; /* made by the first connection over TLS */
	struct buf out, key;
	size_t sent;
	int script;                               /* of the request in out; -1: none */
	char sha[REDIS_SCRIPTS][REDIS_SHA_BYTES]; /* "": not loaded yet */
	bool may_write;                           /* asked on this connection */
	bool told_expired, told_eviction, told_silent,
		made_schema /* and has not been told of truncation */;
};

/* ---- redis_link.c */

/* Connects to the node that is asked now, with TLS where the URL says so. SINK_OK or an error,
 * after which redis_link_close is called nevertheless. */
enum sink_result redis_link_open(struct redis *p, struct err *err);
void redis_link_close(struct redis_link *l);
/* Sends what the socket takes of p->out. */
enum sink_result redis_link_send(struct redis *p, struct err *err);
/* Hands to the reader of answers what has come; link.wants 0: something has, there may be more. */
enum sink_result redis_link_read(struct redis *p, struct err *err);

/* ---- redis_wait.c: one request at a time; every call serves the loop while it waits */

/* Begins a request of n arguments, the command's name among them. */
void redis_begin(struct redis *p, size_t n);
void redis_arg(struct redis *p, struct slice arg);
void redis_argz(struct redis *p, const char *arg);
void redis_argi(struct redis *p, int64_t arg);

/* Sends it and waits for the answer (freeReplyObject); SINK_OK or an error: *reply is NULL then.
 * SINK_RETRY where a cluster has the keys elsewhere: p->redirect. */
enum sink_result redis_run(struct redis *p, redisReply **reply, struct err *err);

/* Connects and logs in, nothing more. SINK_OK or an error, p->link none then. */
enum sink_result redis_dial(struct redis *p, struct err *err);
/* That, and the schema, and what is told of the server's settings. */
enum sink_result redis_enter(struct redis *p, struct err *err);
/* Begins the question for the schema, and judges its answer: SINK_OK or EX_CONFIG. */
void redis_begin_schema(struct redis *p);
enum sink_result redis_judge_schema(struct redis *p, const redisReply *reply, struct err *err);

/* The connection is broken: SINK_RETRY with its error. */
enum sink_result redis_broken(struct redis *p, const char *what, struct err *err);
/* EX_CONFIG: the user may not call this command; "": not use these keys. */
void redis_lacks(struct redis *p, struct slice command, struct err *err);
/* "127.0.0.1:6379", "/run/redis.sock": for messages. */
const char *redis_where(struct redis *p);

/* ---- redis_script.c */

/* Begins a call of a script: the first nkeys arguments are keys (see KEYS in the scripts). Loads
 * it where the server does not have it. */
enum sink_result redis_begin_script(struct redis *p, enum redis_script which, size_t nkeys,
				    size_t nargs, struct err *err);
/* The server has lost it: loads it and begins the same call again. */
enum sink_result redis_script_again(struct redis *p, struct err *err);
/* Runs a script's question for rights: SINK_OK, or EX_CONFIG with the right that is missing. */
enum sink_result redis_may(struct redis *p, struct err *err);
/* Asks once a connection whether this user may call what the scripts call, so that no script is
 * refused in its midst. */
enum sink_result redis_may_write(struct redis *p, struct err *err);

/* An element of an answer; "" where it is not there or no string. */
struct slice redis_element(const redisReply *reply, size_t i);

/* ---- keys: tag, kind, and a name percent-encoded; appended to out */
void redis_key_name(struct buf *out, struct slice name);
/* {PREFIX}:KIND:JOB:SINK, as an argument. */
void redis_arg_job_key(struct redis *p, const char *kind, const char *job);

/* ---- the calls of the driver and of its keeper */
enum sink_result redis_metrics(void *d, const struct sink_metric *m, size_t n, struct arena *arena,
			       struct stored_metric *stored, struct err *err);
enum sink_result redis_metrics_add(void *d, const char *job, const struct sink_metric *m, size_t n,
				   bool check_only, struct err *err);
enum sink_result redis_load(void *k, const char *job, struct keeper_doc *doc, struct err *err);
enum sink_result redis_init(void *k, const char *job, const char *group,
			    const struct ctl_init *init, struct err *err);
enum sink_result redis_change(void *k, const char *job, const struct keeper_change *c,
			      struct err *err);
enum sink_result redis_lateness(void *k, const char *job, int64_t us, struct err *err);
enum sink_result redis_store(void *k, const struct sink_batch *batch, struct sink_counts *counts,
			     struct err *err);
enum sink_result redis_drop(void *k, const char *job, uint64_t *rows, struct err *err);
enum sink_result redis_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			   struct sink_counts *counts, struct err *err);

/* ---- redis_job.c */

/* Begins a call of a verb of redis_job.lua; nargs operands follow. job "": of none. */
enum sink_result redis_begin_job(struct redis *p, const char *job, const char *verb, size_t nargs,
				 struct err *err);
/* "TOPIC/PARTITION" and its value into a position. False: damaged. */
bool redis_position(struct positions *out, struct slice field, struct slice value);
void redis_position_field(struct buf *out, const char *topic, int32_t partition);

/* ---- redis_pack.c */

/* Sketches of a row merged with those that the script has found stored. */
struct redis_merged {
	struct cell *cell; /* all of the row; NULL: as they came */
	struct slice *stored;
};

/* Appends the rows of a batch. merged: an entry a row; NULL: none was merged. EX_DATAERR: a sketch
 * is none; EX_TEMPFAIL: more than Redis takes in one command. */
int redis_pack_rows(const struct sink_batch *b, const struct redis_merged *merged, int64_t ttl_us,
		    struct buf *out, struct err *err);
/* Appends one range of an epoch. */
void redis_pack_range(const struct range *x, struct buf *out);

/* ---- redis_probe.c */
enum sink_result redis_probe(void *d, const struct probe *probe, struct err *err);

#endif
