/* Who asks: a key, its secret and, of a session, its token. They are looked for in this order, and
 * the first place that has some is the one:
 *
 *	AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN    the environment
 *	AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, [AWS_PROFILE or default]
 *	AWS_CONTAINER_CREDENTIALS_FULL_URI, .._RELATIVE_URI            a container's
 *	AWS_EC2_METADATA_SERVICE_ENDPOINT or 169.254.169.254, version 2 of its protocol; not where
 *	AWS_EC2_METADATA_DISABLED=true                                 a machine's
 *
 * The last two expire and are asked for again before they do. */
#ifndef DRV_S3_S3_CREDENTIALS_H
#define DRV_S3_S3_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"

struct s3_credentials {
	char *id, *secret, *token; /* token NULL: none */
	int64_t expires_us;        /* INT64_MAX: never */
};

void s3_credentials_fini(struct s3_credentials *c);
/* Fills c where it is empty or about to expire; waits in the loop for those who are asked over
 * HTTP, some seconds at most. EX_CONFIG: there are none, or the file is not one; EX_TEMPFAIL: who
 * was asked did not answer. */
int s3_credentials_refresh(struct s3_credentials *c, struct loop *loop, struct err *err);

/* Pure: those of a profile out of the text of a file of credentials. 0; 1: the profile is not
 * there, or has none. */
int s3_credentials_read(struct slice text, const char *profile, struct s3_credentials *c);
/* Pure: those of a JSON answer. EX_DATAERR: it has none. */
int s3_credentials_of_json(struct slice text, struct s3_credentials *c, struct err *err);

#endif
