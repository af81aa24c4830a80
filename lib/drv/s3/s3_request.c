/* A draft gathers what is signed and what is sent, which are the same texts: the path and the query
 * as they stand in the URL, and every field. Host is signed and left to the client to send, since
 * it does so by itself; the place of it in the draft becomes Authorization's. */
#include "drv/s3/s3_request.h"

#include "base/tm.h"

enum { ANSWER_US = 120000000 };

int s3_conn_init(struct s3_conn *c, struct loop *loop, const char *url, const char *endpoint,
		 struct err *err)
{
	*c = (struct s3_conn){ .loop = loop };
	if (s3_place_init(&c->place, url, endpoint, err))
		return -1;
	c->client = http_client_new(
		loop, &(struct http_client_conf){ .ca = c->place.ca, .answer_us = ANSWER_US }, err);
	if (c->client)
		return 0;
	s3_conn_fini(c);
	return -1;
}

void s3_conn_fini(struct s3_conn *c)
{
	http_client_free(c->client);
	aws_credentials_fini(&c->credentials);
	s3_place_fini(&c->place);
	*c = (struct s3_conn){ 0 };
}

/* A request's parts, before it is signed. */
struct draft {
	struct sigv4_pair field[S3_FIELDS_MAX + 4];
	size_t n;
	char time[SIGV4_TIME_CHARS + 1];
	char payload[SIGV4_PAYLOAD_CHARS + 1];
	struct buf base, host, path, query, signature;
};

static void draft_field(struct draft *d, const char *name, struct slice value)
{
	if (d->n == S3_FIELDS_MAX + 4)
		BUG("too many fields for S3");
	d->field[d->n++] = (struct sigv4_pair){ slice_z(name), value };
}

/* Over TLS nobody changes a body on its way, and hashing it is for nothing. */
static void draft_payload(struct draft *d, const struct s3_conn *c, struct slice body)
{
	bool tls = !c->place.endpoint || strncmp(c->place.endpoint, "https:", 6) == 0;

	if (tls && body.n)
		strcpy(d->payload, SIGV4_UNSIGNED);
	else
		sigv4_payload(body, d->payload);
}

static void write_draft(struct draft *d, const struct s3_conn *c, const struct s3_ask *ask)
{
	s3_place_address(&c->place, &d->base, &d->host, &d->path);
	if (ask->key.n || !d->path.n)
		buf_addc(&d->path, '/');
	sigv4_encode(ask->key, true, &d->path);
	sigv4_query(ask->query, ask->n_query, &d->query);
	sigv4_time(tm_now_us() + c->skew_us, d->time);
	draft_payload(d, c, ask->body);
	for (size_t i = 0; i < ask->n_fields; i++)
		d->field[d->n++] = ask->field[i];
	draft_field(d, "x-amz-date", slice_z(d->time));
	draft_field(d, "x-amz-content-sha256", slice_z(d->payload));
	if (c->credentials.token)
		draft_field(d, "x-amz-security-token", slice_z(c->credentials.token));
	draft_field(d, "Host", buf_slice(&d->host));
}

static void sign_draft(struct draft *d, const struct s3_conn *c, const struct s3_ask *ask)
{
	const struct sigv4_key key = { .id = c->credentials.id,
				       .secret = c->credentials.secret,
				       .region = c->place.region,
				       .service = "s3",
				       .path_as_sent = true };

	sigv4_sign(&key,
		   &(struct sigv4_ask){ .method = ask->method,
					.path = buf_slice(&d->path),
					.query = ask->query,
					.n_query = ask->n_query,
					.field = d->field,
					.n_fields = d->n,
					.payload = d->payload,
					.time = d->time },
		   &d->signature);
}

/* The client adds Host itself, which stands last: Authorization takes its place. */
static void write_texts(struct s3_request *r, struct draft *d)
{
	d->field[d->n - 1] = (struct sigv4_pair){ slice_z("Authorization"),
						  buf_slice(&d->signature) };
	sigv4_fields(d->field, d->n, &r->texts, r->field);
	buf_adds(&r->url, buf_slice(&d->base));
	buf_adds(&r->url, buf_slice(&d->path));
	if (d->query.n)
		buf_printf(&r->url, "?%.*s", (int)d->query.n, d->query.p);
}

static void draft_fini(struct draft *d)
{
	buf_fini(&d->base);
	buf_fini(&d->host);
	buf_fini(&d->path);
	buf_fini(&d->query);
	buf_fini(&d->signature);
}

int s3_request_begin(struct s3_request *r, struct s3_conn *c, const struct s3_ask *ask,
		     struct err *err)
{
	struct draft d = { .n = 0 };

	if (ask->n_fields > S3_FIELDS_MAX)
		BUG("%zu fields for S3", ask->n_fields);
	if (aws_credentials_refresh(&c->credentials, c->loop, err))
		return -1;
	r->url.n = 0;
	r->skew_us = c->skew_us;
	write_draft(&d, c, ask);
	sign_draft(&d, c, ask);
	write_texts(r, &d);
	r->call = http_call_begin(c->client, &(struct http_ask){ .method = ask->method,
								 .url = buf_z(&r->url),
								 .fields = r->field,
								 .n_fields = d.n,
								 .body = ask->body });
	draft_fini(&d);
	return 0;
}

void s3_request_end(struct s3_request *r)
{
	http_call_end(r->call);
	buf_fini(&r->url);
	buf_fini(&r->texts);
	*r = (struct s3_request){ 0 };
}
