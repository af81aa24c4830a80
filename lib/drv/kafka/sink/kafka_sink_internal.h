/* Inside of the Kafka sink. The files in their order: each calls and includes those above it only.
 *
 *	kafka_sink_error.c     what went wrong, for people
 *	kafka_sink_key.c       the keys of lines
 *	kafka_sink_client.c    clients, and what the topics say of themselves
 *	kafka_sink_send.c      messages into a producer, and what became of them
 *	kafka_sink_dead.c      dead records as messages
 *	kafka_sink_encode.c    lines as records of Avro
 *	kafka_sink_kept.c      lines of an epoch, kept until it is stored
 *	kafka_sink_lines.c     lines of runs: sent, or kept
 *	kafka_sink_positions.c the topic of positions: found, made, still the same
 *	kafka_sink_tx.c        transactions
 *	kafka_sink_state.c     what is kept of a partition
 *	kafka_sink_group.c     positions that are commits of the source's group
 *	kafka_sink_files.c     positions that are records of a topic
 *	kafka_sink_epoch.c     an epoch as a transaction
 *	kafka_sink.c           options, life, the tables of functions */
#ifndef DRV_KAFKA_SINK_KAFKA_SINK_INTERNAL_H
#define DRV_KAFKA_SINK_KAFKA_SINK_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "drv/kafka/kafka_error.h"
#include "drv/kafka/kafka_heard.h"
#include "drv/kafka/kafka_settings.h"
#include "drv/kafka/sink/kafka_sink.h"
#include "base/arena.h"
#include "scan/scan.h"
#include "tool/registry.h"
#include "tool/stage.h"

enum {
	KAFKA_SINK_ASK_MS = 1000,   /* a question to the cluster */
	KAFKA_SINK_TURN_MS = 50,    /* of a wait, until the loop is served */
	KAFKA_SINK_BATCH = 1024,    /* messages that are handed over at once */
	KAFKA_SINK_OVERHEAD = 128,  /* bytes of a batch of one message beside its parts, at most */
	KAFKA_SINK_USUAL = 1000000, /* longest message where the topic does not say */
};

enum kafka_encode_as { KAFKA_ENCODE_NONE, KAFKA_ENCODE_AVRO, KAFKA_ENCODE_JSON };

/* --encode, and what goes with it. */
struct kafka_encode_conf {
	enum kafka_encode_as as;
	const char *schema;  /* a file */
	const char *subject; /* NULL: TOPIC-value */
	bool add;            /* --register */
	struct registry_conf registry;
};

struct kafka_sink_conf {
	struct sink_conf sink; /* place: the topic */
	struct cluster_options cluster;
	const char *key;
	const char **header; /* "NAME=VALUE"; free() */
	size_t headers;
	const char *dead_topic, *slot;
	const char *positions; /* the topic where jobs over files keep theirs */
	struct kafka_encode_conf encode;
	bool dead_only;     /* --dead: the topic is one of dead letters, and lines pass */
	bool at_least_once; /* --no-transactions */
};

enum kafka_mode {
	KAFKA_SENDS, /* at once: a plain stream, or one that is stored at least once */
	KAFKA_GROUP, /* an epoch is a transaction; positions are commits of the source's group */
	KAFKA_FILES, /* an epoch is a transaction; positions are records in it */
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

/* Messages being gathered. Their values are borrowed until they are handed over; those that were
 * made here are in the arena until then. */
struct kafka_gathered {
	rd_kafka_message_t v[KAFKA_SINK_BATCH];
	size_t key_at[KAFKA_SINK_BATCH];
	size_t n;
	struct buf keys;
	struct arena arena;
};

/* A record that was refused in company: a broker refuses a whole batch for one of its records. It
 * is sent once more, alone. */
struct kafka_refused {
	char *value, *key; /* owned; key NULL: none */
	size_t value_n, key_n;
	uint64_t line; /* from 1 */
};

/* A line of the epoch: where it and its key are in the buffers. */
struct kafka_kept_line {
	size_t at, key_at;
	uint32_t n, key_n;  /* key_n: or KAFKA_NO_KEY */
	struct slice value; /* what is sent in its place; p NULL: the line itself */
	bool refused;       /* by the broker: it is a dead letter now */
};

/* Lines from one place: the first of them, and where it stood. */
struct kafka_kept_run {
	size_t first;
	struct origin origin;
};

struct kafka_kept {
	struct buf text, keys;
	struct kafka_kept_line *line;
	size_t lines, line_cap;
	struct kafka_kept_run *run;
	size_t runs, run_cap;
	struct arena arena; /* topics; what `own` points to */
	/* dead letters that were found here, raw */
	struct sink_dead *own;
	size_t n_own, own_cap;
};

/* What a message stands for (its opaque): a line from 1, NULL a dead letter, or this. */
#define KAFKA_POSITION ((void *)UINTPTR_MAX)

/* Messages of a transaction: all must be stored before it commits. */
struct kafka_tally {
	uint64_t handed, stored;
};

struct kafka_topic_says {
	int64_t longest;        /* bytes of a message, at most */
	bool compacts, deletes; /* its cleanup.policy */
};

struct kafka_sink {
	struct kafka_heard heard; /* stands first: the opaque of clients */
	const struct kafka_sink_conf *conf;
	struct stage *st;
	enum kafka_mode mode;
	const char *job, *group; /* of an acknowledged stream; group NULL: files */
	const char *dead_name;   /* topic of dead letters; NULL: none */
	char *transactional_id;
	int slot_fd;               /* -1: none */
	rd_kafka_conf_t *settings; /* checked; clients take copies */
	char *brokers;             /* for messages */
	struct scan *by_path, *by_row;
	struct kafka_encoder *encoder; /* NULL: lines are sent as they are */

