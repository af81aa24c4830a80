/* Answers: their fields for nghttp2, which copies them, and their bytes as it asks for them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "drv/h2/h2_internal.h"

enum { OWN_FIELDS = 13, NUMBER_BYTES = 24 };

/* ---- fields */
struct fields {
	nghttp2_nv *nv;
	size_t n;
	struct buf names; /* in small letters; has room for all of them, so that none moves */
};

static void add_field(struct fields *f, struct slice name, struct slice value)
{
	char *small = f->names.p + f->names.n;

	for (size_t i = 0; i < name.n; i++)
		small[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20
								       : name.p[i]);
	f->names.n += name.n;
	f->nv[f->n++] = (nghttp2_nv){ (uint8_t *)small, (uint8_t *)(uintptr_t)value.p, name.n,
				      value.n, NGHTTP2_NV_FLAG_NONE };
}

/* What is HTTP/1.1's own, or would be two lines there, is left out. */
static bool is_passed_on(const struct http_field *field)
{
	static const char *const own[] = { "Connection", "Upgrade", "Keep-Alive",
					   "Transfer-Encoding" };

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (field->name.n == strlen(own[i]) &&
		    str_same(field->name.p, own[i], field->name.n))
			return false;
	return !field->value.n || (!memchr(field->value.p, '\r', field->value.n) &&
				   !memchr(field->value.p, '\n', field->value.n));
}

static bool has_cache_control(const struct http_answer *a)
{
	static const char name[] = "Cache-Control";

	for (size_t i = 0; i < a->n_fields; i++)
		if (a->fields[i].name.n == sizeof(name) - 1 &&
		    str_same(a->fields[i].name.p, name, sizeof(name) - 1))
			return true;
	return false;
}

static void add_own(struct fields *f, const struct h2_stream *st, const struct http_answer *a)
{
	enum http_method m = st->req.method;

	add_field(f, slice_z("server"), slice_z("hta"));
	add_field(f, slice_z("x-content-type-options"), slice_z("nosniff"));
	add_field(f, slice_z("date"), http_session_date(&st->h->session));
	add_field(f, slice_z("x-request-id"), st->req.id);
	if (a->type)
		add_field(f, slice_z("content-type"), slice_z(a->type));
	if (st->req.origin.n) {
		add_field(f, slice_z("vary"), slice_z("Origin"));
		add_field(f, slice_z("access-control-allow-origin"), st->req.origin);
		add_field(f, slice_z("access-control-expose-headers"), slice_z(http_exposed));
	}
	if ((a->status >= 400 || (m != HTTP_GET && m != HTTP_HEAD && m != HTTP_OPTIONS)) &&
	    !has_cache_control(a))
		add_field(f, slice_z("cache-control"), slice_z("no-store"));
}

/* ---- bytes */
static void give_back_lent(struct h2_stream *st)
{
	void (*done)(void *arg) = st->done;

	st->rest = slice(NULL, 0);
	st->done = NULL;
	if (done)
		done(st->done_arg);
}

static void end_producer(struct h2_stream *st, bool sent)
{
	struct http_producer p = st->producer;

	st->producer = (struct http_producer){ 0 };
	if (p.close)
		p.close(p.arg, sent);
}

void h2_answer_drop(struct h2_stream *st)
{
	end_producer(st, false);
	give_back_lent(st);
}

/* Bytes of the producer into out, which is empty. 0, or what to say to nghttp2. */
static ssize_t produce(struct h2_stream *st)
{
	enum http_more more = HTTP_MORE;

	st->out.n = 0;
	while (more == HTTP_MORE && !st->out.n)
		more = st->producer.more(st->producer.arg, &st->out);
	st->rest = buf_slice(&st->out);
	st->waiting = more == HTTP_WAIT;
	st->ended = more == HTTP_END;
	if (st->ended) {
		end_producer(st, true);
		st->state = H2_ANSWERED;
	}
	if (more == HTTP_CUT)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return st->waiting && !st->rest.n ? NGHTTP2_ERR_DEFERRED : 0;
}

