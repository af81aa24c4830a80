/* WebSocket (RFC 6455) at a server's end: the handshake, frames of clients to messages, frames to
 * clients. Pure: bytes in, bytes out. One extension may be agreed on: permessage-deflate (RFC 7692)
 * without context takeover in either direction.
 *
 * Strict, each with the code that the connection is to be closed with. 1002: a frame without a
 * mask, bits that belong to extensions, an unknown opcode, a length that is not written in the
 * shortest form, a control frame that is fragmented or longer than 125 bytes, a continuation of
 * nothing or a new message within one, a close frame of one byte or with a code that may not be
 * sent. 1007: a text or a close's reason that is no UTF-8, a damaged compressed message. 1009: a
 * message beyond the limit, by its frames' lengths, before they are read; a compressed one while
 * it is inflated. */
#ifndef NET_WS_H
#define NET_WS_H

#include "net/http.h"

enum { WS_ACCEPT_CHARS = 28, WS_CONTROL_BYTES = 125, WS_HEAD_BYTES = 14 };

enum ws_code {
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL = 1002,
	WS_UNSUPPORTED = 1003,
	WS_NO_CODE = 1005, /* a close without a code; never sent */
	WS_NOT_UTF8 = 1007,
	WS_POLICY = 1008,
	WS_TOO_LARGE = 1009,
	WS_INTERNAL = 1011,
	WS_TRY_LATER = 1013
};

enum ws_opcode { WS_MORE = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* ---- the handshake */
/* The answer to Sec-WebSocket-Extensions: it is agreed on permessage-deflate; NULL: on nothing.
 * An offer that asks for a smaller window of ours is passed over: a frame is compressed once for
 * all clients. */
const char *ws_agree(const struct http_request *req);

/* 101: the request asks for WebSocket as it should, accept is what Sec-WebSocket-Accept has to
 * say. Else the status of the refusal: 426 for another version (Sec-WebSocket-Version: 13, Upgrade:
 * websocket), 400. */
unsigned ws_handshake(const struct http_request *req, char accept[WS_ACCEPT_CHARS + 1]);

/* Whether it is one at all: a GET with Upgrade: websocket. */
bool ws_wanted(const struct http_request *req);

/* ---- reading */
struct inflate;

/* {.most = bytes of a message} at the start, and .inflate (INFLATE_MESSAGE, borrowed; connections
 * may share it) where it is agreed on compression. */
struct ws {
	size_t most;
	struct inflate *inflate;
	struct buf message;        /* of a data message: its bytes so far, unmasked */
	struct buf control;        /* of a control frame */
	enum ws_opcode kind;       /* of the message; WS_MORE: none is begun */
	enum ws_opcode frame_kind; /* of the frame */
	bool final;                /* it is its message's last */
	bool packed;               /* the message is compressed */
	struct buf text;           /* of a compressed message */
	bool in_frame;             /* its head was read */
	uint64_t left;             /* bytes of the frame that have not come */
	uint8_t head[WS_HEAD_BYTES], mask[4];
	unsigned head_bytes, mask_at;
};
void ws_fini(struct ws *w);

enum ws_event {
	WS_NEED_MORE, /* *in is used up */
	WS_MESSAGE,   /* *kind (WS_TEXT, WS_BINARY) and *payload */
	WS_PINGED,    /* *payload is to be sent back (ws_frame, WS_PONG) */
	WS_PONGED,
	WS_CLOSED, /* *code is the client's, *payload its reason; answer ws_close of that code */
	WS_FAILED  /* close with *code; nothing more is to be read */
};

/* Takes bytes off *in, up to the end of the next message or control frame. *payload is valid until
 * the next call. */
enum ws_event ws_take(struct ws *w, struct slice *in, enum ws_opcode *kind, struct slice *payload,
		      unsigned *code);

/* ---- writing */
/* Adds one whole frame. */
void ws_frame(struct buf *out, enum ws_opcode opcode, struct slice payload);
/* The same of a message that is compressed (deflate.h), for who has agreed on it. */
void ws_frame_packed(struct buf *out, enum ws_opcode opcode, struct slice packed);
/* Adds a close frame; WS_NO_CODE: without a code. reason: cut at 123 bytes, at a character. */
void ws_close(struct buf *out, unsigned code, const char *reason);

/* XORs n bytes with the mask, whose byte `at` (0 to 3) comes first. */
void ws_mask(char *p, size_t n, const uint8_t mask[4], unsigned at);

#endif
