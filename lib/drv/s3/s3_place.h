/* What "s3://bucket/prefix" and the environment say: which bucket, where it answers, in which
 * region. */
#ifndef DRV_S3_S3_PLACE_H
#define DRV_S3_S3_PLACE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define S3_SCHEME "s3://"

struct s3_place {
	char *bucket;
	char *prefix; /* "" or with a slash at its end, and none at its begin */
	char *region;
	char *endpoint; /* "http://127.0.0.1:9000"; NULL: Amazon's own */
	const char *ca; /* AWS_CA_BUNDLE; NULL: the system's */
};

/* endpoint: --endpoint; NULL: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or none. The region is
 * AWS_REGION, AWS_DEFAULT_REGION, or us-east-1. EX_USAGE: no such URL. */
int s3_place_init(struct s3_place *p, const char *url, const char *endpoint, struct err *err);
void s3_place_fini(struct s3_place *p);

/* Where requests go: "https://bucket.s3.eu-west-1.amazonaws.com", the host of that, and what
 * stands before the key in the path: "", or "/bucket" where an endpoint, or a point in the
 * bucket's name that no certificate covers, leaves no other way. */
void s3_place_address(const struct s3_place *p, struct buf *base, struct buf *host,
		      struct buf *path);

#endif
