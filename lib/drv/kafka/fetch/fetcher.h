/* Reading past librdkafka: one connection to each leader, one request in flight, records handed
 * out where they lie in the response. A message costs a few nanoseconds instead of an allocation
 * in one thread and its release in another.
 *
 * Only the plain road: unencrypted connections, batches that are not compressed or by gzip or
 * zstd, a leader that answers. Whatever else comes up (a setting, an error code, a lost
 * connection that does not come back, a batch of lz4), the partition is handed over, at the
 * offset it has reached, to librdkafka, which knows what to do. */
#ifndef DRV_KAFKA_FETCH_FETCHER_H
#define DRV_KAFKA_FETCH_FETCHER_H

#include <librdkafka/rdkafka.h>

#include "source/input.h"

struct fetcher;

/* A partition that is read. `next`, the offset behind what was handed out, is kept here. */
struct fetcher_part {
	const struct partition *part;
	int64_t next;
	int64_t asked;    /* next request's offset; -1: not asked for */
	int64_t end_told; /* the log's end that was told last */
	bool known;       /* its leader has answered for it */
	/* .. and then did not know it any more: the topic was deleted, and may be there anew */
	bool lost;
};

/* Called in fetcher_read for each partition that is librdkafka's from p->next on; it is not
 * touched afterwards. */
typedef void fetcher_fallback(void *arg, struct fetcher_part *p);

/* NULL: these settings want librdkafka. */
struct fetcher *fetcher_new(const rd_kafka_conf_t *conf, fetcher_fallback *fallback, void *arg);
void fetcher_free(struct fetcher *d);

/* Who leads a partition, as far as metadata told. Looks up a host that is new, or that gave no
 * connection, which may wait for the resolver. */
void fetcher_leader(struct fetcher *d, const char *topic, int32_t partition, const char *host,
		    int port);

/* Reads p from p->next on. false: its leader is not known, or it was handed over before. */
bool fetcher_add(struct fetcher *d, struct fetcher_part *p);
void fetcher_forget(struct fetcher *d); /* reads nothing any more */

/* What to wait for when there was nothing; `fd` is watched along with the connections. */
int fetcher_fd(const struct fetcher *d);
int fetcher_watch(struct fetcher *d, int fd);

/* At most `room` records of one partition in v. false: nothing now. Slices are valid until the
 * next call. */
bool fetcher_read(struct fetcher *d, struct input_record *v, size_t room,
		  struct input_batch *batch);

#endif