	rd_kafka_t *admin;    /* asks */
	rd_kafka_t *producer; /* sends */
	rd_kafka_topic_t *topic;
	rd_kafka_t *alone; /* sends what was refused in company; NULL: nothing was */
	rd_kafka_topic_t *alone_topic;
	rd_kafka_topic_t *dead_topic;
	size_t limit, dead_limit; /* bytes of a message with KAFKA_SINK_OVERHEAD, at most */
	size_t header_bytes;
	bool compacted; /* the topic: it takes no record without a key */

	bool reached;      /* the cluster was, once */
	int64_t silent_us; /* since when it was not, 0: it was not asked */
	bool begun;        /* the producer has had its init_transactions */
	bool single;       /* .. and sends each message alone, to find what is refused */
	struct kafka_tally tally;
	struct kafka_kept kept;
	/* what is stored, as it was read under `member` ("": of files); NULL: not read yet */
	struct keeper_doc doc;
	char *member;

	int64_t positions_end; /* of the topic of positions, as far as it is known */
	bool positions_lost;   /* a record of them has got an offset below that */

	struct kafka_gathered gathered;
	/* what became of messages; written inside rd_kafka_poll only */
	struct err failed; /* code 0: nothing */
	struct kafka_refused *refused;
	size_t n_refused, refused_cap;
	pthread_mutex_t lock;
	char denied[256]; /* a topic that we may not write to; said in any thread */

	char fault[160]; /* scratch */
	uint64_t lines;  /* taken so far */
	bool progress;   /* is shown on a terminal */
	int64_t began_us, shown_us;
};

/* ---- kafka_sink_error.c */

/* Why a partition cannot be part of a transaction; any thread. */
void kafka_sink_heard_denied(struct kafka_sink *d, const char *text);
/* The topic that a transaction was not allowed to write to. */
const char *kafka_sink_denied(const struct kafka_sink *d);
/* A question without an answer, for less than KAFKA_SUSPECT_US: nothing was heard of why, or the
 * listener seems to want a login, or is leaving. To be asked again, and nothing to be said yet. */
bool kafka_sink_too_early(struct kafka_sink *d, rd_kafka_resp_err_t code);
/* A question without an answer: SINK_RETRY, or SINK_FATAL where no later one will do. */
enum sink_result kafka_sink_unanswered(struct kafka_sink *d, const char *what,
				       rd_kafka_resp_err_t code, struct err *err);
/* Another process has taken the transactional id. -1 with EX_TEMPFAIL */
int kafka_sink_put_out(const struct kafka_sink *d, struct err *err);
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
int64_t kafka_sink_number(const rd_kafka_conf_t *conf, const char *name);
enum sink_result kafka_sink_connect(void *self, struct err *err);
void kafka_sink_disconnect(void *self);
/* Asks the topics anew how long their messages may be. */
enum sink_result kafka_sink_look(struct kafka_sink *d, struct err *err);
/* What the topic says of itself; where it does not tell, librdkafka's own bound and no policy. */
struct kafka_topic_says kafka_sink_ask_topic(struct kafka_sink *d, const char *name);
/* A producer that sends each message in a batch of its own. */
int kafka_sink_connect_alone(struct kafka_sink *d, struct err *err);
/* One of transactions, of which it has had none yet. single: each message in a batch of its own.
 * NULL: err */
rd_kafka_t *kafka_sink_new_transactional(struct kafka_sink *d, const char *id, bool single,
					 struct err *err);
/* The sink's own producer, made anew, and its topics. */
int kafka_sink_renew(struct kafka_sink *d, bool single, struct err *err);

/* ---- kafka_sink_send.c */

void kafka_sink_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *self);
/* Makes room for n more messages, and for their keys. */
int kafka_sink_room(struct kafka_sink *d, size_t n, struct err *err);
/* Adds a message, for which there is room. Its key stands in d->gathered.keys. */
void kafka_sink_gather(struct kafka_sink *d, struct slice value, size_t key_at, uint32_t key_n,
		       uint64_t line);
