/* Inside of the fetcher. The files in their order: each calls and includes those above it only.
 *
 *	wire.c             bytes of the protocol, no I/O: requests and responses
 *	wire_records.c     .. record batches
 *	wire_extra.c       .. keys and headers
 *	fetcher_part.c     the state of a partition
 *	fetcher_leaders.c  who leads which partition, and at what addresses
 *	fetcher_conn.c     a connection: its state, its partitions
 *	fetcher_ask.c      requests and responses of a connection
 *	fetcher_hand.c     handing out what a connection has received
 *	fetcher.c          all connections; whose turn it is; falling back
 *	fetcher_settings.c what librdkafka's settings say; the only one that knows that library */
#ifndef DRV_KAFKA_FETCH_FETCHER_INTERNAL_H
#define DRV_KAFKA_FETCH_FETCHER_INTERNAL_H

#include "drv/kafka/fetch/fetcher.h"
#include "drv/kafka/fetch/wire.h"

struct addrinfo;

/* ---- fetcher_leaders.c */

/* Addresses of a broker, asked for where metadata names it; kept, because asking may take long. */
struct place {
	char *host;
	int port;
	struct addrinfo *list; /* NULL: none now */
};
/* UNKNOWN -> KNOWN: metadata named it. KNOWN -> UNKNOWN: an error, a broker that gives no
 * connection. Any -> UNREADABLE, for good: its batches are not for us. */
enum leader_state { LEADER_UNKNOWN, LEADER_KNOWN, LEADER_UNREADABLE };
struct leader {
	char *topic;
	int32_t partition;
	enum leader_state state;
	char *host; /* KNOWN only, as `port` */
	int port;
};
struct leaders {
	struct leader *leader;
	size_t n, cap;
	struct place *place;
	size_t places, place_cap;
};

/* As fetcher_leader. */
void leaders_note(struct leaders *l, const char *topic, int32_t partition, const char *host,
		  int port);
/* NULL: metadata never named it. */
struct leader *leaders_find(const struct leaders *l, const struct partition *part);
/* Addresses of a KNOWN leader. */
struct addrinfo *leaders_address(const struct leaders *l, const struct leader *leader);
/* It is not to be read from there until metadata names it again, or (unreadable) never again. */
void leaders_drop(struct leaders *l, const struct partition *part, bool unreadable);
/* No partition is read from there until metadata names it again, with new addresses. */
void leaders_avoid(struct leaders *l, const char *host, int port);
void leaders_fini(struct leaders *l);

/* ---- fetcher_conn.c */

/* What all connections share. */
struct conn_env {
	int epoll;
	struct wire_fetch fetch;
	int32_t most;      /* bytes of a response, as the user wants it */
	int64_t silent_us; /* with wait_ms: until a silent connection is given up */
	struct wire_want *want;
	size_t want_cap;
};

/*	        connect()            it is there        request
 *	CLOSED ----------> CONNECTING ---------> IDLE <=========> ASKED
 *	                                              response
 * Any but CLOSED -> CLOSED. conn_enter() alone changes it. */
enum conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_IDLE, CONN_ASKED, CONN_STATES };

/* What is there of the response in `cur`:
 *	EMPTY -> ANSWERS: it came         ANSWERS -> RECORDS: an answer of a partition is opened
 *	RECORDS -> ANSWERS: used up       ANSWERS -> EMPTY: no more answers
 *	any -> EMPTY: the connection is closed */
enum hand_state { HAND_EMPTY, HAND_ANSWERS, HAND_RECORDS };

struct conn {
	char *host;
	int port;
	struct addrinfo *list, *at; /* the place's */
	enum conn_state state;
	int fd;      /* -1: CLOSED */
	bool proven; /* has answered since it was made */
	bool waited; /* its answer was waited for */
	int32_t correlation;
	struct buf out, in, cur;
	size_t sent;
	uint32_t events;
	int32_t most;                         /* bytes of a response */
	int64_t asked_at_us, cur_asked_at_us; /* when the answer in `cur` was asked for */
	int64_t silent_since_us;              /* 0: it is not */
	int low;                              /* SO_RCVLOWAT */
	struct fetcher_part **part;
	size_t n, cap, turn, found;
	size_t lost;      /* of these: not ours any more, to be taken by conn_take_lost */
	bool unreachable; /* it was given up before it had answered */

	enum hand_state hand;
	struct wire_response response;
	struct wire_answer answer;
	struct fetcher_part *answered; /* RECORDS: whose */
	struct wire_records records;
};

struct conn *conn_new(const char *host, int port);
void conn_free(struct conn_env *e, struct conn *c);
/* Partitions of one topic side by side. */
void conn_add(struct conn *c, struct fetcher_part *p);
/* Drops what was asked for and not handed out. */
void conn_close(struct conn_env *e, struct conn *c);
/* A partition is not ours from here on; it stays in the list until conn_take_lost. */
void conn_lose(struct conn *c, struct fetcher_part *p, enum fetch_state to, const char *why);
/* Takes one of the lost partitions out of the list, NULL: there is none. */
struct fetcher_part *conn_take_lost(struct conn *c);
/* The partition of an answer, NULL: not ours any more. Quick where answers come in the order of
 * the request. */
struct fetcher_part *conn_part_of(struct conn *c, const struct wire_answer *a);
bool conn_same_topic(const struct fetcher_part *a, const struct fetcher_part *b);
/* Changes the state. BUG() where the drawing above has no such way. */
void conn_enter(struct conn *c, enum conn_state to);
/* CLOSED: begins to connect; given up where no address will do. */
void conn_connect(struct conn_env *e, struct conn *c);
/* false: still on its way, or it failed, and another one is, or it was given up. */
bool conn_is_there(struct conn_env *e, struct conn *c);
/* After a failure. What was in flight or not handed out is asked for again, over a connection to
 * the same broker where that had answered, else to its next address; given up where there is
 * none. */
void conn_reconnect(struct conn_env *e, struct conn *c, const char *why);
/* Closes; all of its partitions are lost. */
void conn_give_up(struct conn_env *e, struct conn *c, const char *why);

/* ---- fetcher_ask.c */

/* Does what can be done now; the last response was handed out (EMPTY). ANSWERS: the next one is
 * there. */
void conn_advance(struct conn_env *e, struct conn *c);

/* ---- fetcher_hand.c */

/* As fetcher_read, of one connection. */
bool conn_read(struct conn_env *e, struct conn *c, struct input_record *v, size_t room,
	       struct input_batch *batch);

#endif
