/* Reading past librdkafka: one connection to each leader, one request in flight, records handed
 * out where they lie in the response. A message costs a few nanoseconds instead of an allocation
 * in one thread and its release in another.
 *
 * Only the plain road: unencrypted connections, batches that are not compressed or by gzip or
 * zstd, a leader that answers. Whatever else comes up (an error code, a lost connection that does
 * not come back, a batch of lz4), the partition falls back, at the offset it has reached, to
 * librdkafka, which knows what to do. Settings that only librdkafka heeds keep the fetcher from
 * being made at all (fetcher_settings.h).
 *
 * One thread. The states of a partition stand in fetcher_part.h. */
#ifndef DRV_KAFKA_FETCH_FETCHER_H
#define DRV_KAFKA_FETCH_FETCHER_H

#include "drv/kafka/fetch/fetcher_part.h"

struct fetcher;

struct fetcher_settings {
	char client[256]; /* client.id */
	bool committed;   /* only what committed transactions wrote */
	int32_t wait_ms;  /* how long a broker may hold an answer that has nothing */
	int32_t min_bytes, part_bytes;
	int32_t most_bytes; /* of a response */
	int64_t silent_us;  /* beyond wait_ms: a connection that says nothing is given up */
};

/* Called in fetcher_read for each partition that is not read here any more, from p->next on; its
 * state is AWAY, GONE or UNREADABLE. fetcher_add may be called again later, not from here. */
typedef void fetcher_fallback(void *arg, struct fetcher_part *p);

/* Settings are copied. NULL: no epoll (errno). */
struct fetcher *fetcher_new(const struct fetcher_settings *settings, fetcher_fallback *fallback,
			    void *arg);
void fetcher_free(struct fetcher *d);

/* Notes the broker that leads a partition by the newest metadata. Looks up a host that is new, or
 * that gave no connection, which may wait for the resolver. */
void fetcher_leader(struct fetcher *d, const char *topic, int32_t partition, const char *host,
		    int port);

/* Reads p, which is OFF or AWAY, from p->next on. false: it is AWAY (its leader is not known) or
 * UNREADABLE (it was before). p is borrowed until it falls back or is forgotten. */
bool fetcher_add(struct fetcher *d, struct fetcher_part *p);
/* Reads nothing any more: all that are read here are OFF. */
void fetcher_forget(struct fetcher *d);

/* What to wait for when there was nothing; `fd` is watched along with the connections. */
int fetcher_fd(const struct fetcher *d);
int fetcher_watch(struct fetcher *d, int fd);

/* At most `room` records of one partition in v. false: nothing now. Slices are valid until the
 * next call. */
bool fetcher_read(struct fetcher *d, struct input_record *v, size_t room,
		  struct input_batch *batch);

#endif
