/* The lowest of three layers: one request to a bucket, signed, sent once. What its answer means is
 * the queue's (s3_queue.h) to say. */
#ifndef DRV_S3_S3_REQUEST_H
#define DRV_S3_S3_REQUEST_H

#include "drv/s3/s3_place.h"
#include "net/aws_credentials.h"
#include "net/http_client.h"
#include "net/sigv4.h"

/* A bucket that requests go to. */
struct s3_conn {
	struct s3_place place;
	struct aws_credentials credentials;
	struct loop *loop;
	struct http_client *client;
	int64_t skew_us; /* the server's clock is that far ahead of ours */
};

/* url, endpoint: as s3_place_init. Asks nobody anything. */
int s3_conn_init(struct s3_conn *c, struct loop *loop, const char *url, const char *endpoint,
		 struct err *err);
void s3_conn_fini(struct s3_conn *c);

enum { S3_FIELDS_MAX = 12 };

/* What is asked. All of it is borrowed until the request is over. */
struct s3_ask {
	const char *method;
	struct slice key; /* n 0: the bucket itself */
	const struct sigv4_pair *query;
	size_t n_query;
	const struct sigv4_pair *field; /* beside those of the signature */
	size_t n_fields;
	struct slice body; /* p NULL: none */
	/* an answer of status 200 may hold an error all the same (s3_queue.h) */
	bool late_error;
};

struct s3_request {
	struct http_call *call; /* NULL: not under way */
	struct buf url, texts;  /* of the fields, each with its NUL */
	int64_t skew_us;        /* the conn's when it was signed */
	const char *field[S3_FIELDS_MAX + 4];
};

/* Begins it. EX_CONFIG, EX_TEMPFAIL: there are no credentials, and nothing was sent. */
int s3_request_begin(struct s3_request *r, struct s3_conn *c, const struct s3_ask *ask,
		     struct err *err);
/* Forgets it; {0} and one that never began are fine. */
void s3_request_end(struct s3_request *r);

#endif
