/* Sixteen bytes a step, copied and looked at in one go. Where one of them needs care the step is
 * done again byte by byte, and the next one is fast again: most texts are plain, and those in other
 * scripts than Latin are not what a log is made of.
 *
 *   piece   GET /a?b=c&d=\xC3\xA9 ..
 *           `--- step ---'`- byte by byte'
 *
 * A byte needs care as a signed number below 32 (controls, all above 7F), as a quote and as a
 * backslash. Behind the end of a piece other bytes are copied along; they are written over. */
#include "text/quote.h"

typedef int8_t bytes16 __attribute__((vector_size(16)));
typedef char char16 __attribute__((vector_size(16)));

enum { STEP = 16 };

/* ---- one byte, or one escape */

static void put_code(struct text_out *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[32] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	if (c >= 0x20 && c != '"' && c != '\\') {
		*out->p++ = (char)c;
		return;
	}
	*out->p++ = '\\';
	if (c >= 0x20 || shorts[c]) {
		*out->p++ = c >= 0x20 ? (char)c : shorts[c];
		return;
	}
	TEXT_ADD(out, "u00");
	*out->p++ = hex[c >> 4];
	*out->p++ = hex[c & 15];
}

/* Bytes of the sequence that begins with this one; 0 for one that begins none. */
static size_t sequence_of(unsigned char lead)
{
	return lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static const char *put_sequence(struct text_out *out, const char *p, const char *end)
{
	size_t n = sequence_of((unsigned char)*p);

	if (n == 0 || n > (size_t)(end - p) || !str_utf8(p, n)) {
		out->bad = out->bad ? out->bad : p;
		return p + 1;
	}
	text_add(out, p, n);
	return p + n;
}

/* The byte that \xHH at p stands for, -1 where there is none. */
static int hex_escape(const char *p, const char *end)
{
	unsigned char c;

	if (end - p < 4 || p[0] != '\\' || p[1] != 'x' || str_unhex(slice(p + 2, 2), &c, 1))
		return -1;
	return c;
}

/* A run of \xHH that makes one character. Where it ends, NULL where they are none. */
static const char *put_hex(struct text_out *out, const char *p, const char *end)
{
	char text[4];
	int c = hex_escape(p, end);
	size_t n = c < 0 ? 0 : c < 0x80 ? 1 : sequence_of((unsigned char)c);

	for (size_t i = 0; i < n; i++) {
		if ((c = hex_escape(p + 4 * i, end)) < 0)
			return NULL;
		text[i] = (char)c;
	}
	if (n == 0 || (n > 1 && !str_utf8(text, n)))
		return NULL;
	if (n == 1)
		put_code(out, (unsigned char)text[0]);
	else
		text_add(out, text, n);
	return p + 4 * n;
}

/* What a letter behind a backslash stands for, 0: nothing. */
static char escape_of(char letter, enum text_form form)
{
	switch (letter) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case '\\':
		return '\\';
	case '"':
		return form == TEXT_TABBED ? 0 : '"';
	case '/':
		return form == TEXT_JSON ? '/' : 0;
	case 'b':
		return form == TEXT_JSON ? '\b' : 0;
	case 'f':
		return form == TEXT_JSON ? '\f' : 0;
	default:
		return 0;
	}
}

/* Four digits of a \u at p, -1 where there are none. */
static int unicode_escape(const char *p, const char *end)
{
	unsigned char c[2];

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || str_unhex(slice(p + 2, 4), c, 2))
		return -1;
	return c[0] << 8 | c[1];
}

/* JSON has the same escape, so it is written as it is: but half of a pair is none that a reader
 * takes. */
static const char *put_unicode(struct text_out *out, const char *p, const char *end)
{
	int c = unicode_escape(p, end);
	size_t n = 6;

	if (c < 0 || (c >= 0xdc00 && c < 0xe000))
		return NULL;
	if (c >= 0xd800 && c < 0xdc00) {
		int low = unicode_escape(p + 6, end);

		if (low < 0xdc00 || low > 0xdfff)
			return NULL;
		n = 12;
	}
	text_add(out, p, n);
	return p + n;
}

static const char *put_escape(struct text_out *out, const char *p, const char *end,
			      enum text_form form)
{
	const char *next = NULL;
	char c = 0;

	if (form != TEXT_RAW && form != TEXT_DOUBLED && end - p > 1)
		c = escape_of(p[1], form);
	if (c) {
		put_code(out, (unsigned char)c);
		return p + 2;
	}
	if (form == TEXT_ESCAPED)
		next = put_hex(out, p, end);
	else if (form == TEXT_JSON)
		next = put_unicode(out, p, end);
	if (!next)
		put_code(out, '\\');
	return next ? next : p + 1;
}

/* At least up to `to`. */
static const char *put_careful(struct text_out *out, const char *p, const char *to, const char *end,
			       enum text_form form)
{
	while (p < to) {
		unsigned char c = (unsigned char)*p;

		if (c == '\\') {
			p = put_escape(out, p, end, form);
		} else if (c >= 0x80) {
			p = put_sequence(out, p, end);
		} else {
			put_code(out, c);
			p += c == '"' && form == TEXT_DOUBLED ? 2 : 1;
		}
	}
	return p;
}

/* ---- a piece */

/* Does a byte among the first n need care? */
static inline bool needs_care(bytes16 v, size_t n)
{
	bytes16 care = (v < 0x20) | (v == '"') | (v == '\\');
#ifdef __SSE2__
	unsigned set = (unsigned)__builtin_ia32_pmovmskb128((char16)care);

	return (set & ((1u << n) - 1)) != 0;
#else
	static const bytes16 place = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint64_t half[2];

	care &= place < (int8_t)n;
	memcpy(half, &care, sizeof(half));
	return (half[0] | half[1]) != 0;
#endif
}

void text_put(struct text_out *out, struct slice piece, enum text_form form)
{
	const char *p = piece.p, *end = piece.p + piece.n;

	while (p < end) {
		size_t n = (size_t)(end - p) < STEP ? (size_t)(end - p) : STEP;
		bytes16 v;

		memcpy(&v, p, sizeof(v));
		if (needs_care(v, n)) {
			p = put_careful(out, p, p + n, end, form);
			continue;
		}
		memcpy(out->p, &v, sizeof(v));
		out->p += n;
		p += n;
	}
}

/* ---- quotes */

const char *text_closing(const char *p, const char *end, char quote)
{
	const char *start = p, *before;

	while ((p = memchr(p, quote, (size_t)(end - p)))) {
		for (before = p; before > start && before[-1] == '\\';)
			before--;
		if ((p - before) % 2 == 0)
			return p;
		p++;
	}
	return NULL;
}
