/* POST / with the action in a field. What is signed is what is sent; Host is signed and left to the
 * client to send, since it does so by itself, and Authorization takes its place. */
#include "drv/dynamo/dynamo_request.h"

#include <stdio.h>

#include "base/tm.h"
#include "net/sigv4.h"

enum { ANSWER_US = 30000000, TARGET_CHARS = 64 };

#define API "DynamoDB_20120810"

int dynamo_conn_init(struct dynamo_conn *c, struct dynamo_place *place_take, struct loop *loop,
		     int64_t answer_us, struct err *err)
{
	*c = (struct dynamo_conn){ .loop = loop, .place = *place_take };
	*place_take = (struct dynamo_place){ 0 };
	c->client = http_client_new(
		loop,
		&(struct http_client_conf){ .ca = c->place.ca,
					    .answer_us = answer_us ? answer_us : ANSWER_US,
					    .connections = DYNAMO_ASIDE },
		err);
	if (c->client)
		return 0;
	dynamo_conn_fini(c);
	return -1;
}

void dynamo_conn_fini(struct dynamo_conn *c)
{
	http_client_free(c->client);
	aws_credentials_fini(&c->credentials);
	dynamo_place_fini(&c->place);
	*c = (struct dynamo_conn){ 0 };
}

static void sign(const struct dynamo_conn *c, const struct sigv4_pair *field, size_t n,
		 struct slice body, const char *time, struct buf *out)
{
	const struct sigv4_key key = { .id = c->credentials.id,
				       .secret = c->credentials.secret,
				       .region = c->place.region,
				       .service = "dynamodb" };
	char payload[SIGV4_PAYLOAD_CHARS + 1];

	sigv4_payload(body, payload);
	sigv4_sign(&key,
		   &(struct sigv4_ask){ .method = "POST",
					.path = slice_z("/"),
					.field = field,
					.n_fields = n,
					.payload = payload,
					.time = time },
		   out);
}

int dynamo_request_begin(struct dynamo_request *r, struct dynamo_conn *c, const char *action,
			 struct slice body, struct err *err)
{
	char target[TARGET_CHARS], time[SIGV4_TIME_CHARS + 1];
	struct buf signature = { 0 };
	struct sigv4_pair field[DYNAMO_FIELDS];
	size_t n = 0;

	if (aws_credentials_refresh(&c->credentials, c->loop, err))
		return -1;
	snprintf(target, sizeof(target), "%s.%s", API, action);
	r->skew_us = c->skew_us;
	sigv4_time(tm_now_us() + r->skew_us, time);
	field[n++] = (struct sigv4_pair){ slice_z("Content-Type"),
					  slice_z("application/x-amz-json-1.0") };
	field[n++] = (struct sigv4_pair){ slice_z("X-Amz-Target"), slice_z(target) };
	field[n++] = (struct sigv4_pair){ slice_z("X-Amz-Date"), slice_z(time) };
	if (c->credentials.token)
		field[n++] = (struct sigv4_pair){ slice_z("X-Amz-Security-Token"),
						  slice_z(c->credentials.token) };
	field[n++] = (struct sigv4_pair){ slice_z("Host"), slice_z(c->place.host) };
	sign(c, field, n, body, time, &signature);
	field[n - 1] = (struct sigv4_pair){ slice_z("Authorization"), buf_slice(&signature) };
	sigv4_fields(field, n, &r->texts, r->field);
	r->call = http_call_begin(c->client, &(struct http_ask){ .method = "POST",
								 .url = c->place.url,
								 .fields = r->field,
								 .n_fields = n,
								 .body = body });
	buf_fini(&signature);
	return 0;
}

void dynamo_request_end(struct dynamo_request *r)
{
	http_call_end(r->call);
	buf_fini(&r->texts);
	*r = (struct dynamo_request){ 0 };
}
