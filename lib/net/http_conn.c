/* One connection: a machine of states that http_conn_run drives as far as its bytes go.
 *
 *   HEAD --head read--> (app.head) --> BODY --body read--> HANDLED (app.handle) --answer--> HEAD
 *                        answered, whole: HEAD               --stream--> STREAM --end--> HEAD
 *   any answer without keep-alive: LAST --all sent--> LINGER --peer's end, time--> DEAD
 *   broken: DEAD at once; while the handler has the request, when it answers
 *
 * A request's bytes stay where they were read; slices of the request point there. The next head is
 * read when the answer is queued, so that answers stand in order and one request at a time is
 * under way. A body that came along with its head is handed on where it lies; a longer one by
 * Content-Length is read to its own buffer by the kernel.
 *
 * Descriptors are watched by edges once and for all: no call changes what is waited for. So
 * `readable` holds until a read came back short, `writable` until a write would block. */
#include "net/http_internal.h"

#include <errno.h>

#include "net/problem.h"

enum { DIRECT_BYTES = 256 << 10, DROP_BYTES = 64 << 10, RATE_BYTES = 1024 };

/* A connection that has not brought a request yet has this long to do so when the server drains. */
enum { FRESH_US = 1000 * 1000 };

/* ---- reading */
/* How many bytes came; 0: none for now; -1: no more will come. */
static ssize_t receive_bytes(struct http_conn *c, char *p, size_t n)
{
	ssize_t got;

	do
		got = recv(c->watched.fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		if ((size_t)got < n && !c->peer_ended)
			c->readable = false;
		return got;
	}
	c->readable = false;
	if (got < 0 && errno == EAGAIN)
		return 0;
	c->broken |= got < 0;
	return -1;
}

/* ---- what is wrong with a request */
static enum http_refused reason_of(unsigned status)
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
	struct problem p = { .status = fault->status,
			     .code = fault->code,
			     .detail = slice_z(fault->detail),
			     .retry_after_s = fault->status == 503 };
	struct buf detail = { 0 };

	if (fault->status == 413) {
		buf_printf(&detail, "%s: %zu bytes at most", fault->detail, c->body_reader.most);
		p.detail = buf_slice(&detail);
	}
	c->s->stats.refused[reason_of(fault->status)]++;
	c->in_call = true;
	problem_answer(&c->req, &p);
	c->in_call = false;
	buf_fini(&detail);
}

static void make_id(struct http_conn *c)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t x = c->s->id_seed + ++c->s->ids * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	for (int i = 0; i < ID_BYTES; i++, x >>= 4)
		c->id[i] = digits[x & 15];
}

/* A request of which nothing is known yet. */
static void clear_request(struct http_conn *c)
{
	c->req = (struct http_request){ .method = HTTP_OTHER,
					.remote = slice(c->remote, c->remote_bytes),
					.loopback = c->loopback,
					.id = slice(c->id, ID_BYTES),
					.begun_us = c->since_us,
					.route = "none",
					.ops = &http_conn_ops };
	make_id(c);
}

void http_conn_refuse(struct http_conn *c, const struct http_fault *fault)
{
	if (c->state == CONN_HEAD)
		clear_request(c);
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

static void give_back_input(struct http_conn *c)
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
		give_back_input(c);
}

/* ---- requests */
static void tell_gone(struct http_conn *c)
{
	if (c->state != CONN_HANDLED || c->gone_told)
		return;
	c->gone_told = true;
	if (c->req.gone) {
		c->in_call = true;
		c->req.gone(&c->req);
		c->in_call = false;
	}
}

static void hand_over(struct http_conn *c, struct slice body)
{
	c->req.body = body;
	c->unread = false;
	c->state = CONN_HANDLED;
	c->in_call = true;
	c->s->app.handle(c->s->app.arg, &c->req);
	c->in_call = false;
	if (c->peer_ended)
		tell_gone(c);
}

