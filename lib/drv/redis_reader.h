/* Inside of the Redis driver, its reading side: redis_reader.c (connection, metrics, positions), redis_reader_rows.c. */
#ifndef DRV_REDIS_READER_H
#define DRV_REDIS_READER_H

#include "drv/redis_internal.h"

struct redis_reader { struct sink_conf conf; struct redis *p; struct buf scratch; };

/* The next answer. Requests may be sent together: redis_begin the first, redis_reader_also the others (n arguments), then as many calls of this. */
int redis_reader_answer(struct redis_reader *r, redisReply **reply, struct err *err);
void redis_reader_also(struct redis *p, size_t n);
/* {PREFIX}:KIND:METRIC and what comes behind it, as an argument. */
void redis_reader_arg_key(struct redis *p, const char *kind, const char *metric, const char *rest);
/* Of an array; else 0. */
size_t redis_reader_elements(const redisReply *reply);

int redis_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found, int64_t *start_us, int64_t *end_us, struct err *err);
int redis_reader_rows(void *d, const struct query_range *range, query_row_fn *fn, void *arg, struct err *err);

#endif