/* Hands over what is gathered. */
int kafka_sink_hand_over(struct kafka_sink *d, struct err *err);
/* Waits until all is stored; what was refused in company is tried alone, and is dead then. */
int kafka_sink_flush(void *self, struct err *err);
/* On a terminal: how far it is, twice a second and at the end. */
void kafka_sink_progress(struct kafka_sink *d, bool end);

/* Serves librdkafka and the loop for a moment; -1: d->failed, or the loop says so. */
int kafka_sink_wait(struct kafka_sink *d, rd_kafka_t *rk, struct err *err);
/* What was refused is forgotten. */
void kafka_sink_forget_refused(struct kafka_sink *d);

/* Why a line cannot be stored, NULL: it can be. Valid until the next call. */
const char *kafka_sink_fault(struct kafka_sink *d, size_t n, uint32_t key_n);

/* ---- kafka_sink_dead.c */

/* The message of a dead record, cut to what the topic takes, into d->dead_name; tallied. */
int kafka_sink_bury(struct kafka_sink *d, const struct sink_dead *dead, struct err *err);
/* A dead letter of this stage: told and counted as stage_dead does, and buried here where there
 * is a topic for it. partly: the line has passed as data. */
int kafka_sink_own_dead(struct kafka_sink *d, const struct run *run, uint64_t nth, size_t at,
			struct slice record, const char *reason, bool partly, struct err *err);

/* ---- kafka_sink_encode.c */

/* Reads the schema. EX_USAGE, EX_CONFIG. Nothing is done where lines are not encoded. */
int kafka_encode_open(struct kafka_sink *d, struct err *err);
void kafka_encode_close(struct kafka_sink *d);
/* (waits) Gets the schema's id, once. EX_CONFIG: the registry has it not, or does not take it;
 * EX_UNAVAILABLE. */
int kafka_encode_connect(struct kafka_sink *d, struct err *err);
/* The message of a line, valid until the next call. Returns NULL, or why there is none. */
const char *kafka_encode_line(struct kafka_sink *d, struct slice line, struct slice *value);

/* ---- kafka_sink_kept.c */

void kafka_sink_keep_run(struct kafka_sink *d, const struct origin *origin);
/* A line with its key out of `keys`. value: what is sent in its place, copied; p NULL: itself. */
void kafka_sink_keep(struct kafka_sink *d, struct slice line, struct slice value,
		     const struct buf *keys, size_t key_at, uint32_t key_n);
void kafka_sink_forget(struct kafka_sink *d); /* the epoch is stored */
void kafka_sink_kept_fini(struct kafka_sink *d);
/* The line nth of the epoch is a dead letter: the broker refuses it. */
int kafka_sink_refuse_kept(struct kafka_sink *d, size_t nth, const char *why, struct err *err);
/* The topic has changed: those that it does not take any more are dead letters. */
int kafka_sink_judge_kept(struct kafka_sink *d, struct err *err);
/* All that is kept into the producer, but what was refused. Waits for nothing. */
int kafka_sink_send_kept(struct kafka_sink *d, struct err *err);

/* ---- kafka_sink_lines.c */

int kafka_sink_take(void *self, const struct run *run, bool pass, uint64_t *lines, struct err *err);

/* ---- kafka_sink_positions.c */

/* A consumer of the topic of positions, to be destroyed; NULL: err. */
rd_kafka_t *kafka_positions_reader(const struct kafka_sink *d, const char *isolation,
				   struct err *err);
/* The topic is there, or made, and compacted. */
enum sink_result kafka_positions_connect(struct kafka_sink *d, struct err *err);
/* First and next offset of partition 0, open transactions included: a reader of committed records
 * is told of less. */