static void fill_request(struct http_conn *c, const struct http_head *h)
{
	clear_request(c);
	c->req.method = h->method;
	c->req.method_text = h->method_text;
	c->req.path = h->path;
	c->req.query = h->query;
	c->req.host = h->host;
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
		hand_over(c, buf_slice(&c->body));
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
		hand_over(c, raw);
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

static void begin_request(struct http_conn *c, size_t end)
{
	struct http_input *in = c->in;
	struct http_head *h = &in->head;
	const struct http_fault *fault = http_head_parse(
		slice(in->bytes + in->at + c->scan.start, end - c->scan.start), h);
	size_t most;
	bool whole;
	struct slice raw;

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

/* ---- steps: true: go on, false: wait */
/* Reads behind what is there of a head. */
static bool read_head(struct http_conn *c)
{
	struct http_input *in = c->in;
	ssize_t got;

	if (in->at) {
		in->n -= in->at;
		memmove(in->bytes, in->bytes + in->at, in->n);
		in->at = 0;
	}
	got = receive_bytes(c, in->bytes + in->n, INPUT_BYTES - in->n);
	if (got > 0) {
		if (!in->n)
			c->since_us = c->s->now_us;
		in->n += (size_t)got;
		return true;
	}
	if (!in->n)
		give_back_input(c);
	if (got < 0 || (c->s->draining && !c->in && !c->fresh))
		c->state = CONN_LAST;
	return c->state == CONN_LAST;
}

static bool step_head(struct http_conn *c)
{
	const struct http_fault *fault;
	enum http_scan_state state = HTTP_SCAN_MORE;
	size_t end;

	if (!c->in && !c->readable)
		return false;
	if (!c->in)
		c->in = http_input_get(c->s);
	if (c->in->at < c->in->n)
		state = http_scan(&c->scan, c->in->bytes + c->in->at, c->in->n - c->in->at, &end,
				  &fault);
	if (state == HTTP_SCAN_END)
		begin_request(c, end);
	else if (state == HTTP_SCAN_FAULT)
		http_conn_refuse(c, fault);
	else
		return c->readable && read_head(c);
	return true;
}

static bool body_came(struct http_conn *c, enum http_body_state state,
		      const struct http_fault *fault)
{
	http_conn_charge(c, c->body.cap);
	if (state == HTTP_BODY_END)
		hand_over(c, buf_slice(&c->body));
	else if (state == HTTP_BODY_FAULT)
		http_conn_refuse(c, fault);
	return true;
}

static bool body_ended(struct http_conn *c, ssize_t got)
{
	if (got < 0)
		http_conn_close(c); /* cut in its middle: nobody waits for an answer */
	return false;
}

static bool read_body(struct http_conn *c)
{
	struct http_input *in = c->in;
	uint64_t left = http_body_direct(&c->body_reader);
	ssize_t got;

	if (left) {
		size_t n = left < DIRECT_BYTES ? (size_t)left : DIRECT_BYTES;
		got = receive_bytes(c, buf_room(&c->body, n), n);
		if (got <= 0)
			return body_ended(c, got);
		c->body.n += (size_t)got;
		return body_came(c, http_body_took(&c->body_reader, (size_t)got), NULL);
	}
	in->at = in->n = in->base;
	got = receive_bytes(c, in->bytes + in->n, INPUT_BYTES - in->n);
	if (got <= 0)
		return body_ended(c, got);
	in->n += (size_t)got;
	return true;
}

static bool step_body(struct http_conn *c)
{
	struct http_input *in = c->in;

	if (in->at < in->n) {
		struct slice raw = slice(in->bytes + in->at, in->n - in->at);
		const struct http_fault *fault;
		enum http_body_state state = http_body_take(&c->body_reader, &raw, &c->body,
							    &fault);
		in->at = in->n - raw.n;
		return body_came(c, state, fault);
	}
	if (!c->readable)
		return false;
	if (c->body.n == c->body.cap && c->s->stats.in_flight_bytes >= c->s->conf.budget_bytes) {
		http_conn_starve(c);
		return false;
	}
	c->starved_us = 0;
	return read_body(c);
}

/* All of the last answer is sent, or will be. */
static bool step_last(struct http_conn *c)
{
	http_conn_flush(c);
	if (c->broken || http_conn_pending(c))
		return c->broken;
	if (!c->unread) {
		http_conn_close(c);
		return false;
	}
	shutdown(c->watched.fd, SHUT_WR);
	c->state = CONN_LINGER;
	c->since_us = c->state_us = c->s->now_us;
	return true;
}

static bool step_linger(struct http_conn *c)
{
	char dropped[DROP_BYTES];
	ssize_t got = c->readable ? receive_bytes(c, dropped, sizeof(dropped)) : 0;

	if (got > 0)
		c->since_us = c->s->now_us;
	if (got < 0)
		http_conn_close(c);
	return got > 0;
}

static bool step_conn(struct http_conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		return step_head(c);
	case CONN_BODY:
		return step_body(c);
	case CONN_STREAM:
		http_conn_produce(c);
		return c->state != CONN_STREAM;
	case CONN_LAST:
		return step_last(c);
	case CONN_LINGER:
		return step_linger(c);
	case CONN_HANDLED:
	case CONN_DEAD:
		break;
	}
	return false;
}

/* Nothing more can be sent. */
static void break_conn(struct http_conn *c)
{
	tell_gone(c);
	http_conn_close(c);
}

/* Whether something that was queued stands in the way of the next request. */
static bool is_clogged(struct http_conn *c)
{
	if (c->lent.n || http_conn_pending(c) >= PENDING_BYTES)
		http_conn_flush(c);
	return c->lent.n || http_conn_pending(c) >= PENDING_BYTES;
}

void http_conn_run(struct http_conn *c)
{
	int steps = STEPS_PER_TURN;

	if (c->peer_ended)
		tell_gone(c);
	while (c->state != CONN_DEAD && !c->broken && !is_clogged(c) && step_conn(c)) {
		if (--steps)
			continue;
		http_conn_ready(c);
		break;
	}
	if (c->state == CONN_DEAD)
		return;
	http_conn_flush(c);
	if (c->broken)
		break_conn(c);
	else if (c->state == CONN_STREAM && !c->waiting && c->writable)
		http_conn_ready(c);
}

/* ---- deadlines */
static void check_rate(struct http_conn *c, int64_t now)
{
	static const struct http_fault slow = { 408, "too-slow",
						"the body came slower than 1 KiB a second" };
	int64_t window_us = c->s->conf.body_us;
	uint64_t raw = c->body_reader.raw;

	if (now - c->since_us < window_us)
		return;
	if ((raw - c->window_raw) < (uint64_t)(window_us / 1000) * RATE_BYTES / 1000) {
		http_conn_refuse(c, &slow);
		http_conn_ready(c);
	}
	c->window_raw = raw;
	c->since_us = now;
}

static void check_starved(struct http_conn *c, int64_t now)
{
	static const struct http_fault overloaded = { 503, "overloaded",
						      "the memory for bodies is used up" };

	c->since_us = now;
	c->window_raw = c->body_reader.raw;
	if (now - c->starved_us < c->s->conf.overload_us)
		return;
	http_conn_refuse(c, &overloaded);
	http_conn_ready(c);
}

static void check_head(struct http_conn *c, int64_t now)
{
	static const struct http_fault slow = { 408, "too-slow",
						"the head took longer than is allowed" };

	if (!c->in && now - c->since_us >= (c->s->draining ? FRESH_US : c->s->conf.idle_us)) {
		http_conn_close(c);
	} else if (c->in && now - c->since_us >= c->s->conf.head_us) {
		http_conn_refuse(c, &slow);
		http_conn_ready(c);
	}
}

void http_conn_tick(struct http_conn *c)
{
	int64_t now = c->s->now_us;

	if (c->stalled_us && now - c->stalled_us >= c->s->conf.stall_us) {
		c->broken = true;
		http_conn_ready(c);
	} else if (c->state == CONN_HEAD && !http_conn_pending(c)) {
		check_head(c, now);
	} else if (c->state == CONN_BODY && c->starved_us) {
		check_starved(c, now);
	} else if (c->state == CONN_BODY) {
		check_rate(c, now);
	} else if (c->state == CONN_LINGER && (now - c->since_us >= c->s->conf.linger_us / 6 ||
					       now - c->state_us >= c->s->conf.linger_us)) {
		http_conn_close(c);
	}
}
