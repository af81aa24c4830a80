/* A session: bytes of the connection into nghttp2, which calls back with streams; frames out of it
 * as pieces of the tunnel, while the client takes them.
 *
 * nghttp2 must not be entered from its own callbacks, in which handlers run and answer: what they
 * queue is sent when it has returned. A stream that its client has reset while a handler has the
 * request stays until that answers; a client with a hundred of these is sent away. */
#include "drv/h2/h2_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"

enum { STREAMS = 100, UNSENT_BYTES = 64 << 10, PIECE_BYTES = 32 << 10, WINDOW_BYTES = 1 << 20 };

/* ---- out */
static bool send_piece(struct h2 *h)
{
	struct buf text = { 0 };
	struct http_piece *piece;
	const uint8_t *p;
	ssize_t n = 0;

	while (text.n < PIECE_BYTES && (n = nghttp2_session_mem_send(h->frames, &p)) > 0)
		buf_add(&text, p, (size_t)n);
	if (text.n) {
		piece = http_piece_new(buf_slice(&text));
		http_tunnel_send(h->session.conn, &piece, 1);
		http_piece_drop(piece);
	}
	buf_fini(&text);
	return n > 0;
}

void h2_pump(struct h2 *h)
{
	if (h->busy || h->closed)
		return;
	h->busy = true;
	while (http_tunnel_pending(h->session.conn) < UNSENT_BYTES && send_piece(h))
		;
	h->busy = false;
	if ((h->draining && !h->n_open) ||
	    (!nghttp2_session_want_read(h->frames) && !nghttp2_session_want_write(h->frames)))
		http_tunnel_end(h->session.conn);
}

static void send_away(struct h2 *h, uint32_t why)
{
	nghttp2_session_terminate_session(h->frames, why);
	h2_pump(h);
	http_tunnel_end(h->session.conn);
}

/* ---- nghttp2's callbacks; the session is user */
static struct h2_stream *find_stream(nghttp2_session *frames, int32_t id)
{
	return nghttp2_session_get_stream_user_data(frames, id);
}

static int begin_headers(nghttp2_session *frames, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	nghttp2_session_set_stream_user_data(frames, frame->hd.stream_id,
					     h2_stream_new(h, frame->hd.stream_id));
	return 0;
}

static int take_header(nghttp2_session *frames, const nghttp2_frame *frame, const uint8_t *name,
		       size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
		       void *user)
{
	struct h2_stream *st = find_stream(frames, frame->hd.stream_id);

	(void)flags;
	(void)user;
	if (st && st->state == H2_HEAD)
		h2_stream_field(st, slice((const char *)name, name_bytes),
				slice((const char *)value, value_bytes));
	return 0;
}

static int take_data(nghttp2_session *frames, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
		     void *user)
{
	struct h2_stream *st = find_stream(frames, id);

	(void)flags;
	(void)user;
	if (st && st->state == H2_BODY)
		h2_stream_data(st, slice((const char *)p, n));
	return 0;
}

static int take_frame(nghttp2_session *frames, const nghttp2_frame *frame, void *user)
{
	struct h2_stream *st;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)user;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	st = find_stream(frames, frame->hd.stream_id);
	if (!st)
		return 0;
	st->request_ended |= ends;
	if (st->state == H2_HEAD)
		h2_stream_begin(st);
	else if (st->state == H2_BODY && ends)
		h2_stream_end(st);
	return 0;
}

/* An answer that went out before its request was whole: some clients take a stream that is reset
 * for one without an answer, so they are given time to see it. */
static int frame_sent(nghttp2_session *frames, const nghttp2_frame *frame, void *user)
{
	struct h2_stream *st;

	(void)user;
	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	st = find_stream(frames, frame->hd.stream_id);
	if (st && !st->request_ended) {
		st->lingers = true;
		st->since_us = st->h->now_us;
	}
	return 0;
}

static int stream_closed(nghttp2_session *frames, int32_t id, uint32_t why, void *user)
{
	struct h2_stream *st = find_stream(frames, id);

	(void)why;
	(void)user;
	if (st)
		h2_stream_close(st);
	return 0;
}

/* ---- from open to close */
static nghttp2_session *new_frames(struct h2 *h)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES / 4 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)h->session.conf->head_bytes },
	};
	nghttp2_session_callbacks *c;
	nghttp2_session *frames = NULL;

	if (nghttp2_session_callbacks_new(&c))
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, take_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, take_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, take_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
	if (nghttp2_session_server_new(&frames, c, h) == 0) {
		nghttp2_submit_settings(frames, NGHTTP2_FLAG_NONE, settings, 3);
		nghttp2_session_set_local_window_size(frames, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES);
	}
	nghttp2_session_callbacks_del(c);
	return frames;
}

