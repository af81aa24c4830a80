/* A stream, from its header block to the handler.
 *
 * The block is written out as a head of HTTP/1.1 and read by the one reader of heads that there is,
 * so that a request is judged alike however it came. nghttp2 has seen to names, pseudo-fields and
 * that a body is as long as Content-Length says; a line end cannot be in any of it. */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/h2/h2_internal.h"
#include "net/problem.h"

static const struct http_fault bad_head = { 400, "malformed-head",
					    "the header block is no request" };
static const struct http_fault long_head = { 431, "head-too-large", "the head is too long" };
static const struct http_fault long_body = { 413, "body-too-large",
					     "the body is longer than is allowed here" };
static const struct http_fault overloaded = { 503, "overloaded",
					      "the memory for bodies is used up" };

/* ---- from open to close */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *st = mem_zalloc(sizeof(*st));

	st->h = h;
	st->id = id;
	st->open = true;
	st->since_us = h->now_us;
	st->next = h->streams;
	st->prev = &h->streams;
	if (st->next)
		st->next->prev = &st->next;
	h->streams = st;
	h->n_open++;
	h->session.stats->busy++;
	return st;
}

static void charge(struct h2_stream *st, size_t bytes)
{
	st->h->session.stats->in_flight_bytes += bytes - st->charged;
	st->charged = bytes;
}

void h2_stream_drop_body(struct h2_stream *st)
{
	http_body_fini(&st->reader);
	buf_fini(&st->body);
	charge(st, 0);
}

void h2_stream_free(struct h2_stream *st)
{
	h2_stream_drop_body(st);
	h2_answer_drop(st);
	*st->prev = st->next;
	if (st->next)
		st->next->prev = st->prev;
	buf_fini(&st->method);
	buf_fini(&st->path);
	buf_fini(&st->authority);
	buf_fini(&st->fields);
	buf_fini(&st->text);
	buf_fini(&st->out);
	st->h->session.stats->busy--;
	free(st);
}

void h2_stream_close(struct h2_stream *st)
{
	struct h2 *h = st->h;
	void (*gone)(struct http_request * req) = st->req.gone;

	st->open = false;
	if (--h->n_open == 0)
		h->since_us = h->now_us;
	if (st->state != H2_HANDLED) {
		h2_stream_free(st);
		return;
	}
	h->n_left++;
	st->req.gone = NULL;
	if (gone)
		gone(&st->req); /* it may be answered, and freed, in there */
}

/* ---- the head */
static struct buf *pseudo_field(struct h2_stream *st, struct slice name)
{
	if (slice_is(name, ":method"))
		return &st->method;
	if (slice_is(name, ":path"))
		return &st->path;
	return slice_is(name, ":authority") ? &st->authority : NULL;
}

static size_t head_bytes(const struct h2_stream *st)
{
	return st->method.n + st->path.n + st->authority.n + st->fields.n;
}

void h2_stream_field(struct h2_stream *st, struct slice name, struct slice value)
{
	struct buf *pseudo = name.n && *name.p == ':' ? pseudo_field(st, name) : NULL;

	if (head_bytes(st) >
	    st->h->session.conf->head_bytes) /* more than it may have is there already */
		return;
	if (pseudo) {
		buf_adds(pseudo, value);
	} else if (name.n && *name.p != ':' &&
		   !(slice_is(name, "host") && slice_eq(value, buf_slice(&st->authority)))) {
		buf_adds(&st->fields, name);
		buf_addz(&st->fields, ": ");
		buf_adds(&st->fields, value);
		buf_addz(&st->fields, "\r\n");
	}
}

static const struct http_fault *read_head(struct h2_stream *st)
{
	const struct http_fault *fault = NULL;
	struct http_scan scan = { .most = st->h->session.conf->head_bytes };
	enum http_scan_state state;
	size_t end;

	if (head_bytes(st) > st->h->session.conf->head_bytes)
		return &long_head;
	buf_adds(&st->text, buf_slice(&st->method));
	buf_addc(&st->text, ' ');
	buf_adds(&st->text, buf_slice(&st->path));
	buf_addz(&st->text, " HTTP/1.1\r\n");
	if (st->authority.n) {
		buf_addz(&st->text, "Host: ");
		buf_adds(&st->text, buf_slice(&st->authority));
		buf_addz(&st->text, "\r\n");
	}
	buf_adds(&st->text, buf_slice(&st->fields));
	buf_addz(&st->text, "\r\n");
	state = http_scan(&scan, st->text.p, st->text.n, &end, &fault);
	if (state == HTTP_SCAN_FAULT)
		return fault;
	if (state != HTTP_SCAN_END || end != st->text.n)
		return &bad_head;
	return http_head_parse(buf_slice(&st->text), &st->head);
}

