/* WebSocket: the handshake, frames in any pieces, what is refused with which code, what is sent. */
#include "net/ws.h"

#include <stdlib.h>

#include "base/sha1.h"
#include "io/deflate.h"
#include "io/inflate.h"
#include "tap.h"

static struct inflate *inflate; /* NULL: no compression is agreed on */
static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

/* A client's frame; first: FIN, RSV and opcode. */
static void add_frame(struct buf *out, unsigned first, const char *p, size_t n)
{
	buf_addc(out, (char)first);
	if (n < 126) {
		buf_addc(out, (char)(0x80 | n));
	} else if (n < 65536) {
		buf_addc(out, (char)(0x80 | 126));
		buf_addc(out, (char)(n >> 8));
		buf_addc(out, (char)n);
	} else {
		buf_addc(out, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			buf_addc(out, (char)((uint64_t)n >> 8 * i));
	}
	buf_add(out, mask, 4);
	buf_add(out, p, n);
	ws_mask(out->p + out->n - n, n, mask, 0);
}

/* All events as text: "t(hello) p() c1000(bye) !1002". */
static void read_all(struct slice in, size_t step, size_t most, struct buf *told)
{
	struct ws w = { .most = most, .inflate = inflate };
	enum ws_event event = WS_NEED_MORE;

	told->n = 0;
	for (size_t at = 0; at < in.n && event != WS_FAILED && event != WS_CLOSED;) {
		size_t n = in.n - at < step ? in.n - at : step;
		char *copy = malloc(n + 1);
		memcpy(copy, in.p + at, n);
		struct slice piece = slice(copy, n), payload = slice(NULL, 0);
		do {
			enum ws_opcode kind = WS_MORE;
			unsigned code = 0;
			event = ws_take(&w, &piece, &kind, &payload, &code);
			if (event == WS_MESSAGE)
				buf_addc(told, kind == WS_TEXT ? 't' : 'b');
			else if (event == WS_PINGED || event == WS_PONGED)
				buf_addc(told, event == WS_PINGED ? 'p' : 'q');
			else if (event != WS_NEED_MORE)
				buf_printf(told, "%c%u", event == WS_CLOSED ? 'c' : '!', code);
			if (event != WS_NEED_MORE && event != WS_FAILED)
				buf_printf(told, "(%.*s) ", (int)(payload.n < 20 ? payload.n : 0),
					   payload.p);
		} while (event != WS_NEED_MORE && event != WS_FAILED && event != WS_CLOSED);
		at += n;
		free(copy);
	}
	ws_fini(&w);
}

static void check(const char *name, struct buf *frames, const char *want)
{
	struct buf told = { 0 };

	for (size_t step = 1; step < 100000; step = 3 * step + 1) {
		read_all(buf_slice(frames), step, 1000, &told);
		is_bytes(told.p, told.n, want, name);
	}
	frames->n = 0;
	buf_fini(&told);
}

static void test_frames(void)
{
	char long_text[1001];
	struct buf f = { 0 };

	memset(long_text, 'x', sizeof(long_text));
	add_frame(&f, 0x81, "hello", 5);
	add_frame(&f, 0x82, "", 0);
	add_frame(&f, 0x89, "a", 1);
	add_frame(&f, 0x8a, "", 0);
	add_frame(&f, 0x81, "\xc3\xa4", 2);
	check("messages", &f, "t(hello) b() p(a) q() t(\xc3\xa4) ");
	add_frame(&f, 0x01, "hel\xc3", 4);
	add_frame(&f, 0x89, "a", 1);
	add_frame(&f, 0x00, "", 0);
	add_frame(&f, 0x80, "\xa4", 1);
	add_frame(&f, 0x82, "b", 1);
	check("fragments, a ping among them", &f, "p(a) t(hel\xc3\xa4) b(b) ");
	add_frame(&f, 0x81, long_text, 1000);
	add_frame(&f, 0x82, long_text, 126);
	check("as long as may be", &f, "t() b() ");
	add_frame(&f, 0x81, long_text, 1001);
	check("longer", &f, "!1009");
	add_frame(&f, 0x01, long_text, 600);
	add_frame(&f, 0x80, long_text, 401);
	check("longer in fragments", &f, "!1009");
	buf_add(&f, "\x81\xff\x00\x00\x00\x00\xff\xff\xff\xff", 10);
	buf_add(&f, mask, 4);
	check("much longer", &f, "!1009");
	add_frame(&f, 0x88, "", 0);
	check("close", &f, "c1005() ");
	add_frame(&f, 0x88,
		  "\x03\xe8"
		  "bye",
		  5);
	add_frame(&f, 0x81, "late", 4);
	check("close with a reason; nothing behind it is read", &f, "c1000(bye) ");
	add_frame(&f, 0x88, "\x0f\xa0", 2);
	check("close with a code of one's own", &f, "c4000() ");
	buf_fini(&f);
}

static void test_refused(void)
{
	static const struct {
		const char *name;
		unsigned first;
		const char *payload;
		size_t n;
		const char *want;
	} one[] = {
		{ "RSV1", 0xc1, "a", 1, "!1002" },
		{ "RSV2", 0xa1, "a", 1, "!1002" },
		{ "RSV3", 0x91, "a", 1, "!1002" },
		{ "opcode 3", 0x83, "a", 1, "!1002" },
		{ "opcode 7", 0x87, "a", 1, "!1002" },
		{ "opcode 11", 0x8b, "a", 1, "!1002" },
		{ "opcode 15", 0x8f, "a", 1, "!1002" },
		{ "a continuation of nothing", 0x80, "a", 1, "!1002" },
		{ "a ping in fragments", 0x09, "a", 1, "!1002" },
		{ "a close in fragments", 0x08, "", 0, "!1002" },
		{ "a close of one byte", 0x88, "\x03", 1, "!1002" },
		{ "a close of 0", 0x88, "\x00\x00", 2, "!1002" },
		{ "a close of 999", 0x88, "\x03\xe7", 2, "!1002" },
		{ "a close of 1004", 0x88, "\x03\xec", 2, "!1002" },
		{ "a close of 1005", 0x88, "\x03\xed", 2, "!1002" },
		{ "a close of 1006", 0x88, "\x03\xee", 2, "!1002" },
		{ "a close of 1015", 0x88, "\x03\xf7", 2, "!1002" },
		{ "a close of 2999", 0x88, "\x0b\xb7", 2, "!1002" },
		{ "a close of 5000", 0x88, "\x13\x88", 2, "!1002" },
		{ "a close's reason", 0x88, "\x03\xe8\xff", 3, "!1007" },
		{ "no UTF-8", 0x81, "\xff", 1, "!1007" },
		{ "half a character", 0x81, "a\xc3", 2, "!1007" },
		{ "a surrogate", 0x81, "\xed\xa0\x80", 3, "!1007" },
	};
	static const struct {
		const char *name, *bytes;
		size_t n;
	} raw[] = {
		{ "no mask",
		  "\x81\x01"
		  "a",
		  3 },
		{ "a ping of 126", "\x89\xfe\x00\x7e", 4 },
		{ "125 in two bytes", "\x81\xfe\x00\x7d\x00\x00\x00\x00", 8 },
		{ "65,535 in eight bytes", "\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14 },
		{ "a negative length", "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14 },
	};
	struct buf f = { 0 };

	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		add_frame(&f, one[i].first, one[i].payload, one[i].n);
		check(one[i].name, &f, one[i].want);
	}
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		buf_add(&f, raw[i].bytes, raw[i].n);
		check(raw[i].name, &f, "!1002");
	}
	add_frame(&f, 0x01, "a", 1);
	add_frame(&f, 0x81, "b", 1);
	check("a message within one", &f, "!1002");
	buf_fini(&f);
}

/* Vectors of RFC 7692 section 7.2.3, and what must not be. */
static void test_packed(void)
{
	static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07";
	static const char final_block[] = "\xf3\x48\xcd\xc9\xc9\x07\x00";
	static const char stored[] = "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f";
	static const char two_blocks[] = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07";
	struct buf f = { 0 }, packed = { 0 };
	struct deflate *d = deflate_new();
	char text[1100];

	inflate = inflate_new(INFLATE_MESSAGE);
	add_frame(&f, 0xc1, hello, 7);
	add_frame(&f, 0xc1, final_block, 8);
	add_frame(&f, 0xc1, stored, 11);
	add_frame(&f, 0xc1, two_blocks, 13);
	add_frame(&f, 0x81, "plain", 5);
	check("compressed", &f, "t(Hello) t(Hello) t(Hello) t(Hello) t(plain) ");
	add_frame(&f, 0x41, hello, 3);
	add_frame(&f, 0x89, "a", 1);
	add_frame(&f, 0x80, hello + 3, 4);
	add_frame(&f, 0x01, "no", 2);
	add_frame(&f, 0x80, "ne", 2);
	check("in fragments", &f, "p(a) t(Hello) t(none) ");
	add_frame(&f, 0xc1, "\0", 1);
	check("empty", &f, "t() ");
	add_frame(&f, 0x01, "a", 1);
	add_frame(&f, 0xc0, hello, 7);
	check("said by a later frame", &f, "!1002");
	add_frame(&f, 0xc9, "a", 1);
	check("a compressed ping", &f, "!1002");
	add_frame(&f, 0xe1, hello, 7);
	check("RSV2", &f, "!1002");
	add_frame(&f, 0xc1, hello, 4);
	check("cut", &f, "!1007");
	add_frame(&f, 0xc1, "\xff\xff\xff", 3);
	check("damaged", &f, "!1007");
	memset(text, 'a', sizeof(text));
	deflate_message(d, slice(text, 1000), &packed);
	add_frame(&f, 0xc1, packed.p, packed.n);
	check("as long as may be", &f, "t() ");
	packed.n = 0;
	deflate_message(d, slice(text, 1001), &packed);
	add_frame(&f, 0xc1, packed.p, packed.n);
	check("longer when inflated", &f, "!1009");
	packed.n = 0;
	deflate_message(d, slice("\xff\xfe", 2), &packed);
	add_frame(&f, 0xc1, packed.p, packed.n);
	check("not UTF-8", &f, "!1007");
	packed.n = 0;
	deflate_message(d, slice("Hello", 5), &packed);
	ok(packed.n == 7 && memcmp(packed.p, hello, 7) == 0,
	   "what is compressed is the RFC's example");
	packed.n = 0;
	deflate_message(d, slice("", 0), &packed);
	ok(packed.n == 1 && packed.p[0] == 0, "and nothing is one byte");
	inflate_free(inflate);
	inflate = NULL;
	deflate_free(d);
	buf_fini(&packed);
	buf_fini(&f);
}

static void test_agree(void)
{
	static const char agreed[] = "permessage-deflate; server_no_context_takeover; "
				     "client_no_context_takeover";
	static const struct {
		const char *offer;
		bool is_agreed;
	} offers[] = {
		{ "permessage-deflate", true },
		{ "permessage-deflate; client_max_window_bits", true },
		{ "permessage-deflate;client_max_window_bits=9", true },
		{ "permessage-deflate; client_max_window_bits=\"15\"", true },
		{ "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		  true },
		{ "permessage-deflate; server_max_window_bits=10, permessage-deflate", true },
		{ "x-webkit-deflate-frame, permessage-deflate", true },
		{ "permessage-deflate; server_max_window_bits=10", false },
		{ "permessage-deflate; server_max_window_bits", false },
		{ "permessage-deflate; client_max_window_bits=7", false },
		{ "permessage-deflate; client_max_window_bits=16", false },
		{ "permessage-deflate; client_max_window_bits=", false },
		{ "permessage-deflate; server_no_context_takeover=1", false },
		{ "permessage-deflate; client_max_window_bits; client_max_window_bits", false },
		{ "permessage-deflate; unknown", false },
		{ "permessage-deflat", false },
		{ ",", false },
		{ "", false },
	};
	struct http_request req = { .method = HTTP_GET };

	ok(!ws_agree(&req), "nothing is offered");
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		const struct http_field f[] = { { slice_z("Host"), slice_z("a") },
						{ slice_z("sec-websocket-extensions"),
						  slice_z(offers[i].offer) } };
		req.fields = f;
		req.n_fields = 2;
		const char *got = ws_agree(&req);
		ok(offers[i].is_agreed ? got && strcmp(got, agreed) == 0 : !got, "%s",
		   offers[i].offer);
	}
	const struct http_field f = { slice_z("Sec-WebSocket-Extensions"),
				      slice_z("permessage-deflate; server_max_window_bits=15") };
	req.fields = &f;
	req.n_fields = 1;
	ok(ws_agree(&req) && strstr(ws_agree(&req), "; server_max_window_bits=15"), "15 is said");
}

static void test_sent(void)
{
	static const size_t lengths[] = { 0, 125, 126, 65535, 65536 };
	static const size_t heads[] = { 2, 2, 4, 4, 10 };
	char *text = calloc(1, 65536);
	struct buf out = { 0 };
	char reason[200];

	for (size_t i = 0; i < 5; i++) {
		out.n = 0;
		ws_frame(&out, WS_BINARY, slice(text, lengths[i]));
		ok(out.n == heads[i] + lengths[i] && (uint8_t)out.p[0] == 0x82, "%zu bytes",
		   lengths[i]);
	}
	out.n = 0;
	ws_close(&out, WS_GOING_AWAY, "bye");
	ok(out.n == 7 && memcmp(out.p,
				"\x88\x05\x03\xe9"
				"bye",
				7) == 0,
	   "close");
	memset(reason, 'a', sizeof(reason));
	memcpy(reason + 122, "\xc3\xa4", 3);
	out.n = 0;
	ws_close(&out, WS_NORMAL, reason);
	is_int(out.n, 2 + 2 + 122, "a long reason is cut at a character");
	out.n = 0;
	ws_close(&out, WS_NO_CODE, "");
	ok(out.n == 2 && memcmp(out.p, "\x88\0", 2) == 0, "close without a code");
	buf_fini(&out);
	free(text);
}

static void test_handshake(void)
{
	static const struct {
		enum http_method method;
		const char *upgrade, *connection, *version, *key;
		unsigned status;
	} asks[] = {
		{ HTTP_GET, "websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==", 101 },
		{ HTTP_GET, "h2c, WebSocket", "keep-alive, upgrade", "13",
		  "dGhlIHNhbXBsZSBub25jZQ==", 101 },
		{ HTTP_POST, "websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==", 400 },
		{ HTTP_GET, "h2c", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==", 400 },
		{ HTTP_GET, "websocket", "close", "13", "dGhlIHNhbXBsZSBub25jZQ==", 400 },
		{ HTTP_GET, "websocket", "Upgrade", "8", "dGhlIHNhbXBsZSBub25jZQ==", 426 },
		{ HTTP_GET, "websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25j", 400 },
		{ HTTP_GET, "websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ", 400 },
		{ HTTP_GET, "websocket", "Upgrade", "13", "", 400 },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		char accept[WS_ACCEPT_CHARS + 1] = "";
		const struct http_field f[] = {
			{ slice_z("Upgrade"), slice_z(asks[i].upgrade) },
			{ slice_z("Connection"), slice_z(asks[i].connection) },
			{ slice_z("Sec-WebSocket-Version"), slice_z(asks[i].version) },
			{ slice_z("Sec-WebSocket-Key"), slice_z(asks[i].key) },
		};
		struct http_request req = {
			.method = asks[i].method, .fields = f, .n_fields = 4, .upgrade = true
		};
		is_int(ws_handshake(&req, accept), asks[i].status, asks[i].upgrade);
		if (asks[i].status == 101)
			is_str(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455's example");
	}
}

static void test_sha1(void)
{
	static const struct {
		size_t n;
		const char *hex;
	} sums[] = {
		{ 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ 1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" },
		{ 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
		{ 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
		{ 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
		{ 1000, "291e9a6c66994949b57ba5e650361e98fc36b1ba" },
	};
	char text[1000];
	struct buf hex = { 0 };

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		uint8_t out[SHA1_BYTES];
		sha1(text, sums[i].n, out);
		hex.n = 0;
		buf_hex(&hex, out, sizeof(out));
		is_bytes(hex.p, hex.n, sums[i].hex, "SHA-1");
	}
	buf_fini(&hex);
}

int main(void)
{
	test_sha1();
	test_handshake();
	test_frames();
	test_refused();
	test_packed();
	test_agree();
	test_sent();
	return done();
}
