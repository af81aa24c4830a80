/* Objects that are written side by side, one upload in parts each; none of them is seen before all
 * are completed. S3 wants each part but an upload's last to have 5 MiB, and at most 10,000 of them.
 */
#ifndef DRV_S3_S3_UPLOADS_H
#define DRV_S3_S3_UPLOADS_H

#include "drv/s3/s3_calls.h"
#include "sink/driver.h"

enum { S3_PARTS_ASIDE = 4, S3_FRAME_BYTES = 8 << 20, S3_PART_BYTES = 8 << 20 };

struct s3_uploads;

struct s3_uploads *s3_uploads_new(struct s3_conn *c);
/* Forgets them; uploads that are not completed stay open. NULL is fine. */
void s3_uploads_free(struct s3_uploads *u);

/* Another object, before s3_uploads_begin: its number, from 0. */
size_t s3_uploads_object(struct s3_uploads *u, struct slice key, const struct s3_marks *marks);
/* Begins all uploads; where it fails those that were begun are aborted. */
enum sink_result s3_uploads_begin(struct s3_uploads *u, struct err *err);
/* Appends what s3_uploads_settle takes: words without line ends. */
void s3_uploads_what(const struct s3_uploads *u, struct buf *what);

/* The next part of object i. *body is taken, and an empty one given for it. SINK_CONFLICT
 * (EX_TEMPFAIL), here and later: somebody has aborted the upload. */
enum sink_result s3_uploads_part(struct s3_uploads *u, size_t i, struct buf *body, struct err *err);
/* The next part is what another object holds, which nobody deletes before s3_uploads_complete.
 * etag: the object's, n 0: any; where it is another one, SINK_CONFLICT (EX_TEMPFAIL). Both are
 * borrowed until then. */
enum sink_result s3_uploads_copy(struct s3_uploads *u, size_t i, struct slice key,
				 struct slice etag, struct err *err);
/* All are durable and seen. SINK_FATAL, EX_CONFIG: an object of the name is there, and is none of
 * the marks' job; one of this job is replaced. */
enum sink_result s3_uploads_complete(struct s3_uploads *u, struct err *err);

/* Aborts the uploads of `what`; after it none of them is ever completed. *stored: every object is
 * there, under that claim. */
enum sink_result s3_uploads_settle(struct s3_conn *c, const char *claim, struct slice what,
				   bool *stored, struct err *err);
/* Looks only. */
enum sink_result s3_uploads_stored(struct s3_conn *c, const char *claim, struct slice what,
				   bool *stored, struct err *err);

/* What the framework is to do after such an outcome. S3_NONE, S3_EXISTS: SINK_OK, the caller's to
 * judge. */
enum sink_result s3_result(enum s3_outcome o);

#endif
