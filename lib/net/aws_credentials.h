/* Who asks Amazon, or a server that speaks as it does: a key, its secret and, of a session, its
 * token. They are looked for in this order, and the first place that has some is the one:
 *
 *	AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN    the environment
 *	AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, [AWS_PROFILE or default]
 *	AWS_CONTAINER_CREDENTIALS_FULL_URI, .._RELATIVE_URI            a container's
 *	AWS_EC2_METADATA_SERVICE_ENDPOINT or 169.254.169.254, version 2 of its protocol; not where
 *	AWS_EC2_METADATA_DISABLED=true                                 a machine's
 *
 * The last two expire and are asked for again before they do. */
#ifndef NET_AWS_CREDENTIALS_H
#define NET_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"

struct aws_credentials {
	char *id, *secret, *token; /* token NULL: none */
	int64_t expires_us;        /* INT64_MAX: never */
	bool by_http;              /* there were some of a container or a machine */
};

void aws_credentials_fini(struct aws_credentials *c);
/* Forgets those that expire, but not where they came from: they are asked for anew. False: these
 * never expire, and stay. */
bool aws_credentials_drop(struct aws_credentials *c);
/* Fills c where it is empty or about to expire; waits in the loop for those who are asked over
 * HTTP, some seconds at most. EX_CONFIG: there are none, or the file is not one; EX_TEMPFAIL: who
 * was asked did not answer, and is known to be there: it is a container's, it has given some
 * before, or a token now. The loop's: the program has to leave. */
int aws_credentials_refresh(struct aws_credentials *c, struct loop *loop, struct err *err);

/* Pure: those of a profile out of the text of a file of credentials. 0; 1: the profile is not
 * there, or has none. */
int aws_credentials_read(struct slice text, const char *profile, struct aws_credentials *c);
/* Pure: those of a JSON answer. EX_DATAERR: it has none. */
int aws_credentials_of_json(struct slice text, struct aws_credentials *c, struct err *err);

#endif
