/* Inside of fetcher.c (partitions, handing out) and fetcher_conn.c (a connection). */
#ifndef DRV_KAFKA_FETCH_FETCHER_INTERNAL_H
#define DRV_KAFKA_FETCH_FETCHER_INTERNAL_H

#include "drv/kafka/fetch/fetcher.h"
#include "drv/kafka/fetch/wire.h"

/* Addresses of a broker, asked for where metadata names it; kept, because asking may take long. */
struct place {
	char *host;
	int port;
	struct addrinfo *list;
};
struct leader {
	char *topic, *host /* NULL: not known now */;
	int32_t partition;
	int port;
	bool fallback;
};

struct conn {
	char *host;
	int port;
	struct addrinfo *list, *at; /* the place's */
	int fd;                     /* -1: not connected */
	bool up, proven;            /* connected; and it has answered */
	bool asked;                 /* a request is in flight */
	bool waited;                /* .. and its answer was waited for */
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
	/* what is handed out */
	bool pending;
	struct wire_response response;
	struct wire_answer answer;
	struct fetcher_part *answered;
	struct wire_records records;
};

struct fetcher {
	fetcher_fallback *fallback;
	void *arg;
	struct wire_fetch fetch;
	int32_t most; /* bytes of a response, as the user wants it */
	char client[256];
	int epoll;
	struct leader *leader;
	size_t leaders, leader_cap;
	struct place *place;
	size_t places, place_cap;
	struct conn **conn;
	size_t n, cap, turn;
	struct wire_want *want;
	size_t want_cap;
};

/* p is librdkafka's from p->next on. foreign: for good. */
void fetcher_give(struct fetcher *d, struct conn *c, struct fetcher_part *p, bool fallback,
		  const char *why);

/* No partition is read from there until metadata names it again, with new addresses. */
void fetcher_avoid(struct fetcher *d, const char *host, int port);

/* Drops what was asked for and not handed out. */
void conn_close(struct fetcher *d, struct conn *c);
/* The same, and gives all its partitions. */
void conn_give_up(struct fetcher *d, struct conn *c, const char *why);
/* The partition of an answer, NULL: not ours any more. Quick where answers come in the order of
 * the request. */
struct fetcher_part *conn_part_of(struct conn *c, const struct wire_answer *a);
/* Does what can be done now, once the last response was handed out. true: the next one is
 * pending. */
bool conn_advance(struct fetcher *d, struct conn *c);

#endif