static void fill_request(struct h2_stream *st, bool known)
{
	const struct http_head *h = &st->head;

	http_session_id(&st->h->session, st->request_id);
	st->req = (struct http_request){ .method = HTTP_OTHER,
					 .remote = buf_slice(&st->h->remote),
					 .peer = buf_slice(&st->h->peer),
					 .loopback = st->h->session.conn->loopback,
					 .id = slice(st->request_id, HTTP_ID_BYTES),
					 .begun_us = st->since_us,
					 .route = "none",
					 .ops = &h2_ops };
	if (!known)
		return;
	st->req.method = h->method;
	st->req.method_text = h->method_text;
	st->req.path = h->path;
	st->req.query = h->query;
	st->req.host = h->host;
	st->req.fields = h->fields;
	st->req.n_fields = h->n_fields;
	if (h->id.n)
		st->req.id = h->id;
}

/* ---- refusals */
void h2_stream_refuse(struct h2_stream *st, const struct http_fault *fault)
{
	st->h->session.stats->refused[http_refused_of(fault->status)]++;
	st->state = H2_HANDLED;
	problem_fault(&st->req, fault,
		      fault->status == 431 ? st->h->session.conf->head_bytes : st->reader.most);
}

static void refuse_coding(struct h2_stream *st)
{
	const struct http_field field = { slice_z("Accept-Encoding"),
					  slice_z("gzip, zstd, deflate") };

	problem_answer(&st->req,
		       &(struct problem){
			       .status = 415,
			       .code = "content-encoding",
			       .detail = slice_z("a body may be coded as gzip, zstd or deflate"),
			       .fields = &field,
			       .n_fields = 1 });
}

/* ---- the body */
static void hand_over(struct h2_stream *st)
{
	const struct http_app *app = st->h->session.app;

	st->req.body = buf_slice(&st->body);
	st->state = H2_HANDLED;
	app->handle(app->arg, &st->req);
}

static void begin_body(struct h2_stream *st, size_t most)
{
	const struct http_head *h = &st->head;

	if (st->request_ended) {
		hand_over(st);
		return;
	}
	if (h->coding == HTTP_CODING_UNKNOWN) {
		refuse_coding(st);
		return;
	}
	http_body_open(&st->reader, h->coding, most);
	if (h->has_length && h->length > most) {
		h2_stream_refuse(st, &long_body);
		return;
	}
	st->state = H2_BODY;
	if (h->expects) {
		nghttp2_nv go_on = { (uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100",
				     7, 3, NGHTTP2_NV_FLAG_NONE };
		nghttp2_submit_headers(st->h->frames, NGHTTP2_FLAG_NONE, st->id, NULL, &go_on, 1,
				       NULL);
	}
}

void h2_stream_begin(struct h2_stream *st)
{
	const struct http_app *app = st->h->session.app;
	const struct http_fault *fault = read_head(st);
	size_t most;

	fill_request(st, !fault);
	if (fault) {
		h2_stream_refuse(st, fault);
		return;
	}
	st->h->session.stats->requests++;
	st->state = H2_HANDLED;
	most = app->head(app->arg, &st->req);
	if (st->state == H2_HANDLED)
		begin_body(st, most);
}

void h2_stream_data(struct h2_stream *st, struct slice bytes)
{
	const struct http_stats *stats = st->h->session.stats;
	const struct http_fault *fault;

	http_body_take(&st->reader, &bytes, &st->body, &fault);
	charge(st, st->body.cap);
	if (!fault && stats->in_flight_bytes > st->h->session.conf->budget_bytes)
		fault = &overloaded;
	if (fault)
		h2_stream_refuse(st, fault);
}

void h2_stream_end(struct h2_stream *st)
{
	const struct http_fault *fault = http_body_end(&st->reader);

	if (fault)
		h2_stream_refuse(st, fault);
	else
		hand_over(st);
}
