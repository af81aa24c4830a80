/* In two steps: http_scan looks for the empty line with memchr, from where it stopped the last
 * time, so that a head that comes byte by byte costs no more than one that comes at once; then
 * http_head_parse reads the whole of it in one pass.
 *
 * A parser with a state a byte could refuse a little earlier. It would have to carry all of its
 * state from piece to piece, for heads that nearly always come in one.
 */
#include "net/http_head_internal.h"

#include <stddef.h>

enum { METHOD_BYTES = 32 };

/* A request line is method, blank, target, blank, "HTTP/1.1". */
enum { LINE_BYTES = METHOD_BYTES + 1 + HTTP_TARGET_BYTES + 1 + 8 };

static const struct http_fault bad_line = { 400, "malformed-head", "the request line is no good" };
static const struct http_fault bare_lf = { 400, "malformed-head",
					   "a line ends with LF alone, not with CR LF" };
static const struct http_fault bad_target = { 400, "malformed-target",
					      "the target is no path with valid escapes" };
static const struct http_fault bad_version = { 505, "http-version",
					       "HTTP/1.1 and HTTP/1.0 are spoken here" };
static const struct http_fault long_target = { 414, "target-too-long",
					       "the target is longer than 8192 bytes" };
static const struct http_fault long_head = { 431, "head-too-large", "the head is too long" };

/* ---- where it ends */
static enum http_scan_state fault_found(const struct http_fault *what,
					const struct http_fault **fault)
{
	*fault = what;
	return HTTP_SCAN_FAULT;
}

/* The line [scan->line, lf) has ended. True: it was the empty one. */
static bool line_ended(struct http_scan *scan, size_t lf)
{
	bool empty = lf == scan->line + 1;

	scan->line = lf + 1;
	if (empty && !scan->first_line && !scan->start) {
		scan->start = scan->line;
		return false;
	}
	if (!scan->first_line)
		scan->first_line = lf - 1;
	return empty;
}

enum http_scan_state http_scan(struct http_scan *scan, const char *p, size_t n, size_t *end,
			       const struct http_fault **fault)
{
	size_t most = scan->most ? scan->most : HTTP_HEAD_BYTES;
	const char *lf;

	while ((lf = memchr(p + scan->looked, '\n', n - scan->looked))) {
		size_t at = (size_t)(lf - p);
		scan->looked = at + 1;
		if (at == scan->line || p[at - 1] != '\r')
			return fault_found(&bare_lf, fault);
		bool last = line_ended(scan, at);
		if (scan->first_line > scan->start + LINE_BYTES)
			return fault_found(&long_target, fault);
		if (!last)
			continue;
		*end = at + 1;
		if (scan->first_line <= scan->start)
			return fault_found(&bad_line, fault);
		return *end - scan->start > most ? fault_found(&long_head, fault) : HTTP_SCAN_END;
	}
	scan->looked = n;
	if (n > scan->start && !(http_class(p[scan->start]) & HTTP_TOKEN) &&
	    (scan->start || p[0] != '\r'))
		return fault_found(&bad_line, fault);
	if (!scan->first_line && n - scan->start > LINE_BYTES + 1)
		return fault_found(&long_target, fault);
	return n - scan->start > most ? fault_found(&long_head, fault) : HTTP_SCAN_MORE;
}

/* ---- the request line */
static enum http_method method_of(struct slice text)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
		[HTTP_OPTIONS] = "OPTIONS",
	};

	for (int i = 0; i < HTTP_OTHER; i++)
		if (slice_is(text, names[i]))
			return (enum http_method)i;
	return HTTP_OTHER;
}

static bool has_good_escapes(struct slice s)
{
	unsigned char byte;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%')
			continue;
		if (s.n - i < 3 || str_unhex(slice(s.p + i + 1, 2), &byte, 1) < 0 || !byte)
			return false;
	}
	return true;
}

/* Takes "http://authority" off the target. *authority has p NULL where there is none. */
static bool split_authority(struct slice *target, struct slice *authority)
{
	size_t scheme = 0, n = 0;

	*authority = slice(NULL, 0);
	if (*target->p == '/')
		return true;
	if (target->n > 7 && str_same(target->p, "http://", 7))
		scheme = 7;
	else if (target->n > 8 && str_same(target->p, "https://", 8))
		scheme = 8;
	else
		return false;
	*target = slice(target->p + scheme, target->n - scheme);
	while (n < target->n && target->p[n] != '/' && target->p[n] != '?')
		n++;
	*authority = slice(target->p, n);
	*target = slice(target->p + n, target->n - n);
	return http_is_host(*authority);
}

static const struct http_fault *parse_target(struct slice target, struct http_head *h,
					     struct slice *authority)
{
	const char *mark;

	if (target.n > HTTP_TARGET_BYTES)
		return &long_target;
	*authority = h->query = slice(NULL, 0);
	if (slice_is(target, "*") && h->method == HTTP_OPTIONS) {
		h->path = target;
		return NULL;
	}
	if (!http_all(target, HTTP_TARGET) || !has_good_escapes(target) ||
	    !split_authority(&target, authority))
		return &bad_target;
	mark = target.n ? memchr(target.p, '?', target.n) : NULL;
	h->path = slice(target.p, mark ? (size_t)(mark - target.p) : target.n);
	if (mark)
		h->query = slice(mark + 1, target.n - h->path.n - 1);
	if (!h->path.n)
		h->path = slice_z("/");
	return NULL;
}

static const struct http_fault *parse_version(struct slice text, struct http_head *h)
{
	if (text.n != 8 || memcmp(text.p, "HTTP/", 5) != 0 || text.p[6] != '.' || text.p[5] < '0' ||
	    text.p[5] > '9' || text.p[7] < '0' || text.p[7] > '9')
		return &bad_line;
	h->minor = (unsigned)(text.p[7] - '0');
	return text.p[5] != '1' || h->minor > 1 ? &bad_version : NULL;
}

static const struct http_fault *parse_line(struct slice line, struct http_head *h,
					   struct slice *authority)
{
	size_t method_n = http_run(line, HTTP_TOKEN), target_n;
	const char *blank;
	struct slice rest;

	if (!method_n || method_n > METHOD_BYTES || method_n == line.n || line.p[method_n] != ' ')
		return &bad_line;
	h->method_text = slice(line.p, method_n);
	h->method = method_of(h->method_text);
	rest = slice(line.p + method_n + 1, line.n - method_n - 1);
	blank = memchr(rest.p, ' ', rest.n);
	target_n = blank ? (size_t)(blank - rest.p) : 0;
	if (!target_n)
		return &bad_line;
	const struct http_fault *fault = parse_version(slice(blank + 1, rest.n - target_n - 1), h);
	return fault ? fault : parse_target(slice(rest.p, target_n), h, authority);
}

const struct http_fault *http_head_parse(struct slice bytes, struct http_head *h)
{
	const char *lf = memchr(bytes.p, '\n', bytes.n);
	size_t line = lf ? (size_t)(lf - bytes.p) : 0;
	struct slice authority;
	const struct http_fault *fault;

	memset(h, 0, offsetof(struct http_head, fields));
	if (!line || bytes.p[line - 1] != '\r')
		return &bad_line;
	fault = parse_line(slice(bytes.p, line - 1), h, &authority);
	return fault ? fault : http_fields_parse(slice(lf + 1, bytes.n - line - 1), authority, h);
}
