/* The bytes of objects one after the other, in ranges, of which FETCH_ASIDE are on their way while
 * the first of them is read: across objects, so that many small ones come as fast as a large
 * one. */
#ifndef DRV_S3_S3_FETCH_H
#define DRV_S3_S3_FETCH_H

#include "drv/s3/s3_catalog.h"
#include "sink/retry.h"

/* Of objects of --each, which are small, more. */
enum { FETCH_ASIDE = 4, FETCH_ASIDE_EACH = 16, FETCH_BYTES = 4 << 20 };

struct s3_fetch;

/* The objects of the catalog, in this order; order is borrowed, as the others are. retry_for_us:
 * how long what is temporary is tried again. */
struct s3_fetch *s3_fetch_new(struct s3_conn *conn, const struct s3_catalog *catalog,
			      const size_t *order, size_t n, int64_t retry_for_us);
void s3_fetch_free(struct s3_fetch *f); /* NULL is fine */

struct s3_chunk {
	const struct s3_object *object; /* NULL: that was all */
	struct slice bytes;
	bool first, last;      /* of its object */
	struct s3_marks marks; /* none of an object of --each */
};
/* The next one, valid until the next call; waits for it. EX_UNAVAILABLE after retry_for_us;
 * EX_TEMPFAIL where an object is another than was listed; EX_DATAERR one without marks. */
int s3_fetch_next(struct s3_fetch *f, struct s3_chunk *chunk, struct err *err);

#endif
