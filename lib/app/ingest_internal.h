/* What the files of hta-ingest share.
 *
 *	ingest_main.c     life: log, table of seen events, server, drain
 *	ingest_head.c     the same as the head of a pipeline
 *	ingest_options.c  options
 *	ingest_routes.c   endpoints, typed ones too
 *	ingest_post.c     a request: read, appended, parked until it is durable
 *	ingest_answer.c   what it is answered
 *	ingest_keys.c     who may
 *	ingest_state.c    /health, /limits, /stats
 *	ingest_acks.c     Prefer: wait, /acks
 *	ingest_metrics.c  /metrics
 *	ingest_openapi.c  /openapi.json, --openapi
 *	ingest_volatile.c --volatile, and what stands before the log for it
 *	ingest_replay.c   the table of seen events from the log, and how much of the log it needs
 */
#ifndef APP_INGEST_INTERNAL_H
#define APP_INGEST_INTERNAL_H

#include "intake/intake.h"
#include "intake/typed.h"
#include "net/problem.h"
#include "source/wal_write.h"
#include "tool/counters.h"
#include "tool/dead_route.h"
#include "tool/http_counts.h"
#include "tool/http_program.h"
#include "tool/opt.h"

enum {
	INGEST_ROUTES = 64,      /* of --route */
	INGEST_WAIT_MOST_S = 60, /* for the sinks */
	INGEST_GROUPS = 13,      /* of a histogram of events, but the last */
	INGEST_WAITING = 65536   /* requests that wait for the log */
};

/* How an endpoint answers. */
enum ingest_kind { INGEST_EVENTS, INGEST_BATCH, INGEST_PUBLISH, INGEST_TYPED };

struct ingest_endpoint {
	enum ingest_kind kind;
	struct intake_route *route;
	struct typed *typed; /* NULL: the route is built in, and ours to free */
};

struct ingest_conf {
	struct http_program_conf http;
	const char *routes[INGEST_ROUTES];
	size_t n_routes;
	const char *log, *topic;
	bool only_log, on_gap_skip, openapi, is_volatile;
	uint64_t max_body, max_events, max_event, dedup_ids, log_bytes;
	int64_t max_ahead_us, dedup_us, keep_us, cut_at, ack_us,
		max_lag_us; /* ack_us, max_lag_us 0: none */
	const char *job;    /* the head of a pipeline: what follows too */
	int64_t epoch_us;
	uint64_t epoch_records;
	struct dead_options dead;
};

/* A request that waits: for room to append, for its append to be durable, for the sinks. */
struct ingest_waiter {
	struct ingest_waiter *next;
	struct http_request *req;
	int64_t end; /* of its append, or of the last one before it */
	uint32_t ticket;
	unsigned status;
	const char *type;
	bool replayed, lenient;
	int64_t wait_us, deadline_us; /* for the sinks; 0: not */
	enum { INGEST_NOT_WAITED, INGEST_ACKED, INGEST_NOT_ACKED } waited;
	struct buf body;
};

struct ingest_queue {
	struct ingest_waiter *first, **last;
	size_t n;
};

struct ingest_topic {
	struct buf name;
	uint64_t fresh, duplicates;
};

/* How many groups of the log had 1, 2, 4 .. 4,096 and more events at most. */
struct ingest_groups {
	uint64_t n[INGEST_GROUPS + 1], sum;
};

/* From that time on the log begins at that offset. */
struct ingest_mark {
	int64_t us, offset;
};

struct ingest {
	struct ingest_conf conf;
	struct loop *loop;
	struct counters *counters;
	struct http_program http;
	struct wal *wal;
	struct seen *seen;
	struct intake *intake;

	struct ingest_endpoint endpoints[3 + INGEST_ROUTES];
	struct route routes[3 + INGEST_ROUTES + 10];
	size_t n_endpoints, n_routes;

	struct ingest_queue durable; /* waits to be durable, in the order of appends */
	struct ingest_queue stalled; /* waits for room, in the order of arrival */
	struct ingest_queue acks;    /* is durable and waits for the sinks */
	int ack_timer;               /* -1: none */
	uint32_t ticket, told;       /* of the last append, and the last durable one */
	int64_t end;                 /* of the last append */
	int stall;                   /* the timer that gives stalled ones up; -1: none */

	uint64_t in, dup; /* the log's sums: events received, duplicates among them */
	/* as the run folder has them, if they were told at all */
	uint64_t told_in, told_dup, told_posts, told_bytes;
	bool told_once;
	uint64_t log_id;
	struct ingest_topic *topics; /* distinct, sorted */
	size_t n_topics, topics_cap;
	struct ingest_topic other_topics;

	uint64_t invalid, dead; /* events that were refused, and dead letters */
	struct http_counts counts;
	struct http_times ack_times, sync_times;
	struct ingest_groups groups;
	int64_t lag_us; /* of the pipeline, as of the last second; -1: there is none */

	struct buf pending; /* is_volatile: lines, of which those below pending_at are written */
	size_t pending_at;
	bool pending_full;
	int output_watch;     /* -1: none */
	int64_t volatile_end; /* bytes of lines since the start */

	struct ingest_mark *marks;
	size_t n_marks, marks_cap;

