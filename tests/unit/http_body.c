/* Bodies: framing with all that is refused, in one piece and byte by byte; codings and limits. */
#include "net/http_body.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "tap.h"

/* Reads a body `step` bytes at a time. 0: taken, the body is in out, *rest bytes stand behind it;
 * 1: more is needed; else the status. */
static unsigned read_body(const struct http_head *head, size_t most, struct slice in, size_t step,
			  struct buf *out, size_t *rest)
{
	struct http_body b;
	const struct http_fault *fault = http_body_init(&b, head, most);
	enum http_body_state state = fault ? HTTP_BODY_FAULT : HTTP_BODY_MORE;
	size_t at = 0;

	out->n = 0;
	do {
		size_t n = in.n - at < step ? in.n - at : step;
		char *copy = malloc(n + 1);
		memcpy(copy, in.p + at, n);
		struct slice piece = slice(copy, n);
		if (!fault)
			state = http_body_take(&b, &piece, out, &fault);
		at += n - piece.n;
		free(copy);
	} while (state == HTTP_BODY_MORE && at < in.n);
	*rest = in.n - at;
	http_body_fini(&b);
	return fault ? fault->status : state == HTTP_BODY_END ? 0 : 1;
}

static const struct {
	unsigned status;
	const char *name, *in, *body;
	size_t rest;
} chunked[] = {
	{ 0, "a chunk", "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
	{ 0, "no body", "0\r\n\r\n", "", 0 },
	{ 0, "two chunks and a request", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET", "hello!", 3 },
	{ 0, "digits of either case", "A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n",
	  "01234567890123456789", 0 },
	{ 0, "an extension", "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "hello", 0 },
	{ 0, "a trailer", "0\r\nA: b\r\nC:\r\n\r\nG", "", 1 },
	{ 0, "zeros in front", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0 },
	{ 0, "CR LF within", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0 },
	{ 1, "cut in a size", "5", NULL, 0 },
	{ 1, "cut in a chunk", "5\r\nhel", NULL, 0 },
	{ 1, "cut before the end", "5\r\nhello\r\n0\r\n", NULL, 0 },
	{ 1, "cut in the trailer", "0\r\nA: b\r\n", NULL, 0 },
	{ 400, "0x5", "0x5\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "+5", "+5\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "-5", "-5\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "blank behind the size", "5 \r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "blank before the size", " 5\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "tab behind the size", "5\t\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "blank before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "underscore", "5_0\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "no size", "\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "an extension without a size", ";a\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 413, "16 digits", "ffffffffffffffff\r\nhello", NULL, 0 },
	{ 413, "a chunk too many", "5\r\nhello\r\nfffffffffffffffc\r\n", NULL, 0 },
	{ 400, "LF behind the size", "5\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "LF behind the chunk", "5\r\nhello\n0\r\n\r\n", NULL, 0 },
	{ 400, "CR behind the size", "5\rhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "CR CR LF", "5\r\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "a chunk longer than its size", "5\r\nhello!\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "a chunk shorter than its size", "5\r\nhell\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "a control byte in an extension", "5;a\x01\r\nhello\r\n0\r\n\r\n", NULL, 0 },
	{ 400, "LF at the end", "0\r\n\n", NULL, 0 },
	{ 400, "LF behind the last size", "0\n\r\n", NULL, 0 },
	{ 400, "a trailer with LF", "0\r\nA: b\n\r\n", NULL, 0 },
	{ 400, "a trailer without a colon", "0\r\nA\r\n\r\n", NULL, 0 },
	{ 400, "a trailer without a name", "0\r\n: b\r\n\r\n", NULL, 0 },
	{ 400, "a trailer with a blank", "0\r\nA : b\r\n\r\n", NULL, 0 },
	{ 400, "a trailer that is folded", "0\r\nA: b\r\n c\r\n\r\n", NULL, 0 },
	{ 400, "a request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", NULL, 0 },
};

static void test_chunked(void)
{
	static const struct http_head head = { .chunked = true };
	struct buf out = { 0 };
	size_t rest;

	for (size_t i = 0; i < sizeof(chunked) / sizeof(chunked[0]); i++) {
		for (size_t step = 1; step <= 1000; step *= 10) {
			struct slice in = slice_z(chunked[i].in);
			unsigned got = read_body(&head, 1 << 20, in, step, &out, &rest);
			ok(got == chunked[i].status &&
				   (got != 0 || (slice_is(buf_slice(&out), chunked[i].body) &&
						 rest == chunked[i].rest)),
			   "%s, %zu at a time: %u", chunked[i].name, step, chunked[i].status);
		}
	}
	buf_fini(&out);
}

static void test_length(void)
{
	static const struct http_head none = { 0 }, five = { .has_length = true, .length = 5 };
	static const struct http_head empty = { .has_length = true };
	static const struct http_head huge = { .has_length = true, .length = UINT64_MAX / 2 };
	struct buf out = { 0 };
	size_t rest;

	ok(read_body(&none, 0, slice_z("GET"), 3, &out, &rest) == 0 && rest == 3, "no body");
	ok(read_body(&empty, 0, slice_z("GET"), 1, &out, &rest) == 0 && rest == 3, "length 0");
	ok(read_body(&five, 5, slice_z("helloG"), 4, &out, &rest) == 0 && rest == 1 &&
		   slice_is(buf_slice(&out), "hello"),
	   "length 5");
	is_int(read_body(&five, 5, slice_z("hell"), 4, &out, &rest), 1, "one byte is missing");
	is_int(read_body(&five, 4, slice_z("hello"), 5, &out, &rest), 413, "one too many");
	is_int(read_body(&huge, 1 << 20, slice_z(""), 1, &out, &rest), 413, "very many");
	buf_fini(&out);
}

static unsigned limited(size_t most, const char *in)
{
	static const struct http_head head = { .chunked = true };
	struct buf out = { 0 };
	size_t rest;
	unsigned status = read_body(&head, most, slice_z(in), 3, &out, &rest);

	buf_fini(&out);
	return status;
}

static void test_limits(void)
{
	struct buf b = { 0 };

	is_int(limited(6, "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), 0, "just the limit");
	is_int(limited(5, "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), 413, "one byte beyond");
	is_int(limited(0, "0\r\n\r\n"), 0, "nothing is allowed, nothing comes");
	buf_addz(&b, "5;");
	for (int i = 0; i < HTTP_EXTENSION_BYTES - 1; i++)
		buf_addc(&b, 'a');
	buf_addz(&b, "\r\nhello\r\n0\r\n\r\n");
	is_int(limited(5, buf_z(&b)), 0, "the longest extension");
	b.n -= strlen("0\r\n\r\n");
	buf_addz(&b, "0;\r\n\r\n");
	is_int(limited(5, buf_z(&b)), 0, "a mark of one is nothing");
	b.n -= strlen("\r\n\r\n");
	buf_addz(&b, "a\r\n\r\n");
	is_int(limited(5, buf_z(&b)), 400, "a byte more in all");
	b.n = 0;
	buf_addz(&b, "0\r\n");
	for (int i = 0; i < HTTP_TRAILER_BYTES / 4; i++)
		buf_addz(&b, "A:\r\n");
	buf_addz(&b, "\r\n");
	is_int(limited(5, buf_z(&b)), 0, "a long trailer");
	b.n -= 2;
	for (int i = 0; i < HTTP_TRAILER_BYTES / 4; i++)
		buf_addz(&b, "A:\r\n");
	is_int(limited(5, buf_z(&b)), 431, "a longer one");
	buf_fini(&b);
}

/* ---- codings */
static void pack(enum http_coding coding, struct slice from, struct buf *to)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)from.p, .avail_in = (uInt)from.n };
	int window = coding == HTTP_GZIP ? 16 + MAX_WBITS : MAX_WBITS;

	if (coding == HTTP_ZSTD) {
		char *room = buf_room(to, ZSTD_compressBound(from.n));
		to->n += ZSTD_compress(room, ZSTD_compressBound(from.n), from.p, from.n, 3);
		return;
	}
	deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
	z.avail_out = (uInt)deflateBound(&z, from.n);
	z.next_out = (Bytef *)buf_room(to, z.avail_out);
	ok(deflate(&z, Z_FINISH) == Z_STREAM_END, "packed");
	to->n += z.total_out;
	deflateEnd(&z);
}

static unsigned unpack(enum http_coding coding, struct slice in, size_t most, size_t step,
		       struct buf *out)
{
	struct http_head head = { .has_length = true, .length = in.n, .coding = coding };
	size_t rest;

	return read_body(&head, most, in, step, out, &rest);
}

static void test_coding(enum http_coding coding)
{
	struct buf text = { 0 }, packed = { 0 }, out = { 0 };
	unsigned taken = 0;

	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "line %d\n", i * i % 1009);
	pack(coding, buf_slice(&text), &packed);
	for (size_t step = 1; step < 10 * packed.n; step *= 7)
		ok(unpack(coding, buf_slice(&packed), text.n, step, &out) == 0 &&
			   slice_eq(buf_slice(&out), buf_slice(&text)),
		   "%zu bytes of %zu at a time", step, packed.n);
	ok(unpack(coding, buf_slice(&packed), text.n - 1, packed.n, &out) == 413 &&
		   out.n == text.n - 1,
	   "one byte too long");
	for (size_t n = 1; n < packed.n; n += 1 + packed.n / 50)
		taken += unpack(coding, slice(packed.p, n), text.n, n, &out) == 0;
	is_int(taken, 0, "cut anywhere");
	buf_addz(&packed, "x");
	is_int(unpack(coding, buf_slice(&packed), text.n, packed.n, &out), 400, "more behind");
	is_int(unpack(coding, slice_z("no such thing"), 1 << 20, 5, &out), 400, "something else");
	is_int(unpack(coding, slice_z(""), 1 << 20, 5, &out), 0, "nothing");
	packed.n--;
	pack(coding, slice_z("more"), &packed);
	is_int(unpack(coding, buf_slice(&packed), 1 << 20, 100, &out), 0, "two of them");
	ok(out.n == text.n + 4 && memcmp(out.p + text.n, "more", 4) == 0, "one after the other");
	buf_fini(&text);
	buf_fini(&packed);
	buf_fini(&out);
}

/* 100 MB of zeros: read until the limit, never more. */
static void test_bomb(enum http_coding coding)
{
	struct buf packed = { 0 }, out = { 0 };
	char *zeros = calloc(1, 100000000);

	pack(coding, slice(zeros, 100000000), &packed);
	free(zeros);
	is_int(unpack(coding, buf_slice(&packed), 1 << 20, packed.n, &out), 413, "a bomb");
	ok(out.cap <= 2 << 20, "%zu bytes of memory", out.cap);
	buf_fini(&packed);
	buf_fini(&out);
}

/* A frame that asks for a window of 128 MiB. */
static void test_window(void)
{
	static const char frame[] = "\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00";
	struct buf out = { 0 };

	is_int(unpack(HTTP_ZSTD, slice(frame, 9), 1 << 20, 9, &out), 400, "a wide window");
	buf_fini(&out);
}

/* A body whose end is told: in pieces of one byte. cut: without its last byte. */
static unsigned read_open(enum http_coding coding, struct slice in, size_t most, bool cut)
{
	const struct http_fault *fault = NULL;
	struct buf out = { 0 };
	struct http_body b;

	http_body_open(&b, coding, most);
	for (size_t i = 0; i < in.n - cut && !fault; i++) {
		struct slice piece = slice(in.p + i, 1);
		ok(http_body_take(&b, &piece, &out, &fault) != HTTP_BODY_END, "it goes on");
	}
	if (!fault)
		fault = http_body_end(&b);
	http_body_fini(&b);
	if (!fault)
		ok(slice_is(buf_slice(&out), "hello"), "it is what was sent");
	buf_fini(&out);
	return fault ? fault->status : 0;
}

static void test_open(void)
{
	struct buf packed = { 0 };

	is_int(read_open(HTTP_PLAIN, slice_z("hello"), 5, false), 0, "an open body");
	is_int(read_open(HTTP_PLAIN, slice_z("hello"), 4, false), 413, "one byte beyond");
	pack(HTTP_GZIP, slice_z("hello"), &packed);
	is_int(read_open(HTTP_GZIP, buf_slice(&packed), 100, false), 0, "a packed one");
	is_int(read_open(HTTP_GZIP, buf_slice(&packed), 100, true), 400, "it is cut");
	is_int(read_open(HTTP_GZIP, buf_slice(&packed), 10, false), 413, "it is long as it comes");
	buf_fini(&packed);
}

int main(void)
{
	test_chunked();
	test_length();
	test_open();
	test_limits();
	test_coding(HTTP_GZIP);
	test_coding(HTTP_DEFLATE);
	test_coding(HTTP_ZSTD);
	test_bomb(HTTP_GZIP);
	test_bomb(HTTP_ZSTD);
	test_window();
	return done();
}
