/* Inside of the Kafka sink. The files in their order: each calls and includes those above it only.
 *
 *	kafka_sink_error.c     what went wrong, for people
 *	kafka_sink_key.c       the keys of lines
 *	kafka_sink_client.c    clients, and what the topics say of themselves
 *	kafka_sink_send.c      messages into a producer, and what became of them
 *	kafka_sink_lines.c     lines of runs, sent
 *	kafka_sink.c           options, life, the tables of functions */
#ifndef DRV_KAFKA_SINK_KAFKA_SINK_INTERNAL_H
#define DRV_KAFKA_SINK_KAFKA_SINK_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "drv/kafka/kafka_error.h"
#include "drv/kafka/kafka_settings.h"
#include "drv/kafka/sink/kafka_sink.h"
#include "scan/scan.h"
#include "tool/stage.h"

enum {
	KAFKA_SINK_ASK_MS = 1000,   /* a question to the cluster */
	KAFKA_SINK_TURN_MS = 50,    /* of a wait, until the loop is served */
	KAFKA_SINK_BATCH = 1024,    /* messages that are handed over at once */
	KAFKA_SINK_OVERHEAD = 128,  /* bytes of a batch of one message beside its parts, at most */
	KAFKA_SINK_USUAL = 1000000, /* longest message where the topic does not say */
};

struct kafka_sink_conf {
	struct sink_conf sink; /* place: the topic */
	struct cluster_options cluster;
	const char *key;
	const char **header; /* "NAME=VALUE"; free() */
	size_t headers;
};

/* The keys of some lines: where they are in a buffer. */
struct kafka_keys {
	unsigned lines;
	size_t used; /* bytes of the run that the lines take */
	const char *start[SCAN_BATCH];
	uint32_t length[SCAN_BATCH]; /* without \n */
	size_t at[SCAN_BATCH];
	uint32_t n[SCAN_BATCH]; /* KAFKA_NO_KEY, KAFKA_BAD_KEY, or bytes */
};
#define KAFKA_NO_KEY UINT32_MAX
#define KAFKA_BAD_KEY (UINT32_MAX - 1) /* the line is no JSON, so its key cannot be told */

/* Messages being gathered. Their values are borrowed until they are handed over. */
struct kafka_gathered {
	rd_kafka_message_t v[KAFKA_SINK_BATCH];
	size_t key_at[KAFKA_SINK_BATCH];
	size_t n;
	struct buf keys;
};

/* A record that was refused in company: a broker refuses a whole batch for one of its records. It
 * is sent once more, alone. */
struct kafka_refused {
	char *value, *key; /* owned; key NULL: none */
	size_t value_n, key_n;
	uint64_t line; /* from 1 */
};

struct kafka_sink {
	const struct kafka_sink_conf *conf;
	struct stage *st;
	rd_kafka_conf_t *settings; /* checked; clients take copies */
	char *brokers;             /* for messages */
	struct scan *by_path, *by_row;

	rd_kafka_t *admin;    /* asks */
	rd_kafka_t *producer; /* sends */
	rd_kafka_topic_t *topic;
	rd_kafka_t *alone; /* sends what was refused in company; NULL: nothing was */
	rd_kafka_topic_t *alone_topic;
	size_t limit; /* bytes of a message with KAFKA_SINK_OVERHEAD, at most */
	size_t header_bytes;

	struct kafka_gathered gathered;
	/* what became of messages; written inside rd_kafka_poll only */
	struct err failed; /* code 0: nothing */
	struct kafka_refused *refused;
	size_t n_refused, refused_cap;
	struct {
		pthread_mutex_t lock;
		char text[512]; /* the last failure of a connection, said in any thread */
		int64_t at_us;
	} heard;

	uint64_t lines; /* taken so far */
	bool progress;  /* is shown on a terminal */
	int64_t began_us, shown_us;
};

/* ---- kafka_sink_error.c */

void kafka_sink_heard(struct kafka_sink *d, const char *text); /* any thread */
/* A question without an answer: SINK_RETRY, or SINK_FATAL where no later one will do. */
enum sink_result kafka_sink_unanswered(struct kafka_sink *d, const char *what,
				       rd_kafka_resp_err_t code, struct err *err);
/* The record is at fault, or one that went with it. */
bool kafka_sink_refuses(rd_kafka_resp_err_t code);

/* ---- kafka_sink_key.c */

int kafka_sink_key_open(struct kafka_sink *d, struct err *err); /* EX_USAGE: --key is no path */
void kafka_sink_key_close(struct kafka_sink *d);
/* Takes up to SCAN_BATCH lines from the rest of a run, and appends their keys to the buffer. */
void kafka_sink_keys(struct kafka_sink *d, struct slice rest, struct buf *text,
		     struct kafka_keys *out);

/* ---- kafka_sink_client.c */

/* The settings of the command line over the defaults. EX_USAGE */
int kafka_sink_settings(struct kafka_sink *d, struct err *err);
enum sink_result kafka_sink_connect(void *self, struct err *err);
void kafka_sink_disconnect(void *self);
/* A producer that sends each message in a batch of its own. */
int kafka_sink_connect_alone(struct kafka_sink *d, struct err *err);

/* ---- kafka_sink_send.c */

void kafka_sink_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *self);
/* Adds a message; hands over what is gathered where that is enough. */
int kafka_sink_send(struct kafka_sink *d, struct slice value, size_t key_at, uint32_t key_n,
		    uint64_t line, struct err *err);
/* Hands over what is gathered. */
int kafka_sink_hand_over(struct kafka_sink *d, struct err *err);
/* Waits until all is stored; what was refused in company is tried alone, and is dead then. */
int kafka_sink_flush(void *self, struct err *err);
/* On a terminal: how far it is, twice a second and at the end. */
void kafka_sink_progress(struct kafka_sink *d, bool end);

/* ---- kafka_sink_lines.c */

int kafka_sink_take(void *self, const struct run *run, bool pass, uint64_t *lines, struct err *err);

#endif
