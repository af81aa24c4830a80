/* A body in one piece and in pieces: the same verdict, the same bytes, the same rest, never more
 * than the limit. The first byte says framing and coding, the second the pieces' size, the third
 * the limit. */
#include "fuzz.h"

#include "net/http_body.h"

struct outcome {
	unsigned status; /* 0: taken, 1: more is needed */
	size_t rest;
	struct buf out;
};

static void read_body(const struct http_head *head, size_t most, struct slice in, size_t step,
		      struct outcome *o)
{
	struct http_body b;
	const struct http_fault *fault = http_body_init(&b, head, most);
	enum http_body_state state = fault ? HTTP_BODY_FAULT : HTTP_BODY_MORE;
	size_t at = 0;

	do {
		size_t n = in.n - at < step ? in.n - at : step;
		struct slice piece = slice(in.p + at, n);
		if (state == HTTP_BODY_MORE)
			state = http_body_take(&b, &piece, &o->out, &fault);
		MUST(piece.n <= n && (state != HTTP_BODY_MORE || piece.n == 0));
		at += n - piece.n;
	} while (state == HTTP_BODY_MORE && at < in.n);
	MUST((state == HTTP_BODY_FAULT) == (fault != NULL));
	MUST(o->out.n <= most);
	o->rest = in.n - at;
	o->status = fault ? fault->status : state != HTTP_BODY_END;
	http_body_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice((const char *)data, n);
	unsigned kind = fuzz_byte(&in), step = 1 + fuzz_byte(&in), limit = fuzz_byte(&in);
	struct http_head head = { .coding = (enum http_coding)(kind / 2 % HTTP_CODING_UNKNOWN),
				  .chunked = kind & 1,
				  .has_length = !(kind & 1),
				  .length = in.n - (kind >> 4 && in.n) };
	struct outcome whole = { 0 }, pieces = { 0 };
	size_t most = limit * limit;

	if (head.chunked)
		head.length = 0;
	read_body(&head, most, in, in.n ? in.n : 1, &whole);
	read_body(&head, most, in, step, &pieces);
	/* A library may see damage before it gives out the text that is too long. */
	MUST(whole.status == pieces.status || (whole.status > 1 && pieces.status > 1));
	if (whole.status == 0)
		MUST(whole.rest == pieces.rest &&
		     slice_eq(buf_slice(&whole.out), buf_slice(&pieces.out)));
	if (whole.status == 0 && !head.chunked && head.coding == HTTP_PLAIN)
		MUST(whole.out.n == head.length);
	buf_fini(&whole.out);
	buf_fini(&pieces.out);
	return 0;
}
