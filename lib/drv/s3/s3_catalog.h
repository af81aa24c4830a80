/* The objects of an archive, as a list has them: which partition each is of, and from which offset
 * on. Up to where it goes stands beside the object itself (struct s3_marks). */
#ifndef DRV_S3_S3_CATALOG_H
#define DRV_S3_S3_CATALOG_H

#include "drv/s3/s3_calls.h"
#include "io/pack.h"
#include "proto/partitions.h"

struct s3_object {
	char *key;
	size_t part; /* of the catalog's partitions */
	int64_t from, bytes;
	int64_t time_us; /* when it was written */
	enum pack_kind kind;
};

/* {0} is empty. */
struct s3_catalog {
	struct s3_object *v; /* by partition, then by offset */
	size_t n, cap;
	struct partitions parts; /* in the order of topics and numbers */
	size_t *first;           /* of each partition its first object; one more: n */
	/* objects of --each: one partition, in the order of their keys; no marks, and lines as
	 * they are. `from` counts bytes, with one behind each object */
	bool each;
};

void s3_catalog_fini(struct s3_catalog *c);
/* Lists what is below the connection's prefix: objects of records into c, those of --each into
 * `each`, whose only partition is of this topic; names that are neither's are passed over, and
 * counted. S3_FATAL, EX_DATAERR: two objects begin at the same offset. */
enum s3_outcome s3_catalog_read(struct s3_catalog *c, struct s3_catalog *each, const char *topic,
				uint64_t *others, struct s3_conn *conn, struct err *err);
/* Index in parts.v; SIZE_MAX: no object is of it. */
size_t s3_catalog_part(const struct s3_catalog *c, const char *topic, int32_t partition);

/* The order in which objects are read: from next[part] on of each partition (first[part + 1]: none
 * of it), each partition's in turn, and of several the one that was written first: about as they
 * came, so that no partition's times run far ahead. *n objects, free(). */
size_t *s3_catalog_order(const struct s3_catalog *c, const size_t *next, size_t *n);

#endif
