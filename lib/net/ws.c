/* A frame's head is collected byte by byte in head[], until it is as long as its second byte says;
 * the payload goes to the message's buffer in slices and is unmasked there, eight bytes at a time.
 * UTF-8 is looked at when a message is whole: a message is bounded, and a character may lie in two
 * frames. */
#include "net/ws.h"

#include "base/err.h"
#include "io/inflate.h"

enum { FINAL = 0x80, PACKED = 0x40, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };
enum { LENGTH_16 = 126, LENGTH_64 = 127, REASON_BYTES = WS_CONTROL_BYTES - 2 };

void ws_fini(struct ws *w)
{
	buf_fini(&w->message);
	buf_fini(&w->control);
	buf_fini(&w->text);
}

/* ---- masks */
void ws_mask(char *p, size_t n, const uint8_t mask[4], unsigned at)
{
	uint8_t turned[8];
	uint64_t word, m;

	for (unsigned i = 0; i < 8; i++)
		turned[i] = mask[(at + i) & 3];
	memcpy(&m, turned, 8);
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		word ^= m;
		memcpy(p, &word, 8);
	}
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(p[i] ^ turned[i]);
}

/* ---- heads of frames */
/* How long the head is, as far as it is known. */
static unsigned head_length(const struct ws *w)
{
	unsigned n = w->head_bytes < 2 ? 0 : w->head[1] & LENGTH;

	return 2 + 4 + (n == LENGTH_16 ? 2 : n == LENGTH_64 ? 8 : 0);
}

