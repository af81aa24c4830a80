/* Answers: the head and a small body are put together in the connection's buffer.
 *
 * An answer that comes from outside of the server's turn (a parked request) is sent at once, so
 * that it costs no turn of the loop; what else is to be done runs in the next turn. */
#include "net/http_internal.h"

#include "base/tm.h"

/* ---- heads of answers */
static void add_status(struct buf *out, unsigned status)
{
	buf_addz(out, "HTTP/1.1 ");
	buf_addu(out, status);
	buf_addc(out, ' ');
	buf_addz(out, http_reason(status));
	buf_addz(out, "\r\nServer: hta\r\nX-Content-Type-Options: nosniff\r\nDate: ");
}

static bool has_field(const struct http_answer *a, const char *name)
{
	for (size_t i = 0; i < a->n_fields; i++)
		if (a->fields[i].name.n == strlen(name) &&
		    str_same(a->fields[i].name.p, name, a->fields[i].name.n))
			return true;
	return false;
}

static bool has_line_end(struct slice s)
{
	return s.n && (memchr(s.p, '\r', s.n) || memchr(s.p, '\n', s.n));
}

static void add_fields(struct buf *out, const struct http_answer *a)
{
	for (size_t i = 0; i < a->n_fields; i++) {
		/* what would begin another line is no value, whoever made it */
		if (has_line_end(a->fields[i].value))
			continue;
		buf_adds(out, a->fields[i].name);
		buf_addz(out, ": ");
		buf_adds(out, a->fields[i].value);
		buf_addz(out, "\r\n");
	}
}

static bool is_read_method(enum http_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS;
}

void http_conn_add_head(struct http_conn *c, const struct http_answer *a)
{
	struct buf *out = &c->out;
	const struct http_request *req = &c->req;

	http_date(c->s);
	add_status(out, a->status);
	buf_add(out, c->s->date, DATE_BYTES);
	buf_addz(out, "\r\nX-Request-Id: ");
	buf_adds(out, req->id);
	if (a->type) {
		buf_addz(out, "\r\nContent-Type: ");
		buf_addz(out, a->type);
	}
	if (req->origin.n) {
		buf_addz(out, "\r\nVary: Origin\r\nAccess-Control-Allow-Origin: ");
		buf_adds(out, req->origin);
		buf_addz(out, "\r\nAccess-Control-Expose-Headers: ");
		buf_addz(out, http_exposed);
	}
	buf_addz(out, "\r\n");
	add_fields(out, a);
	if ((a->status >= 400 || !is_read_method(req->method)) && !has_field(a, "Cache-Control"))
		buf_addz(out, "Cache-Control: no-store\r\n");
	if (!c->keep_alive)
		buf_addz(out, "Connection: close\r\n");
	else if (c->in && c->in->head.minor == 0)
		buf_addz(out, "Connection: keep-alive\r\n");
}

static bool has_no_body(unsigned status)
{
	return status == 204 || status == 304;
}

/* Whether the connection can go on is decided before the head is written. */
static void begin_answer(struct http_conn *c)
{
	if (c->unread || c->s->draining)
		c->keep_alive = false;
	c->head_only = c->req.method == HTTP_HEAD;
}

/* ---- the seam */
static void queue_body(struct http_conn *c, const struct http_answer *a)
{
	if (has_no_body(a->status)) {
		buf_addz(&c->out, "\r\n");
	} else {
		buf_addz(&c->out, "Content-Length: ");
		buf_addu(&c->out, a->body.n);
		buf_addz(&c->out, "\r\n\r\n");
	}
	if (c->head_only || has_no_body(a->status) || !a->body.n) {
		if (a->done)
			a->done(a->done_arg);
	} else if (a->done) {
		c->lent = a->body;
		c->done = a->done;
		c->done_arg = a->done_arg;
	} else {
		buf_adds(&c->out, a->body);
	}
}

/* The request is over. Outside of the server's turn what is queued is sent here. */
static void finish_answer(struct http_conn *c, unsigned status)
{
	bool parked = !c->in_call;

	http_conn_answered(c, status);
	if (!parked)
		return;
	c->s->now_us = tm_mono_us();
	http_conn_flush(c);
	if (c->broken || c->readable || c->in || c->state != CONN_HEAD)
		http_conn_ready(c);
}

static void answer_request(struct http_request *req, const struct http_answer *a)
{
	struct http_conn *c = http_conn_of(req);

	if (c->state == CONN_DEAD || c->broken) {
		if (a->done)
			a->done(a->done_arg);
		c->keep_alive = false;
	} else {
		begin_answer(c);
		http_conn_add_head(c, a);
		queue_body(c, a);
	}
	finish_answer(c, a->status);
}

static void stream_answer(struct http_request *req, const struct http_answer *a,
			  const struct http_producer *producer)
{
	struct http_conn *c = http_conn_of(req);
	bool lost = c->state == CONN_DEAD || c->broken;

	begin_answer(c);
	c->chunk_answer = c->in && c->in->head.minor > 0;
	if (!c->chunk_answer && !c->head_only)
		c->keep_alive = false;
	if (!lost) {
		http_conn_add_head(c, a);
		buf_addz(&c->out, c->chunk_answer ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
	}
	if (lost || c->head_only) {
		producer->close(producer->arg, !lost);
		finish_answer(c, a->status);
		return;
	}
	c->producer = *producer;
	c->state = CONN_STREAM;
	c->waiting = false;
	if (c->s->app.answered)
		c->s->app.answered(c->s->app.arg, req, a->status);
	if (!c->in_call)
		http_conn_ready(c);
}

static void wake_request(struct http_request *req)
{
	struct http_conn *c = http_conn_of(req);

	if (c->state != CONN_STREAM)
		return;
	c->waiting = false;
	if (!c->in_call)
		http_conn_ready(c);
}

const struct http_ops http_conn_ops = { answer_request, stream_answer, wake_request };
