/* Inside of the Kafka driver. The files in their order: each calls and includes those above it
 * only.
 *
 *	fetch/             reading past librdkafka (fetch/fetcher.h)
 *	kafka_brokers.c    texts: lists of brokers ..
 *	kafka_trouble.c    .. and what librdkafka's log says
 *	kafka_listener.c   what a listener speaks
 *	kafka_heard.c      why connections fail, out of these
 *	kafka_error.c      error codes
 *	kafka_end.c        the end of a client, bounded
 *	kafka_events.c     control events of the clients
 *	kafka_reach.c      asking again, and when to give up
 *	kafka_ask.c        metadata, offsets, commits
 *	kafka_assign.c     what is read, and by whom
 *	kafka_read.c       reading
 *	kafka_client.c     life cycle
 *	kafka.c            settings, and the tables of functions
 *	kafka_driver.c     what programs with a command line have of it
 *	kafka_marks.c      hta-dlq: which letters of a partition were retried,
 *	kafka_original.c   .. records of the log one by one,
 *	kafka_letters.c    .. letters in a topic,
 *	kafka_resend.c     .. sending them again */
#ifndef DRV_KAFKA_KAFKA_INTERNAL_H
#define DRV_KAFKA_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "drv/kafka/kafka.h"
#include "drv/kafka/fetch/fetcher.h"
#include "drv/kafka/fetch/fetcher_settings.h"
#include "drv/kafka/fetch/wire.h"
#include "drv/kafka/kafka_error.h"
#include "drv/kafka/kafka_heard.h"
#include "sink/retry.h"
#include "tool/cluster_options.h"

enum {
	KAFKA_BATCH = 2048,
	KAFKA_POLL_EVERY_US = 250000,
	KAFKA_ASK_MS = 1000,
	KAFKA_SETTLES_US = 5000000,
	KAFKA_COMMIT_AGAIN_US = 10000000,
};

struct kafka_part {
	struct partition part;
	rd_kafka_topic_t *rkt;
	/* its state says who reads it, fetch_is_ours or librdkafka, and `next` how far */
	struct fetcher_part fetcher;
};

/* The way back of partitions that fell back to librdkafka (kafka_assign.c). */
struct kafka_back {
	int64_t at_us; /* when it is tried; 0: none is AWAY */
	int64_t after_us, last_us;
};

struct kafka {
	rd_kafka_conf_t *conf; /* until the client takes it */
	char *group;           /* NULL: none */
	/* becomes a member; else only the group's commits are touched */
	bool joins;
	struct partitions topics; /* names; partition unused */
	char *brokers;            /* for messages */
	/* a topic that is not there may be made by asking for it */
	bool creates;
	int64_t retry_for_us;
	const char *retry_flag; /* what says so, " (--retry-for)", or "" */
	struct loop *loop;
	struct input_lost *lost;

	rd_kafka_t *rk; /* reads; belongs to no group */
	/* the group's: membership and commits, never a message; NULL: no group */
	rd_kafka_t *member;
	rd_kafka_queue_t *main, *control; /* events of each */
	rd_kafka_queue_t *messages;
	int control_fd, message_fd; /* eventfds, written by librdkafka's threads */
	int control_watch, timer;

	/* events of the group that change() has not taken yet */
	rd_kafka_event_t *rebalance; /* a revoke, to be answered by revoked() */
	bool leaving;                /* .. or an assignment, which is not taken any more */
	bool gone;                   /* .. and too late */
	bool assigned_now;
	struct partitions assigned;
	struct buf membership; /* who we are in the generation of `assigned`, base64 */
	struct err failed;     /* for good */
	/* all connections were lost, and nobody has answered since */
	bool down;
	int64_t ask_at_us; /* .. when to ask next */
	struct retry away; /* the time without an answer */
	struct kafka_heard heard;
	struct buf why; /* scratch: a reason */
	bool opened;    /* the topics were there */
	/* .. and then a broker did not know one of them, or a partition */
	rd_kafka_resp_err_t metadata_suspect;

