/* What http_head.c (where a head ends, its request line) and http_fields.c (its fields) share.
 * Nobody else includes it. */
#ifndef NET_HTTP_HEAD_INTERNAL_H
#define NET_HTTP_HEAD_INTERNAL_H

#include "net/http_head.h"

enum { HTTP_TOKEN = 1, HTTP_VALUE = 2, HTTP_TARGET = 4, HTTP_NAME = 8 /* of a host */ };

static inline unsigned http_class(char c)
{
	static const unsigned char marks[128] = {
		['!'] = HTTP_TOKEN,
		['#'] = HTTP_TOKEN,
		['$'] = HTTP_TOKEN,
		['%'] = HTTP_TOKEN,
		['&'] = HTTP_TOKEN,
		['\''] = HTTP_TOKEN,
		['*'] = HTTP_TOKEN,
		['+'] = HTTP_TOKEN,
		['^'] = HTTP_TOKEN,
		['`'] = HTTP_TOKEN,
		['|'] = HTTP_TOKEN,
		['-'] = HTTP_TOKEN | HTTP_NAME,
		['.'] = HTTP_TOKEN | HTTP_NAME,
		['_'] = HTTP_TOKEN | HTTP_NAME,
		['~'] = HTTP_TOKEN | HTTP_NAME,
	};
	unsigned char u = (unsigned char)c;

	if ((u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z'))
		return HTTP_TOKEN | HTTP_VALUE | HTTP_TARGET | HTTP_NAME;
	if (u >= 0x80 || u == ' ' || u == '\t')
		return HTTP_VALUE;
	if (u < ' ' || u == 0x7f)
		return 0;
	return marks[u] | HTTP_VALUE | (u == '#' ? 0 : HTTP_TARGET);
}

/* How many bytes from p on are of the class. */
static inline size_t http_run(struct slice s, unsigned class)
{
	size_t n = 0;

	while (n < s.n && http_class(s.p[n]) & class)
		n++;
	return n;
}

static inline bool http_all(struct slice s, unsigned class)
{
	return s.n && http_run(s, class) == s.n;
}

static inline bool http_word(struct slice s, const char *word)
{
	return s.n == strlen(word) && str_same(s.p, word, s.n);
}

static inline struct slice http_trim(struct slice s)
{
	for (; s.n && (*s.p == ' ' || *s.p == '\t'); s.n--)
		s.p++;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* "name", "name:80", "192.0.2.1:80", "[::1]:80"; CR LF stands somewhere behind it. */
bool http_is_host(struct slice s);

/* All behind the request line. authority: of the target, p NULL: none. h: minor is set. */
const struct http_fault *http_fields_parse(struct slice rest, struct slice authority,
					   struct http_head *h);

#endif
