/* Compressed streams: whatever they hold, the text and the error do not depend on how the stream is
 * fed, nor on how much text is asked for at a time. The first byte of the input says how. What is
 * not compressed has no decoder. */
#include "fuzz.h"

#include <string.h>

#include "io/decoder.h"

enum { TEXT_MOST = 1 << 20 /* a bomb is cut there */ };

/* Up to TEXT_MOST bytes of text into out. The error's code; 0: none. */
static int decode(struct slice s, size_t step, size_t most, struct buf *out)
{
	struct decoder *d = decoder_new(s.p, s.n < DECODER_MARK_BYTES ? s.n : DECODER_MARK_BYTES,
					"f", NULL);
	struct err err = ERR_INIT;
	bool ended = false;

	while (out->n < TEXT_MOST) {
		size_t n = TEXT_MOST - out->n < most ? TEXT_MOST - out->n : most;
		ssize_t k = decoder_read(d, buf_room(out, n), n, &err);

		MUST(k <= (ssize_t)n);
		MUST((k < 0) == (err.code != 0));
		if (k < 0 || (k == 0 && ended))
			break;
		out->n += (size_t)k;
		if (k > 0)
			continue;
		n = s.n < step ? s.n : step;
		ended = n == 0;
		if (n)
			memcpy(decoder_room(d), s.p, n);
		decoder_filled(d, n);
		s = slice(s.p + n, s.n - n);
	}
	decoder_free(d);
	return err.code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = slice((const char *)data, n);
	unsigned how = fuzz_byte(&s);
	struct buf whole = { 0 }, pieces = { 0 };
	int code;

	if (decoder_look(s.p, s.n) != DECODER_PACKED)
		return 0;
	code = decode(s, DECODER_ROOM_BYTES, TEXT_MOST, &whole);
	MUST(code == 0 || code == EX_DATAERR);
	MUST(decode(s, 1 + how % 16, how / 16 ? 1 + (how / 16 << how % 8) : TEXT_MOST, &pieces) ==
	     code);
	MUST(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
