/* A state a byte for the lines between the chunks, which are short; the bytes of a chunk go
 * through as a slice. Nothing is kept of lines, so that a body that comes byte by byte needs no
 * memory besides its own.
 *
 *   SIZE -> EXTENSION? -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ..
 *                            size 0: -> TRAILER -> NAME -> VALUE -> VALUE_LF -> TRAILER ..
 *                                          -> LAST_LF -> DONE
 * A body of Content-Length is WHOLE -> DONE, one that ends by itself OPEN. */
#include "net/http_body.h"

#include "base/err.h"
#include "io/inflate.h"

enum {
	WHOLE,
	OPEN,
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	NAME,
	VALUE,
	VALUE_LF,
	LAST_LF,
	DONE
};

enum { SIZE_DIGITS = 16 };

static const struct http_fault long_body = { 413, "body-too-large",
					     "the body is longer than is allowed here" };
static const struct http_fault bad_chunk = { 400, "malformed-body",
					     "the body is not well-formed chunks" };
static const struct http_fault bad_trailer = { 400, "malformed-body",
					       "the trailer is not well-formed fields" };
static const struct http_fault long_trailer = { 431, "head-too-large",
						"the trailer is longer than 16384 bytes" };
static const struct http_fault damaged = { 400, "malformed-body",
					   "the body is not what Content-Encoding says" };

static struct inflate *inflate_of(enum http_coding coding)
{
	switch (coding) {
	case HTTP_GZIP:
		return inflate_new(INFLATE_GZIP);
	case HTTP_ZSTD:
		return inflate_new(INFLATE_ZSTD);
	case HTTP_DEFLATE:
		return inflate_new(INFLATE_ZLIB);
	default:
		return NULL;
	}
}

const struct http_fault *http_body_init(struct http_body *b, const struct http_head *head,
					size_t most)
{
	*b = (struct http_body){ .state = head->chunked ? SIZE : WHOLE, .most = most };
	if (head->coding == HTTP_CODING_UNKNOWN)
		BUG("a body of unknown coding");
	if (head->has_length && head->length > most)
		return &long_body;
	b->left = head->has_length ? head->length : 0;
	if (b->left == 0 && !head->chunked)
		b->state = DONE;
	else
		b->inflate = inflate_of(head->coding);
	return NULL;
}

void http_body_open(struct http_body *b, enum http_coding coding, size_t most)
{
	*b = (struct http_body){ .state = OPEN, .most = most, .inflate = inflate_of(coding) };
}

void http_body_fini(struct http_body *b)
{
	inflate_free(b->inflate);
	b->inflate = NULL;
}

/* ---- bytes of the body */
static const struct http_fault *add_piece(struct http_body *b, struct slice piece, struct buf *out)
{
	b->raw += piece.n;
	if (!b->inflate) {
		buf_adds(out, piece);
		return NULL;
	}
	switch (inflate_add(b->inflate, piece, b->most, out)) {
	case INFLATE_OK:
		return NULL;
	case INFLATE_LONG:
		return &long_body;
	default:
		return &damaged;
	}
}

static const struct http_fault *take_open(struct http_body *b, struct slice *in, struct buf *out)
{
	struct slice piece = *in;

	*in = slice(in->p + in->n, 0);
	return piece.n > b->most - b->raw ? &long_body : add_piece(b, piece, out);
}

const struct http_fault *http_body_end(struct http_body *b)
{
	b->state = DONE;
	return b->inflate && b->raw && inflate_end(b->inflate) != INFLATE_OK ? &damaged : NULL;
}

static const struct http_fault *take_data(struct http_body *b, struct slice *in, struct buf *out,
					  int next)
{
	size_t n = in->n < b->left ? in->n : (size_t)b->left;
	const struct http_fault *fault = add_piece(b, slice(in->p, n), out);

	b->left -= n;
	*in = slice(in->p + n, in->n - n);
	if (!b->left)
		b->state = next;
	return fault;
}

/* ---- lines between chunks */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const struct http_fault *take_size(struct http_body *b, char c)
{
	int digit = hex_value(c);

	if (digit >= 0) {
		b->left = b->left << 4 | (unsigned)digit;
		return ++b->digits > SIZE_DIGITS ? &bad_chunk : NULL;
	}
	if (!b->digits || (c != '\r' && c != ';'))
		return &bad_chunk;
	b->state = c == ';' ? EXTENSION : SIZE_LF;
	b->extensions += c == ';';
	return b->left > b->most - b->raw ? &long_body : NULL;
}

static const struct http_fault *take_extension(struct http_body *b, char c)
{
	if (c == '\r')
		b->state = SIZE_LF;
	else if (!http_is_value(c) || ++b->extensions > HTTP_EXTENSION_BYTES)
		return &bad_chunk;
	return NULL;
}

/* The byte must be `want`; then the state is `next`. */
static const struct http_fault *take_mark(struct http_body *b, char c, char want, int next)
{
	b->state = next;
	return c == want ? NULL : &bad_chunk;
}

static const struct http_fault *take_trailer(struct http_body *b, char c)
{
	if (++b->trailer > HTTP_TRAILER_BYTES)
		return &long_trailer;
	if (c == '\r' && b->state != NAME) {
		b->state = b->state == TRAILER ? LAST_LF : VALUE_LF;
		return NULL;
	}
	if (b->state == VALUE)
		return http_is_value(c) ? NULL : &bad_trailer;
	if (c == ':' && b->state == NAME) {
		b->state = VALUE;
		return NULL;
	}
	b->state = NAME;
	return http_is_token(c) ? NULL : &bad_trailer;
}

static const struct http_fault *take_byte(struct http_body *b, char c)
{
	switch (b->state) {
	case SIZE:
		return take_size(b, c);
	case EXTENSION:
		return take_extension(b, c);
	case SIZE_LF:
		b->digits = 0;
		return take_mark(b, c, '\n', b->left ? DATA : TRAILER);
	case DATA_CR:
		return take_mark(b, c, '\r', DATA_LF);
	case DATA_LF:
		return take_mark(b, c, '\n', SIZE);
	case VALUE_LF:
		return take_mark(b, c, '\n', TRAILER);
	case LAST_LF:
		return take_mark(b, c, '\n', DONE);
	default:
		return take_trailer(b, c);
	}
}

enum http_body_state http_body_take(struct http_body *b, struct slice *in, struct buf *out,
				    const struct http_fault **fault)
{
	*fault = NULL;
	while (in->n && b->state != DONE && !*fault) {
		if (b->state == OPEN) {
			*fault = take_open(b, in, out);
		} else if (b->state == WHOLE || b->state == DATA) {
			*fault = take_data(b, in, out, b->state == WHOLE ? DONE : DATA_CR);
		} else {
			*fault = take_byte(b, *in->p);
			*in = slice(in->p + 1, in->n - 1);
		}
	}
	if (!*fault && b->state == DONE && b->inflate && b->raw &&
	    inflate_end(b->inflate) != INFLATE_OK)
		*fault = &damaged;
	if (*fault)
		return HTTP_BODY_FAULT;
	return b->state == DONE ? HTTP_BODY_END : HTTP_BODY_MORE;
}

uint64_t http_body_direct(const struct http_body *b)
{
	return b->state == WHOLE && !b->inflate ? b->left : 0;
}

enum http_body_state http_body_took(struct http_body *b, size_t n)
{
	b->left -= n;
	b->raw += n;
	if (!b->left)
		b->state = DONE;
	return b->left ? HTTP_BODY_MORE : HTTP_BODY_END;
}
