/* Slices (borrowed bytes, no NUL) and growing buffers (owned bytes).
 * A slice is valid as long as what it points into; each function that lends one says until when. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

static inline struct slice slice(const char *p, size_t n)
{
	return (struct slice){ p, n };
}
static inline struct slice slice_z(const char *z)
{
	return (struct slice){ z, strlen(z) };
}
static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool slice_is(struct slice a, const char *z)
{
	return slice_eq(a, slice_z(z));
}
/* Order of the bytes, the shorter slice first where it is a prefix of the other: COLLATE "C". */
int slice_cmp(struct slice a, struct slice b);

/* Bytes of a byte order mark at the start of a text (EF BB BF, as programs on Windows write it):
 * 3 or 0. */
static inline size_t str_mark(struct slice s)
{
	return s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* How many \n are in it. */
uint64_t str_lines(struct slice s);

/* A growing buffer. {0} is an empty one. n bytes of p are in use; p has no NUL unless buf_z was
 * called. */
struct buf {
	char *p;
	size_t n, cap;
};

void buf_fini(struct buf *b);
/* Makes at least n writable bytes behind the n in use and returns where they begin. The caller adds
 * to b->n what it has written. */
char *buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
/* Inline, so that the length of a literal is known when it is compiled. */
static inline void buf_addz(struct buf *b, const char *z)
{
	buf_add(b, z, strlen(z));
}
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, struct slice s);
void buf_addu(struct buf *b, uint64_t v); /* decimal */
void buf_addi(struct buf *b, int64_t v);
void buf_hex(struct buf *b, const void *p, size_t n); /* lower case, p[0] first */
void buf_base64(struct buf *b, const void *p, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The buffer's text with a NUL behind it, valid until the buffer changes. */
const char *buf_z(struct buf *b);
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}

/* Decoders: 0, or -1 where the text is not of the form (nothing is added to *out then). */
int str_unbase64(struct slice text, struct buf *out);
int str_unhex(struct slice text, void *out, size_t n); /* exactly 2n digits, either case */

bool str_same(const char *a, const char *b, size_t n); /* but for the case of ASCII letters */
/* RFC 3629: no surrogates, no overlong forms, at most U+10FFFF */
bool str_utf8(const char *p, size_t n);

/* The candidate nearest to `word` (Damerau-Levenshtein at most 2, below half its length), or NULL.
 * candidates ends with NULL. For "did you mean". */
const char *str_nearest(const char *word, const char *const *candidates);

#endif
