/* A buffer is one block that doubles (mem_reserve): n appended bytes are copied about once on
 * average, and buf_fini alone frees. Every writer goes through buf_room, which has the only branch;
 * integers are written digit by digit: rows consist of them, and printf would read its format anew
 * for each.
 *
 * The decoders check the whole text before they add a byte, or write behind b->n and move it only
 * at the end, so that a text that is not of the form leaves the buffer as it was. UTF-8 is checked
 * eight bytes at a time while they are ASCII, then by table 3-7 of the Unicode standard: the lead
 * byte says the length and the bounds of the second byte, all others are 80..BF.
 *
 * str_nearest compares with each candidate in O(length^2): a few dozen option names once before
 * the program ends. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

char *buf_room(struct buf *b, size_t n)
{
	if (__builtin_expect(n > b->cap - b->n || !b->p, 0)) {
		if (n > SIZE_MAX / 2)
			BUG("a buffer of %zu bytes", n);
		mem_reserve(&b->p, &b->cap, b->n + n, 1);
		if (!b->p)
			mem_reserve(&b->p, &b->cap, 1, 1);
	}
	return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);
	if (n)
		memcpy(to, p, n);
	b->n += n;
}

void buf_addc(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->n++;
}

void buf_adds(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_addu(struct buf *b, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits);
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void buf_addi(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_addc(b, '-');
	buf_addu(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_hex(struct buf *b, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;
	char *to = buf_room(b, 2 * n);
	for (size_t i = 0; i < n; i++) {
		to[2 * i] = "0123456789abcdef"[from[i] >> 4];
		to[2 * i + 1] = "0123456789abcdef"[from[i] & 15];
	}
	b->n += 2 * n;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void buf_base64(struct buf *b, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	char *to = buf_room(b, (n + 2) / 3 * 4), *const start = to;
	for (; n > 0; p += 3, to += 4) {
		size_t take = n < 3 ? n : 3;
		uint32_t v = (uint32_t)p[0] << 16 | (take > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (take > 2 ? p[2] : 0);
		to[0] = base64_digits[v >> 18];
		to[1] = base64_digits[v >> 12 & 63];
		to[2] = take > 1 ? base64_digits[v >> 6 & 63] : '=';
		to[3] = take > 2 ? base64_digits[v & 63] : '=';
		n -= take;
	}
	b->n += (size_t)(to - start);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	for (size_t room = 128;;) {
		char *to = buf_room(b, room);
		va_start(ap, fmt);
		int n = vsnprintf(to, room, fmt, ap);
		va_end(ap);
		if (n < 0)
			BUG("bad format %s", fmt);
		if ((size_t)n < room) {
			b->n += (size_t)n;
			return;
		}
		room = (size_t)n + 1;
	}
}

const char *buf_z(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->p;
}

/* 0..63, or -1: not a digit. */
static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4 with its padding; the bits that padding leaves over must be zero. */
int str_unbase64(struct slice text, struct buf *out)
{
	if (text.n % 4)
		return -1;
	size_t pad = text.n && text.p[text.n - 1] == '=' ? (text.p[text.n - 2] == '=' ? 2 : 1) : 0;
	char *to = buf_room(out, text.n / 4 * 3);
	for (size_t i = 0; i < text.n; i += 4) {
		size_t digits = i + 4 == text.n ? 4 - pad : 4;
		uint32_t v = 0;
		for (size_t k = 0; k < 4; k++) {
			int d = k < digits ? base64_value(text.p[i + k]) : 0;
			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		if (v & ((1u << 8 * (4 - digits)) - 1))
			return -1;
		*to++ = (char)(v >> 16);
		*to++ = (char)(v >> 8);
		*to++ = (char)v;
	}
	out->n += text.n / 4 * 3 - pad;
	return 0;
}

/* The value of a digit and one, 0: no hex digit. */
static const uint8_t hex_digit[256] = {
	['0'] = 1, 2,  3,  4,  5,  6,          7,  8,  9,  10, ['A'] = 11,
	12,        13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16,
};

int str_unhex(struct slice text, void *out, size_t n)
{
	const uint8_t *from = (const uint8_t *)text.p;
	uint8_t *to = out;

	if (text.n != 2 * n)
		return -1;
	for (size_t i = 0; i < text.n; i++)
		if (!hex_digit[from[i]])
			return -1;
	for (size_t i = 0; i < n; i++, from += 2)
		to[i] = (uint8_t)((hex_digit[from[0]] - 1) << 4 | (hex_digit[from[1]] - 1));
	return 0;
}

/* Length of the well-formed multi-byte sequence at p, 0 if it is none. Table 3-7 of the Unicode
 * standard. */
static size_t utf8_sequence(const uint8_t *p, size_t n)
{
	uint8_t lead = p[0], low = 0x80, high = 0xbf;
	size_t len = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
	if (len == 0 || len > n)
		return 0;
	switch (lead) {
	case 0xe0:
		low = 0xa0;
		break; /* overlong */
	case 0xed:
		high = 0x9f;
		break; /* surrogates */
	case 0xf0:
		low = 0x90;
		break; /* overlong */
	case 0xf4:
		high = 0x8f;
		break; /* beyond U+10FFFF */
	default:
		break;
	}
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static inline char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_same(const char *a, const char *b, size_t n)
{
	size_t i = 0;
	while (i < n && lower(a[i]) == lower(b[i]))
		i++;
	return i == n;
}

bool str_utf8(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text, *const end = p + n;
	while (p < end) {
		uint64_t word;
		while (end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080u)))
			p += 8;
		if (p == end)
			break;
		size_t len = *p < 0x80 ? 1 : utf8_sequence(p, (size_t)(end - p));
		if (len == 0)
			return false;
		p += len;
	}
	return true;
}

enum { NEAREST_MAX = 64 };

/* Optimal string alignment distance of two words of at most NEAREST_MAX bytes. */
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m)
{
	uint8_t rows[3][NEAREST_MAX + 1];
	uint8_t *before = rows[0], *prev = rows[1], *row = rows[2];
	for (size_t j = 0; j <= m; j++)
		prev[j] = (uint8_t)j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= m; j++) {
			int best = prev[j - 1] + (a[i - 1] != b[j - 1]);
			best = prev[j] + 1 < best ? prev[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = (uint8_t)best;
		}
		uint8_t *free_row = before;
		before = prev;
		prev = row;
		row = free_row;
	}
	return prev[m];
}

const char *str_nearest(const char *word, const char *const *candidates)
{
	size_t n = strlen(word), best = 3;
	const char *nearest = NULL;
	for (; n <= NEAREST_MAX && *candidates; candidates++) {
		size_t m = strlen(*candidates);
		if (m > NEAREST_MAX)
			continue;
		size_t d = edit_distance(word, n, *candidates, m);
		if (d < best && 2 * d < n) {
			best = d;
			nearest = *candidates;
		}
	}
	return nearest;
}
