/* Inside of the Redis driver, its reading side: redis_reader.c (metrics, positions),
 * redis_reader_windows.c, redis_reader_rows.c, redis_follow.c (requests, in a cluster too). */
#ifndef DRV_REDIS_REDIS_READER_H
#define DRV_REDIS_REDIS_READER_H

#include "drv/redis/redis_internal.h"
#include "read/driver.h"

struct redis_reader {
	struct redis_conf conf;
	struct redis *p;
	struct buf scratch;
	size_t *start, starts, start_cap; /* of each request in p->out */
	size_t answered;                  /* .. of them */
	/* to the node where our slot is going */
	struct redis_link other;
	char *other_host;
	int other_port;
	/* columns of the metric that is read: names are slices of text */
	struct json json;
	struct buf text;
	struct column column[COLUMNS_MAX];
	size_t columns;
	struct cell cell[COLUMNS_MAX];
};

/* Requests may be sent together: redis_reader_begin the first, redis_reader_also the others (n
 * arguments, the command's name among them, each given to redis_arg), then as many calls of
 * redis_reader_answer. Each only reads, and has one key: it may be sent again, to another node. */
void redis_reader_begin(struct redis_reader *r, size_t n);
void redis_reader_also(struct redis_reader *r, size_t n);
int redis_reader_answer(struct redis_reader *r, redisReply **reply, struct err *err);
/* 0 / -1: not reached, or no schema of ours. */
int redis_reader_connect(struct redis_reader *r, struct err *err);
void redis_reader_disconnect(struct redis_reader *r); /* what is not p's */
/* {PREFIX}:KIND:METRIC and what comes behind it, as an argument. */
void redis_reader_arg_key(struct redis *p, const char *kind, const char *metric, const char *rest);
/* Of an array; else 0. */
size_t redis_reader_elements(const redisReply *reply);

struct redis_window {
	struct read_span span;
	char *name;
};
struct redis_windows {
	struct redis_window *v;
	size_t n, cap;
};
void redis_windows_fini(struct redis_windows *w);
/* Those with from_us <= start < to_us, in order. */
int redis_windows_find(struct redis_reader *r, const char *metric, int64_t from_us, int64_t to_us,
		       struct redis_windows *out, struct err *err);

extern const struct alerts_driver redis_alerts; /* redis_alerts.c */

int redis_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			int64_t *start_us, int64_t *end_us, struct err *err);
int redis_reader_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		      struct err *err);

#endif
