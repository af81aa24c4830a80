/* What clients of Amazon's services, and of servers that speak as they do, have in common beside
 * keys (aws_credentials.h) and signatures (sigv4.h): where the environment says that a service is,
 * and what time it is there. */
#ifndef NET_AWS_SERVICE_H
#define NET_AWS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Texts of the environment: what it holds, and no copies. */
const char *aws_region(void);    /* AWS_REGION, AWS_DEFAULT_REGION, or us-east-1 */
const char *aws_ca_bundle(void); /* AWS_CA_BUNDLE; NULL: the system's */
/* own: the service's variable, "AWS_ENDPOINT_URL_S3"; else AWS_ENDPOINT_URL. NULL: Amazon's own. */
const char *aws_endpoint(const char *own);

/* Cuts slashes off the end of http://HOST[:PORT]. -1: it is no such address, a path behind it is
 * none either. */
int aws_endpoint_trim(struct slice *endpoint);

/* A server has refused a request for its time, and its answer has the field Date (p NULL: it has
 * none). *skew_us: how far the server's clock is ahead of ours; signed_us: what that was when the
 * request was signed. True: the clock explains it, *skew_us is right now, and the request is to be
 * signed anew. Of requests side by side the first that is refused sets it for all, and warns;
 * name: the server's, for that. */
bool aws_skew_mend(struct slice date, int64_t signed_us, int64_t *skew_us, const char *name);

#endif
