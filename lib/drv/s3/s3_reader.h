/* Records of objects in order: their chunks unpacked into lines, each with its offset. */
#ifndef DRV_S3_S3_READER_H
#define DRV_S3_S3_READER_H

#include "drv/s3/s3_fetch.h"
#include "source/input.h"

enum { S3_BATCH_RECORDS = 4096 };

struct s3_reader;

/* As s3_fetch_new. */
struct s3_reader *s3_reader_new(struct s3_conn *conn, const struct s3_catalog *catalog,
				const size_t *order, size_t n, int64_t retry_for_us);
void s3_reader_free(struct s3_reader *r); /* NULL is fine */

struct s3_records {
	const struct s3_object *object; /* NULL: that was all */
	bool opened;                    /* its first records: from and to are known from now on */
	bool ended;                     /* its last */
	int64_t from, to;
	struct input_record *v;
	size_t n;
};
/* The next ones, all of one object; none only where it has begun or ended. Valid until the next
 * call. EX_DATAERR: damaged, or not as many as its marks say. */
int s3_reader_next(struct s3_reader *r, struct s3_records *out, struct err *err);

/* ---- s3_singles.c: the same of objects of --each. Lines are records, one of each object or more,
 * and what stands behind the last line end is one, too. */

struct s3_singles;

struct s3_singles *s3_singles_new(struct s3_conn *conn, const struct s3_catalog *catalog,
				  const size_t *order, size_t n, int64_t retry_for_us);
void s3_singles_free(struct s3_singles *s); /* NULL is fine */
int s3_singles_next(struct s3_singles *s, struct s3_records *out, struct err *err);

#endif
