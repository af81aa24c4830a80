/* How the stores are: each is looked at every few seconds, in a thread of its own, so that one
 * which does not answer keeps neither queries nor the look at another waiting, and /health waits
 * for none. What is found is also told to the readers (`away` of reader.h). */
#ifndef SERVE_STORES_H
#define SERVE_STORES_H

#include "serve/workers.h"

struct serve_stores;

/* Looks from now on; the source outlives it. NULL: EX_TEMPFAIL, no thread to be had. */
struct serve_stores *serve_stores_new(struct loop *loop, struct serve_source *source,
				      struct err *err);
void serve_stores_free(struct serve_stores *s); /* NULL is fine */

/* All of them can be read. */
bool serve_stores_ok(const struct serve_stores *s);

/* ---- all append */
/* "NAME":"ok",.. or what the trouble is. */
void serve_stores_json(const struct serve_stores *s, struct buf *out);
void serve_stores_metrics(const struct serve_stores *s, struct buf *out);

#endif
