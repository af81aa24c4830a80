/* Inside of the state of hta-dedup in Redis: redis_dedup.c (the server, what is loaded and taken,
 * barriers), redis_claim.c (verdicts). */
#ifndef DRV_REDIS_REDIS_DEDUP_INTERNAL_H
#define DRV_REDIS_REDIS_DEDUP_INTERNAL_H

#include "drv/redis/redis_dedup.h"
#include "drv/redis/redis_internal.h"
#include "xform/dedup_shared.h"

struct redis_dedup {
	struct redis_conf conf;
	struct redis *p;
	char *name;        /* for messages */
	char *job, *tag;   /* tag: {hta:JOB} */
	struct buf run_id; /* of the server that gave the fences */
	bool waits;        /* the server knows WAITAOF */
	struct buf field, scratch;
};

/* What begins an answer: "ok", or why not. */
struct slice redis_dedup_word(const redisReply *reply);
/* An element that is a number, as text or not; 0 where it is none. */
int64_t redis_dedup_number(const redisReply *reply, size_t i);
/* TOPIC/PARTITION, in d->field. */
struct slice redis_dedup_field(struct redis_dedup *d, const char *topic, int32_t partition);
/* A key of ours, as an argument; rest is what comes behind the kind. */
void redis_dedup_key(struct redis_dedup *d, const char *kind, struct slice rest);
/* Sends the call, which is not repeated. Its answer is an array that begins with a word. */
int redis_dedup_run(struct redis_dedup *d, redisReply **reply, struct err *err);
/* 0: "ok". Else 1, and what the word means; -1: it means nothing. */
int redis_dedup_judge(struct redis_dedup *d, const redisReply *reply, struct dedup_refusal *why,
		      struct err *err);

/* ---- redis_claim.c */
int redis_claim(void *s, const struct dedup_claim *claim, uint8_t *unique,
		struct dedup_refusal *why, struct err *err);

#endif