	int64_t begun_us; /* tm_mono_us */
	bool streaming;   /* the head of a pipeline: the stream tells of its failures itself */
	bool draining;
	int64_t leave_us; /* the head of a pipeline, draining: when it waits no longer */
	struct err why;   /* of a log that failed */
	uint8_t random[1024];
	size_t random_at;
};

extern const struct opt ingest_opts[];

/* ---- life */
/* Log, table, server, on g->loop and g->counters: takes requests from here on. */
int ingest_begin(struct ingest *g, struct err *err);
/* Accepts no more; what is there is answered. */
void ingest_drain(struct ingest *g);
/* Closes the log, which answers what becomes durable in it, then the server. After an ingest_begin
 * that failed too. EX_IOERR */
int ingest_close(struct ingest *g, struct err *err);
/* The intake as an acknowledged stream on standard output. */
int ingest_head(struct ingest *g, struct err *err);

/* EX_CONFIG, EX_USAGE */
int ingest_routes_make(struct ingest *g, struct err *err);
void ingest_routes_free(struct ingest *g);
/* The endpoint of a request to one. */
const struct ingest_endpoint *ingest_endpoint_of(const struct ingest *g,
						 const struct http_request *req);

/* ---- keys */
/* For struct router. */
bool ingest_keys_allow(void *ingest, struct http_request *req, const struct route *route);
/* Whether the request's key may append these events now; else it was answered (403, 429). */
bool ingest_keys_take(struct ingest *g, struct http_request *req, const struct intake_result *r);
/* The id of the request's key; n 0: none. */
struct slice ingest_keys_id(struct ingest *g, const struct http_request *req);

/* ---- requests */
void ingest_post(void *ingest, struct http_request *req);
extern const struct wal_hooks ingest_wal_hooks;
void ingest_refuse_waiting(struct ingest *g, const char *code, const char *detail);

void ingest_queue_push(struct ingest_queue *q, struct ingest_waiter *w);
struct ingest_waiter *ingest_queue_pop(struct ingest_queue *q); /* of one that is not empty */

/* False: ?wait= is no number of seconds, which was answered. (A preference that is not understood
 * is passed over, RFC 7240.) */
bool ingest_acks_check(struct http_request *req);
/* How long the client wishes to wait for the sinks, else what --ack says; 0: not. */
int64_t ingest_acks_wish(const struct ingest *g, const struct http_request *req);
/* w is durable; it is answered and freed later. */
void ingest_acks_add(struct ingest *g, struct ingest_waiter *w);
/* All that wait are answered now. */
void ingest_acks_end(struct ingest *g);
void ingest_get_acks(void *ingest, struct http_request *req);

/* The answer to events that were taken: status, type and body of w. */
void ingest_answer_make(const struct ingest *g, const struct ingest_endpoint *e,
			const struct http_request *req, const struct intake_result *r,
			struct ingest_waiter *w);
void ingest_answer_send(struct http_request *req, const struct ingest_waiter *w);
/* The answer to a body that is refused. */
void ingest_answer_refuse(struct http_request *req, const struct intake_result *r);
/* 503, with Retry-After. */
void ingest_answer_later(struct http_request *req, const char *code, const char *detail,
			 unsigned retry_after_s);

/* ---- state */
void ingest_get_health(void *ingest, struct http_request *req);
void ingest_get_ready(void *ingest, struct http_request *req);
void ingest_get_limits(void *ingest, struct http_request *req);
void ingest_get_stats(void *ingest, struct http_request *req);
void ingest_reset_stats(void *ingest, struct http_request *req);
/* The entry of a topic, made where it is new. */
struct ingest_topic *ingest_state_topic(struct ingest *g, struct slice topic);
/* Behind the replay: the log's id, and its sums are told. */
void ingest_state_load(struct ingest *g);
/* Tells the statistics in the run folder, if they have changed. */
void ingest_state_tell(struct ingest *g);
void ingest_state_free(struct ingest *g);

/* ---- metrics */
void ingest_get_metrics(void *ingest, struct http_request *req);
void ingest_metrics_group(struct ingest_groups *groups, uint64_t events);
void ingest_metrics_answered(void *router, const struct http_request *req, unsigned status);

/* ---- the document */
/* Appends it; of the routes. */
void ingest_openapi_write(const struct ingest *g, struct buf *out);
void ingest_get_openapi(void *ingest, struct http_request *req);
/* Makes the routes and prints the document of them. */
int ingest_openapi_print(struct ingest *g, struct err *err);

/* ---- the log, or none */
/* With the sums behind it, which are as they were where it is not taken. */
enum wal_answer ingest_log_append(struct ingest *g, const struct intake_result *r, int64_t *offset);
void ingest_log_state(const struct ingest *g, struct wal_state *out);
void ingest_volatile_open(void);
void ingest_volatile_close(struct ingest *g);

/* ---- the log's past */
/* Makes the table of seen events. EX_IOERR, EX_DATAERR */
int ingest_replay(struct ingest *g, struct err *err);
/* Once a second: tells the log from where on the table needs it, and how far behind the pipeline
 * is. */
void ingest_replay_keep(struct ingest *g);

#endif
