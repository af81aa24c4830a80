/* One frame for many. The plain one is what was given with its head in front; the compressed one
 * is made of it when the first client that has agreed on compression is to get it. Sizes decide
 * which is sent: what does not shrink is sent plain to all. */
#include <stdlib.h>

#include "base/mem.h"
#include "io/deflate.h"
#include "net/ws_conn_internal.h"

enum { PACK_BYTES = 64, PUSH_FRAMES = 64 };

struct ws_shared {
	unsigned refs;
	struct ws_site *site;
	struct http_piece *plain, *packed; /* packed NULL: not made yet */
	size_t head;                       /* bytes of the plain one's head */
};

struct ws_shared *ws_share(struct ws_site *s, struct slice text)
{
	struct ws_shared *f = mem_zalloc(sizeof(*f));
	struct buf frame = { 0 };

	ws_frame(&frame, WS_TEXT, text);
	f->refs = 1;
	f->site = s;
	f->plain = http_piece_new(buf_slice(&frame));
	f->head = frame.n - text.n;
	buf_fini(&frame);
	return f;
}

struct ws_shared *ws_shared_keep(struct ws_shared *f)
{
	f->refs++;
	return f;
}

void ws_shared_drop(struct ws_shared *f)
{
	if (!f || --f->refs)
		return;
	http_piece_drop(f->plain);
	http_piece_drop(f->packed);
	free(f);
}

static void pack_frame(struct ws_shared *f)
{
	struct slice text = slice(f->plain->bytes + f->head, f->plain->n - f->head);
	struct buf packed = { 0 }, frame = { 0 };

	if (text.n >= PACK_BYTES)
		deflate_message(f->site->deflate, text, &packed);
	if (packed.n && packed.n < text.n) {
		ws_frame_packed(&frame, WS_TEXT, buf_slice(&packed));
		f->packed = http_piece_new(buf_slice(&frame));
	} else {
		f->packed = http_piece_keep(f->plain);
	}
	buf_fini(&packed);
	buf_fini(&frame);
}

static struct http_piece *piece_for(const struct ws_conn *c, struct ws_shared *f)
{
	if (!c->reader.inflate)
		return f->plain;
	if (!f->packed)
		pack_frame(f);
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
