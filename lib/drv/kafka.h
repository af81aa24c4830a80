/* The Kafka driver (librdkafka 2.0.2 or newer): topics of a cluster as a log (source/log.h), with or without a consumer group.
 *
 * A group member: eager assignment, so that each rebalance is one revoke and one assign; the assignment is answered at once with nothing, and what is read
 * is set later by assign(). Messages go through a queue of their own, control events through the group's, which is polled at least twice a second whatever the
 * program waits for: so a slow reader never makes the broker think that we are gone.
 * Without a group: librdkafka's simple consumer on the same message queue. */
#ifndef DRV_KAFKA_H
#define DRV_KAFKA_H

#include <stdio.h>
#include "source/log.h"

struct kafka;

struct kafka *kafka_new(void);
void kafka_free(struct kafka *k);       /* after close() */

/* Properties of librdkafka (-X). value "@FILE": the first line of the file. EX_USAGE with the reason: owned by the protocol, unknown, or out of range. */
int kafka_set(struct kafka *k, const char *property, const char *value, struct err *err);
/* "property=value" (-X). */
int kafka_set_text(struct kafka *k, const char *text, struct err *err);
/* A file of such lines, # comments (-F, kcat's). */
int kafka_set_file(struct kafka *k, const char *path, struct err *err);
void kafka_list(FILE *out);             /* -X list */

/* All are copied. group NULL: none. join: becomes a member (kafka_group_ops); else (kafka_plain_ops) only its commits can be read, and written while it has no members. */
void kafka_topics(struct kafka *k, const char *brokers, const char *const *topics, size_t n, const char *group, bool join, int64_t retry_for_us);

extern const struct log_ops kafka_group_ops, kafka_plain_ops;     /* struct log {.ops, .self = struct kafka} */
void kafka_lost_at(struct kafka *k, struct log_lost *lost);       /* where read() and assign() tell lost offsets: &log.lost */

#endif
