/* Parameters of a request, read one by one into a query's key: what was read is what tells queries
 * apart. The first that is no good is answered (400 `bad-parameter` for escapes, 422 for values),
 * and all later calls do nothing. */
#ifndef SERVE_ARGS_H
#define SERVE_ARGS_H

#include "base/arena.h"
#include "net/http.h"
#include "read/dims_filter.h"

enum { SERVE_TEXT_BYTES = 1024 };

struct serve_args {
	struct http_request *req;
	struct buf *key;
	struct arena *arena; /* of texts */
	bool refused;        /* answered */
};

/* The query's name begins the key. */
void serve_args_begin(struct serve_args *a, const char *name);

/* Answers 422 `bad-parameter`; returns NULL. */
const char *serve_args_refuse(struct serve_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A text, with a NUL behind it; NULL: it is not there or empty, or the request is refused. */
const char *serve_args_text(struct serve_args *a, const char *name);
/* The same, and it has to be there. */
const char *serve_args_required(struct serve_args *a, const char *name);
/* 1 to most; what it is if it is not said. */
uint64_t serve_args_count(struct serve_args *a, const char *name, uint64_t usual, uint64_t most);
/* serve_time_parse; usual if it is not said. */
int64_t serve_args_time(struct serve_args *a, const char *name, int64_t now_us, int64_t usual_us);
/* One of the words, NULL behind the last: its number; 0 if it is not said. */
int serve_args_choice(struct serve_args *a, const char *name, const char *const *words);
/* "dims": serve_dims_parse. */
void serve_args_dims(struct serve_args *a, struct dims_filter *f);
/* Which media type is wanted (net/accept.h): the number of the offer. */
int serve_args_accept(struct serve_args *a, const char *const *offers);

/* ---- of texts that stand elsewhere */
/* As people type times (tm_parse_human); without a zone it is UTC. 0 / -1. */
int serve_time_parse(const char *text, int64_t now_us, int64_t *us);
/* A JSON object of exact values into the filter, its texts in the arena. 0 / -1. */
int serve_dims_parse(struct slice text, struct arena *arena, struct dims_filter *f);

#endif
