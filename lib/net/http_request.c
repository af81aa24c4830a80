/* One request, from its head to its answer or refusal: the app is asked at the head, has the
 * request when the body is whole, and what was read is given back when it has answered. */
#include "net/http_internal.h"

#include "net/problem.h"

/* ---- what is wrong with a request */
enum http_refused http_refused_of(unsigned status)
{
	switch (status) {
	case 408:
		return HTTP_REFUSED_SLOW;
	case 413:
		return HTTP_REFUSED_TOO_LARGE;
	case 503:
		return HTTP_REFUSED_OVERLOADED;
	default:
		return HTTP_REFUSED_MALFORMED;
	}
}

/* A problem whose request is over, as far as it was read. */
static void answer_fault(struct http_conn *c, const struct http_fault *fault)
{
	c->s->stats.refused[http_refused_of(fault->status)]++;
	c->in_call = true;
	problem_fault(&c->req, fault,
		      fault->status == 431 ? c->s->conf.head_bytes : c->body_reader.most);
	c->in_call = false;
}

void http_server_id(struct http_server *s, char id[ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t x = s->id_seed + ++s->ids * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	for (int i = 0; i < ID_BYTES; i++, x >>= 4)
		id[i] = digits[x & 15];
}

void http_conn_clear_request(struct http_conn *c)
{
	c->req = (struct http_request){ .method = HTTP_OTHER,
					.remote = slice(c->remote, c->remote_bytes),
					.peer = http_link_peer(c),
					.loopback = c->loopback,
					.id = slice(c->id, ID_BYTES),
					.begun_us = c->since_us,
					.route = "none",
					.ops = &http_conn_ops };
	http_server_id(c->s, c->id);
}

void http_conn_refuse(struct http_conn *c, const struct http_fault *fault)
{
	if (c->state == CONN_HEAD)
		http_conn_clear_request(c);
	c->unread = true;
	answer_fault(c, fault);
}

/* ---- the end of a request */
void http_conn_drop_body(struct http_conn *c)
{
	http_body_fini(&c->body_reader);
	buf_fini(&c->body);
	http_conn_charge(c, 0);
}

void http_conn_give_back(struct http_conn *c)
{
	if (c->in)
		http_input_put(c->s, c->in);
	c->in = NULL;
}

void http_conn_answered(struct http_conn *c, unsigned status)
{
	bool more = c->in && c->in->at < c->in->n;

	if (status && c->s->app.answered)
		c->s->app.answered(c->s->app.arg, &c->req, status);
	http_conn_drop_body(c);
	c->scan = (struct http_scan){ 0 };
	c->since_us = c->s->now_us;
	c->starved_us = 0;
	if (c->state == CONN_DEAD) {
		http_conn_close(c);
		return;
	}
	if (!c->keep_alive || c->broken) {
		c->unread |= more || !c->in || c->in->head.keep_alive;
		c->state = CONN_LAST;
	} else {
		c->state = CONN_HEAD;
	}
	if (c->state == CONN_LAST || !more)
		http_conn_give_back(c);
}

/* ---- requests */
void http_conn_tell_gone(struct http_conn *c)
{
	if ((c->state != CONN_HANDLED && c->state != CONN_STREAM) || c->gone_told)
		return;
	c->gone_told = true;
	if (c->req.gone) {
		c->in_call = true;
		c->req.gone(&c->req);
		c->in_call = false;
	}
}

void http_conn_hand_over(struct http_conn *c, struct slice body)
{
	c->req.body = body;
	c->unread = false;
	c->state = CONN_HANDLED;
	c->in_call = true;
	c->s->app.handle(c->s->app.arg, &c->req);
	c->in_call = false;
	if (c->peer_ended)
		http_conn_tell_gone(c);
}

static void fill_request(struct http_conn *c, const struct http_head *h)
{
	http_conn_clear_request(c);
	c->req.method = h->method;
	c->req.method_text = h->method_text;
	c->req.path = h->path;
	c->req.query = h->query;
	c->req.host = h->host;
	c->req.upgrade = h->upgrade;
	c->req.fields = h->fields;
	c->req.n_fields = h->n_fields;
	if (h->id.n)
		c->req.id = h->id;
}

static void refuse_coding(struct http_conn *c)
{
	const struct http_field field = { slice_z("Accept-Encoding"),
					  slice_z("gzip, zstd, deflate") };
	const struct problem p = { .status = 415,
				   .code = "content-encoding",
				   .detail = slice_z(
					   "a body may be coded as gzip, zstd or deflate"),
				   .fields = &field,
				   .n_fields = 1 };

	c->in_call = true;
	problem_answer(&c->req, &p);
	c->in_call = false;
}

/* The bytes of a coded body that came whole. */
static void unpack_whole(struct http_conn *c, struct slice raw)
{
	const struct http_fault *fault;
	enum http_body_state state = http_body_take(&c->body_reader, &raw, &c->body, &fault);

	http_conn_charge(c, c->body.cap);
	if (state == HTTP_BODY_END)
		http_conn_hand_over(c, buf_slice(&c->body));
	else
		answer_fault(c, fault);
}

/* The head is read and nobody has answered yet: now the body. raw: all of it, if it has come. */
static void begin_body(struct http_conn *c, size_t most, bool whole, struct slice raw)
{
	struct http_head *h = &c->in->head;
	const struct http_fault *fault;

	if (h->coding == HTTP_CODING_UNKNOWN && (h->chunked || h->length)) {
		refuse_coding(c);
		return;
	}
	if (h->coding == HTTP_CODING_UNKNOWN)
		h->coding = HTTP_PLAIN;
	fault = http_body_init(&c->body_reader, h, most);
	if (fault) {
		answer_fault(c, fault);
	} else if (whole && !c->body_reader.inflate) {
		http_conn_hand_over(c, raw);
	} else if (whole) {
		unpack_whole(c, raw);
	} else {
		c->state = CONN_BODY;
		c->in->base = c->in->at;
		c->since_us = c->s->now_us;
		c->window_raw = 0;
		if (h->expects && c->in->at == c->in->n)
			buf_addz(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	}
}

void http_conn_begin(struct http_conn *c, size_t end)
{
	struct http_input *in = c->in;
	struct http_head *h = &in->head;
	const struct http_fault *fault;
	size_t most;
	bool whole;
	struct slice raw;

	if (http_session_wanted(c, slice(in->bytes + in->at, end))) {
		http_session_begin(c);
		return;
	}
	fault = http_head_parse(slice(in->bytes + in->at + c->scan.start, end - c->scan.start), h);
	if (fault) {
		http_conn_refuse(c, fault);
		return;
	}
	in->at += end;
	fill_request(c, h);
	c->s->stats.requests++;
	c->fresh = false;
	c->keep_alive = h->keep_alive;
	c->gone_told = false;
	whole = !h->chunked && h->length <= in->n - in->at;
	raw = slice(in->bytes + in->at, whole ? (size_t)h->length : 0);
	in->at += raw.n;
	c->unread = !whole;
	c->state = CONN_HANDLED;
	c->in_call = true;
	most = c->s->app.head(c->s->app.arg, &c->req);
	c->in_call = false;
	if (c->state == CONN_HANDLED)
		begin_body(c, most, whole, raw);
}