	/* what is read */
	struct fetcher *fetcher; /* NULL: all by librdkafka, because of: */
	struct buf fetcher_off;  /* NAME=VALUE */
	bool path_told;          /* a line said which way records come */
	bool committed;          /* only what committed transactions wrote is read */
	size_t indirect;         /* partitions that librdkafka reads */
	struct kafka_back back;
	bool turn;
	struct kafka_part **part;
	size_t parts, part_cap;
	rd_kafka_topic_t **rkt; /* by topic, for the simple consumer and metadata */
	size_t n_rkt;

	/* the batch at work */
	rd_kafka_message_t *m[KAFKA_BATCH];
	size_t n, at;
	int64_t batch_since_us; /* nothing of it was queued before that */
	int64_t empty_at_us;    /* the queue was last seen empty */
	struct input_record record[KAFKA_BATCH];
	bool direct; /* the fetcher gave the last batch */
	struct wire_extra extra;
};

/* ---- kafka_driver.c: -X and -F, in the order of the command line */
int kafka_driver_settings(struct kafka *k, const struct cluster_options *c, struct err *err);

/* ---- kafka_events.c */

/* Serves the control queues: a loop callback. */
void kafka_control(void *self, int fd, short revents);

/* ---- kafka_reach.c */

/* Into why->msg: host and reason where no broker answered, else the broker's own. *verdict: as
 * kafka_heard_why has it. */
void kafka_why(struct kafka *k, const char *what, rd_kafka_resp_err_t code,
	       enum kafka_verdict *verdict, struct err *why);
void kafka_reached(struct kafka *k); /* a broker has answered */

/* Repeats `ask` (which blocks at most KAFKA_ASK_MS) while what it says is temporary, serving the
 * loop, up to --retry-for. Once the topics were there, one that is not known is asked for again
 * for KAFKA_SETTLES_US: what one broker knows of a new partition another may hear of later. So
 * is one that asking for it makes. */
typedef rd_kafka_resp_err_t kafka_ask(struct kafka *k, void *arg);
int kafka_insist(struct kafka *k, const char *what, kafka_ask *ask, void *arg, struct err *err);
kafka_ask kafka_ask_nothing;
/* What only events told: failed for good, or away for longer than --retry-for. While all
 * connections are down it asks now and then, which takes KAFKA_ASK_MS at most. */
int kafka_judge(struct kafka *k, struct err *err);

/* ---- kafka_ask.c */

/* The handle of a topic; k's. */
rd_kafka_topic_t *kafka_topic(struct kafka *k, const char *name);
/* Metadata of a topic, once: its leaders are told to the fetcher. Blocks for KAFKA_ASK_MS. */
rd_kafka_resp_err_t kafka_ask_leaders(struct kafka *k, const char *topic);

/* ---- kafka_assign.c */

void kafka_drop_batch(struct kafka *k);
void kafka_forget_parts(struct kafka *k); /* reads nothing any more */
/* The fetcher's: librdkafka reads on. */
fetcher_fallback kafka_fallback;
/* Partitions that are AWAY are the fetcher's again where their leaders are known: asks for
 * metadata. Between two reads: what was lent is taken back. */
void kafka_take_back(struct kafka *k);

/* ---- the calls of struct input_ops, each in the file that its name tells */

int kafka_open(void *self, struct loop *loop, struct err *err);
int kafka_change(void *self, enum input_change *change, struct partitions *parts, struct err *err);
int kafka_revoked(void *self, struct err *err);
void kafka_close(void *self);
int kafka_assign(void *self, const struct ranges *start, struct err *err);
int kafka_read(void *self, struct input_batch *batch, int *fd, struct err *err);
void kafka_extra(void *self, const struct input_record *r, struct input_extra *out);
int kafka_fingerprint(void *self, const struct partition *part, int64_t offset, bool *found,
		      struct pos_last *out, struct err *err);
int kafka_partitions(void *self, struct partitions *out, struct err *err);
int kafka_ends(void *self, struct ranges *parts, struct err *err);
int kafka_starts(void *self, struct ranges *parts, enum input_when when, int64_t time_us,
		 struct err *err);
int kafka_committed(void *self, struct ranges *parts, struct buf *meta, struct err *err);
int kafka_commit(void *self, const struct ranges *offsets, const char *meta, bool wait,
		 struct err *err);
int kafka_member(void *self, struct buf *out, struct err *err);

#endif
