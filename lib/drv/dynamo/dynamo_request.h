/* The lowest of three layers: one request to DynamoDB, signed, sent once. What its answer means is
 * the call's (dynamo_call.h) to say. */
#ifndef DRV_DYNAMO_DYNAMO_REQUEST_H
#define DRV_DYNAMO_DYNAMO_REQUEST_H

#include "drv/dynamo/dynamo_place.h"
#include "net/aws_credentials.h"
#include "net/http_client.h"

enum { DYNAMO_ASIDE = 16, DYNAMO_FIELDS = 5 };

/* A server that requests go to. */
struct dynamo_conn {
	struct dynamo_place place;
	struct aws_credentials credentials;
	struct loop *loop;
	struct http_client *client;
	int64_t skew_us;   /* the server's clock is that far ahead of ours */
	uint64_t progress; /* counts what was stored: whoever waits sees that others get on */
	unsigned tries;    /* of a call in which nothing gets on; 0: DYNAMO_TRIES */
	bool throttle_told;
};

/* place is taken over. answer_us: longest time of a request; 0: 30 s. Asks nobody anything. */
int dynamo_conn_init(struct dynamo_conn *c, struct dynamo_place *place_take, struct loop *loop,
		     int64_t answer_us, struct err *err);
void dynamo_conn_fini(struct dynamo_conn *c);

struct dynamo_request {
	struct http_call *call; /* NULL: not under way */
	struct buf texts;       /* of the fields, each with its NUL */
	int64_t skew_us;        /* the conn's when it was signed */
	const char *field[DYNAMO_FIELDS];
};

/* Begins it. action: "BatchWriteItem"; body is borrowed until the request is over. EX_CONFIG,
 * EX_TEMPFAIL: there are no credentials, and nothing was sent. */
int dynamo_request_begin(struct dynamo_request *r, struct dynamo_conn *c, const char *action,
			 struct slice body, struct err *err);
/* Forgets it; {0} and one that never began are fine. */
void dynamo_request_end(struct dynamo_request *r);

#endif