enum sink_result kafka_positions_bounds(struct kafka_sink *d, int64_t *begin, int64_t *end,
					struct err *err);
/* -1 with EX_CONFIG: what was delivered went into another topic of that name. */
int kafka_positions_same(const struct kafka_sink *d, struct err *err);
/* -1 with EX_CONFIG: the topic is gone, or made anew. 0, and err as it was: it is there, or nobody
 * knows. */
int kafka_positions_there(struct kafka_sink *d, struct err *err);

/* ---- kafka_sink_tx.c: one transaction. SINK_OK, or SINK_FATAL with EX_TEMPFAIL or EX_CONFIG, and
 * what is said */

/* Ends what an earlier producer of that id had open, and puts it out for good. SINK_RETRY too. */
enum sink_result kafka_tx_init(struct kafka_sink *d, rd_kafka_t *rk, struct err *err);
/* The sink's own producer, made anew where it is not `single` or not, has had its init. */
enum sink_result kafka_tx_ready(struct kafka_sink *d, bool single, struct err *err);
enum sink_result kafka_tx_begin(struct kafka_sink *d, rd_kafka_t *rk, struct err *err);
/* Offsets with their texts, as member of the group; member NULL: as a stranger to it.
 * SINK_CONFLICT: the group has moved on. */
enum sink_result kafka_tx_offsets(struct kafka_sink *d, rd_kafka_t *rk,
				  const rd_kafka_topic_partition_list_t *offsets, const char *group,
				  const char *member, struct err *err);
enum sink_result kafka_tx_commit(struct kafka_sink *d, rd_kafka_t *rk, struct err *err);
/* Has another process taken its transactional id? */
bool kafka_tx_fenced(rd_kafka_t *rk);
/* Has librdkafka given up this producer? -1 with why: EX_TEMPFAIL where another process took its
 * transactional id. */
int kafka_tx_fatal(const struct kafka_sink *d, rd_kafka_t *rk, struct err *err);
/* Waits for what was handed over to d->producer, unless rc is -1: 0, all is stored, or some records
 * were refused (d->n_refused); -1 with err. */
int kafka_tx_stored(struct kafka_sink *d, int rc, struct err *err);
void kafka_tx_abort(struct kafka_sink *d, rd_kafka_t *rk);

/* ---- kafka_sink_state.c */

void kafka_state_write(const struct kafka_sink *d, const char *gen, bool by_now,
		       const struct position *p, struct buf *out);
/* Into the document; the last one of a partition holds. False: it is of another generation. */
bool kafka_state_take(const struct ctl_sink_state *state, struct slice topic, int32_t partition,
		      int64_t next, struct keeper_doc *doc);
struct position kafka_state_first(const struct range *r); /* topic: borrowed */
void kafka_state_move(struct position *p, const struct range *r);
/* As keeper.h has it: SINK_OK is to be written. */
enum sink_result kafka_state_judge_init(const struct kafka_sink *d, const struct ctl_init *init,
					const struct keeper_doc *doc, struct err *err);

/* ---- kafka_sink_group.c */

enum sink_result kafka_group_load(struct kafka_sink *d, const char *job, struct keeper_doc *doc,
				  struct err *err);
enum sink_result kafka_group_init(struct kafka_sink *d, const struct ctl_init *init,
				  struct err *err);
/* Adds the commit of a position, as the group keeps it. */
void kafka_group_add(const struct kafka_sink *d, const char *gen, bool by_now,
		     const struct position *p, rd_kafka_topic_partition_list_t *list);

/* ---- kafka_sink_files.c */

enum sink_result kafka_files_load(struct kafka_sink *d, const char *job, struct keeper_doc *doc,
				  struct err *err);
enum sink_result kafka_files_init(struct kafka_sink *d, const struct ctl_init *init,
				  struct err *err);
/* Positions as they are behind these ranges, into the open transaction. */
int kafka_files_send(struct kafka_sink *d, const struct ranges *ranges, struct err *err);

/* ---- kafka_sink_epoch.c: the calls of struct position_keeper */

enum sink_result kafka_sink_load(void *self, const char *job, struct keeper_doc *doc,
				 struct err *err);
enum sink_result kafka_sink_init(void *self, const char *job, const char *group,
				 const struct ctl_init *init, struct err *err);
enum sink_result kafka_sink_store(void *self, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err);

#endif
