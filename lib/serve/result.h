/* An answer that was made: whole, the same for all who asked the same, counted by references. It is
 * made in a worker's thread and then looked at in the loop's only. */
#ifndef SERVE_RESULT_H
#define SERVE_RESULT_H

#include "base/err.h"
#include "net/http.h"

enum { SERVE_ETAG_BYTES = 35 };

struct serve_result {
	unsigned refs;
	unsigned status;  /* 200, or a problem's */
	const char *type; /* of the body */
	struct buf body;
	char etag[SERVE_ETAG_BYTES]; /* of a 200 that has nothing set: a hash of the body */
	struct buf next;             /* where the next page begins; n 0: there is none */
	const char *cache;           /* Cache-Control; NULL: no-cache */
	const char *allow;           /* of a 405: the field Allow; NULL: none */
	const char *code;            /* of a problem */
	struct buf detail;
	unsigned retry_after_s;
};

struct serve_result *serve_result_new(void); /* with one reference */
struct serve_result *serve_result_keep(struct serve_result *r);
void serve_result_drop(struct serve_result *r); /* NULL is fine */

/* It is a problem: what there is of a body is forgotten. Returns 0: the query has its answer. */
int serve_result_problem(struct serve_result *r, unsigned status, const char *code, const char *fmt,
			 ...) __attribute__((format(printf, 4, 5)));
/* A query failed: 503 where the store cannot be reached or read, which is logged; 500 where what is
 * stored is damaged. */
void serve_result_failed(struct serve_result *r, const struct err *err);
void serve_result_seal(struct serve_result *r); /* the body is whole */

/* Answers: 304 where the client has it, and with Link where there is a next page. */
void serve_result_answer(struct serve_result *r, struct http_request *req);

#endif
