/* What "dynamodb://REGION/TABLE?endpoint=URL" and the environment say: which table, in which
 * region, where it answers. */
#ifndef DRV_DYNAMO_DYNAMO_PLACE_H
#define DRV_DYNAMO_DYNAMO_PLACE_H

#include "base/err.h"
#include "base/str.h"

struct dynamo_place {
	char *region;
	char *table;    /* NULL: the URL names none */
	char *url;      /* requests go to: "https://dynamodb.eu-west-1.amazonaws.com/" */
	char *host;     /* of that, with its port */
	const char *ca; /* AWS_CA_BUNDLE; NULL: the system's */
};

/* The region is the URL's, else AWS_REGION, AWS_DEFAULT_REGION, or us-east-1; the endpoint the
 * URL's, else AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, or Amazon's own. EX_USAGE: no such URL.
 */
int dynamo_place_init(struct dynamo_place *p, const char *text, struct err *err);
void dynamo_place_fini(struct dynamo_place *p);

/* Can a table have this name, and the table of its dead letters, too? EX_USAGE. */
int dynamo_place_check(const char *table, struct err *err);

#endif