static ssize_t read_answer(nghttp2_session *frames, int32_t id, uint8_t *p, size_t most,
			   uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct h2_stream *st = source->ptr;
	ssize_t failed = 0;
	size_t n;

	(void)frames;
	(void)id;
	(void)user;
	if (!st->rest.n && !st->ended)
		failed = st->waiting ? NGHTTP2_ERR_DEFERRED : produce(st);
	if (failed)
		return failed;
	n = st->rest.n < most ? st->rest.n : most;
	st->since_us = st->h->now_us;
	if (n)
		memcpy(p, st->rest.p, n);
	st->rest = slice(st->rest.p + n, st->rest.n - n);
	if (!st->rest.n && st->ended) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		give_back_lent(st);
	}
	return (ssize_t)n;
}

/* ---- the seam */
/* body_bytes: of Content-Length, "" for none. */
static void submit(struct h2_stream *st, const struct http_answer *a, const char *body_bytes,
		   bool has_body)
{
	const nghttp2_data_provider provider = { .source.ptr = st, .read_callback = read_answer };
	struct fields f = { .nv = mem_array(a->n_fields + OWN_FIELDS, sizeof(nghttp2_nv)) };
	char status[NUMBER_BYTES];
	size_t names = 256;

	for (size_t i = 0; i < a->n_fields; i++)
		names += a->fields[i].name.n;
	buf_room(&f.names, names);
	snprintf(status, sizeof(status), "%u", a->status);
	add_field(&f, slice_z(":status"), slice_z(status));
	add_own(&f, st, a);
	for (size_t i = 0; i < a->n_fields; i++)
		if (is_passed_on(&a->fields[i]))
			add_field(&f, a->fields[i].name, a->fields[i].value);
	if (*body_bytes)
		add_field(&f, slice_z("content-length"), slice_z(body_bytes));
	st->since_us = st->h->now_us;
	nghttp2_submit_response(st->h->frames, st->id, f.nv, f.n, has_body ? &provider : NULL);
	buf_fini(&f.names);
	free(f.nv);
}

static void told_app(struct h2_stream *st, unsigned status)
{
	const struct http_app *app = st->h->session.app;

	if (app->answered)
		app->answered(app->arg, &st->req, status);
}

/* The client has left, nobody waits for the answer. */
static void finish_left(struct h2_stream *st)
{
	struct h2 *h = st->h;

	h->n_left--;
	if (h->closed)
		http_session_hold(&h->session, -1);
	h2_stream_free(st);
	h2_free_if_done(h);
}

static void take_body(struct h2_stream *st, const struct http_answer *a, bool has_body)
{
	st->ended = true;
	if (!has_body) {
		if (a->done)
			a->done(a->done_arg);
	} else if (a->done) {
		st->rest = a->body;
		st->done = a->done;
		st->done_arg = a->done_arg;
	} else {
		buf_adds(&st->out, a->body);
		st->rest = buf_slice(&st->out);
	}
}

static void answer_request(struct http_request *req, const struct http_answer *a)
{
	struct h2_stream *st = h2_stream_of(req);
	bool empty = a->status == 204 || a->status == 304;
	bool has_body = st->open && !empty && req->method != HTTP_HEAD && a->body.n;
	char bytes[NUMBER_BYTES] = "";

	take_body(st, a, has_body);
	if (!empty)
		snprintf(bytes, sizeof(bytes), "%zu", a->body.n);
	if (st->open)
		submit(st, a, bytes, has_body);
	told_app(st, a->status);
	if (!st->open) {
		finish_left(st);
		return;
	}
	st->state = H2_ANSWERED;
	h2_stream_drop_body(st);
	h2_pump(st->h);
}

static void stream_answer(struct http_request *req, const struct http_answer *a,
			  const struct http_producer *producer)
{
	struct h2_stream *st = h2_stream_of(req);
	bool streams = st->open && req->method != HTTP_HEAD;

	if (st->open)
		submit(st, a, "", streams);
	told_app(st, a->status);
	if (!streams) {
		producer->close(producer->arg, st->open);
		st->state = H2_ANSWERED;
		if (!st->open) {
			finish_left(st);
			return;
		}
	} else {
		st->producer = *producer;
		st->state = H2_STREAM;
	}
	h2_pump(st->h);
}

static void wake_request(struct http_request *req)
{
	struct h2_stream *st = h2_stream_of(req);

	if (st->state != H2_STREAM || !st->open || !st->waiting)
		return;
	st->waiting = false;
	st->since_us = st->h->now_us;
	nghttp2_session_resume_data(st->h->frames, st->id);
	h2_pump(st->h);
}

const struct http_ops h2_ops = { answer_request, stream_answer, wake_request };
