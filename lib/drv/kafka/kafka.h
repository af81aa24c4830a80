/* The Kafka driver (librdkafka 2.0.2 or newer): topics of a cluster as a log (source/input.h),
 * with or without a consumer group.
 *
 * With a group there are two clients. The member takes part in the group (eager assignment, so
 * that each rebalance is one revoke and one assign), commits, and never reads: it answers an
 * assignment at once with nothing. The reader belongs to no group and reads what assign() says,
 * through a queue of its own. The member's events are polled four times a second whatever the
 * program waits for: so a slow reader never makes the broker think that we are gone. */
#ifndef DRV_KAFKA_KAFKA_H
#define DRV_KAFKA_KAFKA_H

#include <stdio.h>
#include "source/input.h"

struct kafka;

struct kafka *kafka_new(void);
void kafka_free(struct kafka *k); /* after close() */

/* Properties of librdkafka (-X). value "@FILE": the first line of the file. EX_USAGE with the
 * reason: owned by the protocol, unknown, or out of range. */
int kafka_set(struct kafka *k, const char *property, const char *value, struct err *err);
/* "property=value" (-X). */
int kafka_set_text(struct kafka *k, const char *text, struct err *err);
/* A file of such lines, # comments (-F, kcat's). */
int kafka_set_file(struct kafka *k, const char *path, struct err *err);
void kafka_list(FILE *out); /* -X list */

/* After the properties. All are copied. brokers NULL: the property's. group NULL: none. join:
 * becomes a member (kafka_group_ops); else (kafka_plain_ops) only its commits can be read, and
 * written while it has no members. EX_USAGE: brokers are no list of any. */
int kafka_topics(struct kafka *k, const char *brokers, const char *const *topics, size_t n,
		 const char *group, bool join, struct err *err);
/* How long a cluster that does not answer is tried again, and for the message what set that time,
 * " (--retry-for)", or "". Borrowed for ever. */
void kafka_retry(struct kafka *k, int64_t for_us, const char *flag);

/* struct input {.ops, .self = struct kafka} */
extern const struct input_ops kafka_group_ops, kafka_plain_ops;
/* where read() and assign() tell lost offsets: &log.lost */
void kafka_lost_at(struct kafka *k, struct input_lost *lost);

#endif