static uint64_t read_number(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* Of all frames of the message. What cannot be compressed grows a little. */
static size_t most_payload(const struct ws *w)
{
	return w->packed ? w->most + w->most / 256 + 64 : w->most;
}

/* 0, or the code of what is wrong. */
static unsigned judge_lengths(struct ws *w)
{
	unsigned n = w->head[1] & LENGTH;

	w->left = n;
	if (n == LENGTH_16)
		w->left = read_number(w->head + 2, 2);
	else if (n == LENGTH_64)
		w->left = read_number(w->head + 2, 8);
	if ((n == LENGTH_16 && w->left < LENGTH_16) ||
	    (n == LENGTH_64 && (w->left <= UINT16_MAX || w->left >> 63)))
		return WS_PROTOCOL;
	if (w->frame_kind >= WS_CLOSE)
		return w->left > WS_CONTROL_BYTES ? WS_PROTOCOL : 0;
	return w->left > most_payload(w) - w->message.n ? WS_TOO_LARGE : 0;
}

/* The first byte and the mask's bit, as soon as they are there. */
static unsigned judge_kind(struct ws *w)
{
	unsigned opcode = w->head[0] & OPCODE;
	bool control = opcode >= WS_CLOSE;
	/* only the first frame of a message says that it is compressed */
	unsigned allowed = w->inflate && !control && opcode != WS_MORE ? PACKED : 0;

	w->frame_kind = (enum ws_opcode)opcode;
	w->final = w->head[0] & FINAL;
	if (w->head[0] & RESERVED & ~allowed || (opcode > WS_BINARY && opcode < WS_CLOSE) ||
	    opcode > WS_PONG || !(w->head[1] & MASKED))
		return WS_PROTOCOL;
	if (control)
		return w->final && (w->head[1] & LENGTH) <= WS_CONTROL_BYTES ? 0 : WS_PROTOCOL;
	if ((opcode == WS_MORE) != (w->kind != WS_MORE))
		return WS_PROTOCOL;
	if (opcode != WS_MORE)
		w->packed = w->head[0] & PACKED;
	return 0;
}

static unsigned begin_frame(struct ws *w)
{
	unsigned code = judge_lengths(w);

	memcpy(w->mask, w->head + w->head_bytes - 4, 4);
	w->mask_at = 0;
	w->in_frame = true;
	w->control.n = 0;
	if (!code && w->frame_kind != WS_MORE && w->frame_kind < WS_CLOSE)
		w->kind = w->frame_kind;
	return code;
}

static unsigned take_head(struct ws *w, struct slice *in)
{
	unsigned code = 0;

	while (in->n && !w->in_frame && !code) {
		w->head[w->head_bytes++] = (uint8_t)*in->p;
		*in = slice(in->p + 1, in->n - 1);
		if (w->head_bytes == 2)
			code = judge_kind(w);
		if (!code && w->head_bytes >= 2 && w->head_bytes == head_length(w))
			code = begin_frame(w);
	}
	return code;
}

/* ---- payloads */
static void take_payload(struct ws *w, struct slice *in)
{
	struct buf *to = w->frame_kind >= WS_CLOSE ? &w->control : &w->message;
	size_t n = in->n < w->left ? in->n : (size_t)w->left, from = to->n;

	buf_add(to, in->p, n);
	ws_mask(to->p + from, n, w->mask, w->mask_at);
	w->mask_at = (w->mask_at + n) & 3;
	w->left -= n;
	*in = slice(in->p + n, in->n - n);
}

/* Codes that a peer may send. */
static bool is_sent_code(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

static enum ws_event fail_with(unsigned why, unsigned *code)
{
	*code = why;
	return WS_FAILED;
}

static enum ws_event read_close(struct ws *w, struct slice *payload, unsigned *code)
{
	struct slice all = buf_slice(&w->control);

	*code = WS_NO_CODE;
	*payload = slice(NULL, 0);
	if (all.n == 0)
		return WS_CLOSED;
	if (all.n == 1)
		return fail_with(WS_PROTOCOL, code);
	*code = (unsigned)read_number((const uint8_t *)all.p, 2);
	*payload = slice(all.p + 2, all.n - 2);
	if (!is_sent_code(*code))
		return fail_with(WS_PROTOCOL, code);
	return str_utf8(payload->p, payload->n) ? WS_CLOSED : fail_with(WS_NOT_UTF8, code);
}

/* A compressed message's text. 0, or what is wrong. */
static unsigned unpack_message(struct ws *w)
{
	static const char tail[] = { '\0', '\0', '\xff', '\xff' };
	enum inflate_state state;

	w->text.n = 0;
	buf_add(&w->message, tail, sizeof(tail));
	inflate_reset(w->inflate);
	state = inflate_add(w->inflate, buf_slice(&w->message), w->most, &w->text);
	if (state == INFLATE_OK)
		state = inflate_end(w->inflate);
	return state == INFLATE_LONG ? WS_TOO_LARGE : state == INFLATE_DAMAGED ? WS_NOT_UTF8 : 0;
}

static enum ws_event end_message(struct ws *w, enum ws_opcode *kind, struct slice *payload,
				 unsigned *code)
{
	unsigned wrong = w->packed ? unpack_message(w) : 0;

	*kind = w->kind;
	*payload = buf_slice(w->packed ? &w->text : &w->message);
	w->kind = WS_MORE;
	if (!wrong && *kind == WS_TEXT && !str_utf8(payload->p, payload->n))
		wrong = WS_NOT_UTF8;
	return wrong ? fail_with(wrong, code) : WS_MESSAGE;
}

/* The frame is whole. NEED_MORE: its message is not. */
static enum ws_event end_frame(struct ws *w, enum ws_opcode *kind, struct slice *payload,
			       unsigned *code)
{
	w->in_frame = false;
	w->head_bytes = 0;
	*payload = buf_slice(&w->control);
	switch (w->frame_kind) {
	case WS_CLOSE:
		return read_close(w, payload, code);
	case WS_PING:
		return WS_PINGED;
	case WS_PONG:
		return WS_PONGED;
	default:
		break;
	}
	return w->final ? end_message(w, kind, payload, code) : WS_NEED_MORE;
}

enum ws_event ws_take(struct ws *w, struct slice *in, enum ws_opcode *kind, struct slice *payload,
		      unsigned *code)
{
	/* A message that was handed out is over. */
	if (w->kind == WS_MORE)
		w->message.n = 0;
	for (;;) {
		unsigned wrong = take_head(w, in);
		if (wrong)
			return fail_with(wrong, code);
		if (!w->in_frame)
			return WS_NEED_MORE;
		take_payload(w, in);
		if (w->left)
			return WS_NEED_MORE;
		enum ws_event event = end_frame(w, kind, payload, code);
		if (event != WS_NEED_MORE)
			return event;
	}
}

/* ---- writing */
static void add_frame(struct buf *out, unsigned first, struct slice payload)
{
	unsigned extra = payload.n < LENGTH_16 ? 0 : payload.n <= UINT16_MAX ? 2 : 8;

	buf_addc(out, (char)(FINAL | first));
	buf_addc(out, (char)(!extra ? payload.n : extra == 2 ? LENGTH_16 : LENGTH_64));
	for (unsigned i = extra; i--;)
		buf_addc(out, (char)(payload.n >> 8 * i));
	buf_adds(out, payload);
}

void ws_frame(struct buf *out, enum ws_opcode opcode, struct slice payload)
{
	if (opcode >= WS_CLOSE && payload.n > WS_CONTROL_BYTES)
		BUG("a control frame of %zu bytes", payload.n);
	add_frame(out, opcode, payload);
}

void ws_frame_packed(struct buf *out, enum ws_opcode opcode, struct slice packed)
{
	add_frame(out, PACKED | opcode, packed);
}

void ws_close(struct buf *out, unsigned code, const char *reason)
{
	char text[WS_CONTROL_BYTES] = { (char)(code >> 8), (char)code };
	size_t n = strlen(reason);

	if (code == WS_NO_CODE) {
		ws_frame(out, WS_CLOSE, slice(NULL, 0));
		return;
	}
	if (n > REASON_BYTES)
		n = REASON_BYTES;
	while (n && !str_utf8(reason, n))
		n--;
	memcpy(text + 2, reason, n);
	ws_frame(out, WS_CLOSE, slice(text, n + 2));
}
