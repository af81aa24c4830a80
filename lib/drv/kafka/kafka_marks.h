/* Which letters of a partition were retried: all below an offset, and ranges above it. Pure, so
 * that a table can test it.
 *
 * As the metadata of a commit, whose offset is `below`: "hta-dlq1 GAP:LENGTH,GAP:LENGTH": each
 * range begins GAP behind the end of the one before it, the first behind `below`. */
#ifndef DRV_KAFKA_KAFKA_MARKS_H
#define DRV_KAFKA_KAFKA_MARKS_H

#include "base/err.h"
#include "base/str.h"

enum { KAFKA_MARKS_BYTES = 4096 }; /* what a broker takes as metadata (offset.metadata.max.bytes) */

struct kafka_marks_range {
	int64_t from, to;
};
struct kafka_marks {
	int64_t below;
	struct kafka_marks_range *v; /* sorted, apart from each other, above `below` */
	size_t n, cap;
};

void kafka_marks_fini(struct kafka_marks *m);
void kafka_marks_add(struct kafka_marks *m, int64_t from, int64_t to);
bool kafka_marks_has(const struct kafka_marks *m, int64_t offset);
/* Into an empty one. EX_CONFIG: the text is somebody else's. */
int kafka_marks_read(struct kafka_marks *m, int64_t below, struct slice text, struct err *err);
/* Appends the metadata. EX_CONFIG: it is longer than a broker takes. */
int kafka_marks_write(const struct kafka_marks *m, struct buf *out, struct err *err);

#endif
