/* Shared by kafka_letters.c, kafka_resend.c and kafka_original.c. */
#ifndef DRV_KAFKA_KAFKA_DLQ_INTERNAL_H
#define DRV_KAFKA_KAFKA_DLQ_INTERNAL_H

#include "drv/kafka/kafka_internal.h"
#include "drv/kafka/kafka_letters.h"

/* Connected: no topics, or one. NULL: err. */
struct kafka *kafka_dlq_client(const struct letters_conf *conf, const char *topic, struct err *err);
/* A client for the commits of a group that has no members. waits: reading them waits for those of
 * transactions that have not ended. NULL: err. */
rd_kafka_t *kafka_dlq_group(struct kafka *k, const char *group, bool waits, struct err *err);
/* What such a client says beside answers: that a right is missing is told here alone, while the
 * question runs out of time. Into k->failed. */
void kafka_dlq_group_errors(struct kafka *k, rd_kafka_t *group);
void kafka_dlq_free(struct kafka *k); /* NULL is fine */
/* The last header of that name. False: there is none, or it is null. */
bool kafka_dlq_header(const rd_kafka_headers_t *headers, const char *name, struct slice *out);
bool kafka_dlq_number(const rd_kafka_headers_t *headers, const char *name, int64_t *out);

/* ---- kafka_original.c: records of the log, one by one */
struct kafka_originals;
struct kafka_originals *kafka_originals_new(struct kafka *k, struct err *err);
void kafka_originals_free(struct kafka_originals *o); /* NULL is fine */
int kafka_originals_get(struct kafka_originals *o, const char *topic, int32_t partition,
			int64_t offset, struct letters_original *out, struct err *err);
void kafka_originals_forget(struct kafka_originals *o);

#endif
