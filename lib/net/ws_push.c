/* One frame for many. The plain one is what was given with its head in front; the compressed one
 * is made of it when the first client that has agreed on compression is to get it; what does not
 * shrink is sent plain to all. */
#include <stdlib.h>

#include "base/mem.h"
#include "io/deflate.h"
#include "net/ws_conn_internal.h"

/* Shorter messages are sent as they are. */
enum { PACK_BYTES = 64, PUSH_FRAMES = 64 };

struct ws_shared {
	struct ws_site *site;
	struct http_piece *plain, *packed; /* packed NULL: not made yet */
	size_t head;                       /* bytes of the plain one's head */
};

struct http_piece *ws_piece(struct ws_site *s, enum ws_opcode kind, struct slice payload, bool pack)
{
	struct buf frame = { 0 }, packed = { 0 };
	struct http_piece *p;

	if (pack && payload.n >= PACK_BYTES)
		deflate_message(s->deflate, payload, &packed);
	if (packed.n && packed.n < payload.n)
		ws_frame_packed(&frame, kind, buf_slice(&packed));
	else
		ws_frame(&frame, kind, payload);
	p = http_piece_new(buf_slice(&frame));
	buf_fini(&packed);
	buf_fini(&frame);
	return p;
}

struct ws_shared *ws_share(struct ws_site *s, struct slice text)
{
	struct ws_shared *f = mem_zalloc(sizeof(*f));

	f->site = s;
	f->plain = ws_piece(s, WS_TEXT, text, false);
	f->head = f->plain->n - text.n;
	return f;
}

void ws_shared_free(struct ws_shared *f)
{
	if (!f)
		return;
	http_piece_drop(f->plain);
	http_piece_drop(f->packed);
	free(f);
}

static struct http_piece *piece_for(const struct ws_conn *c, struct ws_shared *f)
{
	if (!c->reader.inflate)
		return f->plain;
	if (!f->packed)
		f->packed = ws_piece(f->site, WS_TEXT,
				     slice(f->plain->bytes + f->head, f->plain->n - f->head), true);
	return f->packed;
}

static void miss_push(struct ws_conn *c, size_t n)
{
	c->site->stats.skipped += n;
	if (++c->missed >= c->site->conf.most_missed)
		ws_end_slow(c);
}

bool ws_push(struct ws_conn *c, struct ws_shared *const *frames, size_t n)
{
	struct http_piece *pieces[PUSH_FRAMES];

	if (c->ended)
		return false;
	if (http_tunnel_pending(c->req)) {
		miss_push(c, n);
		return false;
	}
	c->missed = 0;
	c->site->stats.sent += n;
	for (size_t at = 0; at < n;) {
		size_t k = 0;
		while (k < PUSH_FRAMES && at < n)
			pieces[k++] = piece_for(c, frames[at++]);
		http_tunnel_send(c->req, pieces, k);
	}
	return true;
}
