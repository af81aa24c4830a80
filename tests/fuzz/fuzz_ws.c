/* Frames in one piece and in pieces: the same events, messages within the limit, texts UTF-8. The
 * first byte is the pieces' size, the second the limit; an odd one agrees on compression. */
#include "fuzz.h"

#include "io/inflate.h"
#include "net/ws.h"

static struct inflate *inflate; /* NULL: no compression */

static void read_all(struct slice in, size_t step, size_t most, struct buf *told)
{
	struct ws w = { .most = most, .inflate = inflate };
	enum ws_event event = WS_NEED_MORE;

	for (size_t at = 0; at < in.n && event != WS_FAILED && event != WS_CLOSED;) {
		size_t n = in.n - at < step ? in.n - at : step;
		struct slice piece = slice(in.p + at, n);
		do {
			enum ws_opcode kind = WS_MORE;
			struct slice payload = slice(NULL, 0);
			unsigned code = 0;
			event = ws_take(&w, &piece, &kind, &payload, &code);
			MUST(event != WS_MESSAGE || payload.n <= most);
			MUST(event != WS_MESSAGE || kind == WS_BINARY ||
			     (kind == WS_TEXT && str_utf8(payload.p, payload.n)));
			MUST((event != WS_PINGED && event != WS_CLOSED) || payload.n <= 125);
			MUST((event == WS_FAILED || event == WS_CLOSED) == (code >= 1000));
			if (event == WS_FAILED)
				payload.n = 0;
			if (event != WS_NEED_MORE)
				buf_printf(told, "%d %d %u %zu ", event, kind, code, payload.n);
			if (event != WS_NEED_MORE)
				buf_adds(told, payload);
		} while (event != WS_NEED_MORE && event != WS_FAILED && event != WS_CLOSED);
		MUST(event != WS_NEED_MORE || piece.n == 0);
		at += n;
	}
	ws_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice((const char *)data, n);
	size_t step = 1 + fuzz_byte(&in), limit = fuzz_byte(&in), most = 4 * limit;
	struct buf whole = { 0 }, pieces = { 0 };

	inflate = limit % 2 ? inflate_new(INFLATE_MESSAGE) : NULL;
	read_all(in, in.n ? in.n : 1, most, &whole);
	read_all(in, step, most, &pieces);
	MUST(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	inflate_free(inflate);
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