static void *open_session(const struct http_session *session)
{
	struct h2 *h = mem_zalloc(sizeof(*h));

	h->session = *session;
	buf_adds(&h->remote, session->conn->remote);
	buf_adds(&h->peer, session->conn->peer);
	h->now_us = h->since_us = tm_mono_us();
	h->frames = new_frames(h);
	if (!h->frames)
		err_bug(__FILE__, __LINE__, "no session of nghttp2");
	return h;
}

void h2_free_if_done(struct h2 *h)
{
	if (!h->closed || h->streams)
		return;
	buf_fini(&h->remote);
	buf_fini(&h->peer);
	free(h);
}

static void see_closed(void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st;
	bool ends;

	h->busy = true;
	while (h->n_open) {
		for (st = h->streams; !st->open;)
			st = st->next;
		h2_stream_close(st);
	}
	nghttp2_session_del(h->frames);
	h->closed = true;
	ends = !http_session_hold(&h->session, (int)h->n_left);
	while (ends && h->streams)
		h2_stream_free(h->streams);
	h2_free_if_done(h);
}

/* ---- the tunnel */
static void take_bytes(void *arg, struct slice bytes)
{
	struct h2 *h = arg;
	ssize_t n;

	h->now_us = tm_mono_us();
	h->busy = true;
	n = nghttp2_session_mem_recv(h->frames, (const uint8_t *)bytes.p, bytes.n);
	h->busy = false;
	h2_pump(h);
	if (n < 0)
		http_tunnel_end(h->session.conn);
	else if (h->n_left >= STREAMS)
		send_away(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void check_body(struct h2_stream *st)
{
	static const struct http_fault slow = { 408, "too-slow",
						"the body came slower than 1 KiB a second" };
	int64_t window_us = st->h->session.conf->body_us;

	if (st->h->now_us - st->since_us < window_us)
		return;
	if ((st->reader.raw - st->window_raw) < (uint64_t)window_us * 1024 / TM_S)
		h2_stream_refuse(st, &slow);
	st->window_raw = st->reader.raw;
	st->since_us = st->h->now_us;
}

static void reset(const struct h2_stream *st, uint32_t why)
{
	nghttp2_submit_rst_stream(st->h->frames, NGHTTP2_FLAG_NONE, st->id, why);
}

static bool check_stream(struct h2_stream *st)
{
	const struct http_conf *conf = st->h->session.conf;
	int64_t us = st->h->now_us - st->since_us;

	if (st->state == H2_HEAD && us >= conf->head_us)
		return false;
	if (st->state == H2_BODY)
		check_body(st);
	else if (st->lingers && us >= conf->linger_us / 6)
		reset(st, NGHTTP2_NO_ERROR);
	else if (st->open && st->state >= H2_STREAM && !st->waiting && us >= conf->stall_us)
		reset(st, NGHTTP2_CANCEL);
	return true;
}

static void see_tick(void *arg, int64_t now_us)
{
	struct h2 *h = arg;
	struct h2_stream *next;
	bool good = true;

	h->now_us = now_us;
	h->busy = true;
	for (struct h2_stream *st = h->streams; st && good; st = next) {
		next = st->next;
		good = check_stream(st);
	}
	h->busy = false;
	if (!good)
		send_away(h, NGHTTP2_ENHANCE_YOUR_CALM);
	else if (!h->n_open && now_us - h->since_us >= h->session.conf->idle_us)
		send_away(h, NGHTTP2_NO_ERROR);
	else
		h2_pump(h);
}

static void see_drain(void *arg)
{
	struct h2 *h = arg;

	if (!h->draining)
		nghttp2_submit_goaway(h->frames, NGHTTP2_FLAG_NONE,
				      nghttp2_session_get_last_proc_stream_id(h->frames),
				      NGHTTP2_NO_ERROR, NULL, 0);
	h->draining = true;
	h2_pump(h);
}

static void see_stalled(void *arg)
{
	http_tunnel_end(((struct h2 *)arg)->session.conn);
}

static void see_room(void *arg)
{
	h2_pump(arg);
}

const struct http_protocol h2_protocol = {
	.alpn = "h2",
	.preface = "PRI * HTTP/2.0\r\n\r\n",
	.open = open_session,
	.ops = { .bytes = take_bytes,
		 .tick = see_tick,
		 .drain = see_drain,
		 .stalled = see_stalled,
		 .room = see_room,
		 .closed = see_closed },
};
