/* Reading past librdkafka: one connection to each leader, one request in flight, records handed out where they lie in the response. A message costs a few
 * nanoseconds instead of an allocation in one thread and its release in another.
 *
 * Only the plain road: unencrypted connections, batches that are not compressed or by gzip or zstd, a leader that answers. Whatever else comes up (a
 * setting, an error code, a lost connection that does not come back, a batch of lz4), the partition is handed over, at the offset it has reached, to
 * librdkafka, which knows what to do. */
#ifndef DRV_KAFKA_FETCH_FETCHER_H
#define DRV_KAFKA_FETCH_FETCHER_H

#include <librdkafka/rdkafka.h>

#include "source/input.h"

struct direct;

/* A partition that is read. `next`, the offset behind what was handed out, is kept here. */
struct direct_part {
	const struct log_part *part;
	int64_t next;
	int64_t asked;             /* next request's offset; -1: not asked for */
	int64_t end_told;          /* the log's end that was told last */
	bool known;                /* its leader has answered for it */
	bool lost;                 /* .. and then did not know it any more: the topic was deleted, and may be there anew */
};

/* Called in direct_read for each partition that is librdkafka's from p->next on; it is not touched afterwards. */
typedef void direct_hand_over(void *arg, struct direct_part *p);

/* NULL: these settings want librdkafka. */
struct direct *direct_new(const rd_kafka_conf_t *conf, direct_hand_over *hand_over, void *arg);
void direct_free(struct direct *d);

/* Who leads a partition, as far as metadata told. Looks up a host that is new, or that gave no connection, which may wait for the resolver. */
void direct_leader(struct direct *d, const char *topic, int32_t partition, const char *host, int port);

/* Reads p from p->next on. false: its leader is not known, or it was handed over before. */
bool direct_add(struct direct *d, struct direct_part *p);
void direct_forget(struct direct *d);                  /* reads nothing any more */

/* What to wait for when there was nothing; `fd` is watched along with the connections. */
int direct_fd(const struct direct *d);
int direct_watch(struct direct *d, int fd);

/* At most `room` records of one partition in v. false: nothing now. Slices are valid until the next call. */
bool direct_read(struct direct *d, struct log_record *v, size_t room, struct log_batch *batch);

#endif
