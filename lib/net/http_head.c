/* In two steps: http_scan looks for the empty line with memchr, from where it stopped the last
 * time, so that a head that comes byte by byte costs no more than one that comes at once; then
 * http_head_parse reads the whole of it in one pass.
 *
 * A parser with a state a byte could refuse a little earlier. It would have to carry all of its
 * state from piece to piece, for heads that nearly always come in one.
 *
 * Fields that decide how the request is framed are read where they are met; judge_framing
 * then judges them together, as their order must not matter. */
#include "net/http_head.h"

#include <stddef.h>

enum { METHOD_BYTES = 32, LENGTH_DIGITS = 18, ID_BYTES = 64 };

/* A request line is method, blank, target, blank, "HTTP/1.1". */
enum { LINE_BYTES = METHOD_BYTES + 1 + HTTP_TARGET_BYTES + 1 + 8 };

enum { TOKEN = 1, VALUE = 2, TARGET = 4, NAME = 8 /* of a host */ };

static const struct http_fault bad_line = { 400, "malformed-head", "the request line is no good" };
static const struct http_fault bad_field = { 400, "malformed-head",
					     "a field is not NAME: VALUE of allowed bytes" };
static const struct http_fault bare_lf = { 400, "malformed-head",
					   "a line ends with LF alone, not with CR LF" };
static const struct http_fault folded = { 400, "malformed-head", "a field is folded" };
static const struct http_fault bad_target = { 400, "malformed-target",
					      "the target is no path with valid escapes" };
static const struct http_fault bad_host = {
	400, "bad-host", "exactly one Host is needed, a name or address with or without a port"
};
static const struct http_fault other_host = { 400, "bad-host",
					      "the target names another host than Host" };
static const struct http_fault bad_length = { 400, "bad-length",
					      "Content-Length must stand once and be a number" };
static const struct http_fault two_lengths = {
	400, "bad-length", "Content-Length and Transfer-Encoding exclude each other"
};
static const struct http_fault bad_coding = {
	400, "bad-transfer-coding", "Transfer-Encoding must be chunked, once and last, in HTTP/1.1"
};
static const struct http_fault other_coding = { 501, "transfer-coding",
						"of transfer codings only chunked is read" };
static const struct http_fault bad_version = { 505, "http-version",
					       "HTTP/1.1 and HTTP/1.0 are spoken here" };
static const struct http_fault long_target = { 414, "target-too-long",
					       "the target is longer than 8192 bytes" };
static const struct http_fault long_head = { 431, "head-too-large",
					     "the head is longer than 16384 bytes" };
static const struct http_fault many_fields = { 431, "head-too-large",
					       "the head has more than 100 fields" };

static unsigned class_of(char c)
{
	static const unsigned char marks[128] = {
		['!'] = TOKEN,        ['#'] = TOKEN,        ['$'] = TOKEN,
		['%'] = TOKEN,        ['&'] = TOKEN,        ['\''] = TOKEN,
		['*'] = TOKEN,        ['+'] = TOKEN,        ['^'] = TOKEN,
		['`'] = TOKEN,        ['|'] = TOKEN,        ['-'] = TOKEN | NAME,
		['.'] = TOKEN | NAME, ['_'] = TOKEN | NAME, ['~'] = TOKEN | NAME,
	};
	unsigned char u = (unsigned char)c;

	if ((u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z'))
		return TOKEN | VALUE | TARGET | NAME;
	if (u >= 0x80 || u == ' ' || u == '\t')
		return VALUE;
	if (u < ' ' || u == 0x7f)
		return 0;
	return marks[u] | VALUE | (u == '#' ? 0 : TARGET);
}

bool http_is_token(char c)
{
	return class_of(c) & TOKEN;
}

bool http_is_value(char c)
{
	return class_of(c) & VALUE;
}

/* How many bytes from p on are of the class. */
static size_t run_of(struct slice s, unsigned class)
{
	size_t n = 0;

	while (n < s.n && class_of(s.p[n]) & class)
		n++;
	return n;
}

static bool is_all(struct slice s, unsigned class)
{
	return s.n && run_of(s, class) == s.n;
}

static bool is_word(struct slice s, const char *word)
{
	return s.n == strlen(word) && str_same(s.p, word, s.n);
}

static struct slice trim_blanks(struct slice s)
{
	for (; s.n && (*s.p == ' ' || *s.p == '\t'); s.n--)
		s.p++;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

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
		return *end - scan->start > HTTP_HEAD_BYTES ? fault_found(&long_head, fault)
							    : HTTP_SCAN_END;
	}
	scan->looked = n;
	if (n > scan->start && !(class_of(p[scan->start]) & TOKEN) && (scan->start || p[0] != '\r'))
		return fault_found(&bad_line, fault);
	if (!scan->first_line && n - scan->start > LINE_BYTES + 1)
		return fault_found(&long_target, fault);
	return n - scan->start > HTTP_HEAD_BYTES ? fault_found(&long_head, fault) : HTTP_SCAN_MORE;
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

/* "name", "name:80", "192.0.2.1:80", "[::1]:80" */
static bool is_host(struct slice s)
{
	size_t n, digits;

	if (s.n && *s.p == '[') {
		const char *close = memchr(s.p, ']', s.n);
		n = close ? (size_t)(close - s.p) : 0;
		/* a head ends with CR LF, at which strspn stops */
		if (n < 3 || strspn(s.p + 1, "0123456789abcdefABCDEF:.") < n - 1)
			return false;
		n++;
	} else {
		n = run_of(s, NAME);
	}
	if (!n || n == s.n)
		return n;
	digits = s.n - n - 1;
	if (s.p[n] != ':' || digits > 5)
		return false;
	while (digits && s.p[s.n - digits] >= '0' && s.p[s.n - digits] <= '9')
		digits--;
	return !digits;
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
	return is_host(*authority);
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
	if (!is_all(target, TARGET) || !has_good_escapes(target) ||
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
	size_t method_n = run_of(line, TOKEN), target_n;
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

/* ---- fields */
static bool parse_field(struct slice line, struct http_field *field)
{
	size_t n = run_of(line, TOKEN);

	if (!n || n == line.n || line.p[n] != ':')
		return false;
	field->name = slice(line.p, n);
	field->value = slice(line.p + n + 1, line.n - n - 1);
	if (run_of(field->value, VALUE) != field->value.n)
		return false;
	field->value = trim_blanks(field->value);
	return true;
}

/* What of the fields decides how the request is framed. */
struct framing {
	unsigned hosts, lengths, codings, chunked;
	bool bad_length, bad_coding, chunked_last;
	bool close, keep_alive, upgrade, has_upgrade, expects, coded;
};

static struct slice next_of(struct slice *rest)
{
	const char *comma = memchr(rest->p, ',', rest->n);
	struct slice e = slice(rest->p, comma ? (size_t)(comma - rest->p) : rest->n);

	*rest = comma ? slice(comma + 1, rest->n - e.n - 1) : slice(NULL, 0);
	return trim_blanks(e);
}

static void take_length(struct framing *f, struct slice v, struct http_head *h)
{
	f->lengths++;
	h->length = 0;
	if (!v.n || v.n > LENGTH_DIGITS)
		f->bad_length = true;
	for (size_t i = 0; i < v.n && !f->bad_length; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			f->bad_length = true;
		h->length = h->length * 10 + (uint64_t)(v.p[i] - '0');
	}
}

static void take_codings(struct framing *f, struct slice v)
{
	do {
		struct slice e = next_of(&v);
		size_t n = run_of(e, TOKEN);
		f->codings++;
		f->chunked_last = is_word(e, "chunked");
		f->chunked += f->chunked_last;
		/* "chunked;q=1" is no coding that anyone has defined */
		if (!n || (n < e.n && (e.p[n] != ';' || is_word(slice(e.p, n), "chunked"))))
			f->bad_coding = true;
	} while (v.p);
}

static void take_connection(struct framing *f, struct slice v)
{
	do {
		struct slice e = next_of(&v);
		f->close |= is_word(e, "close");
		f->keep_alive |= is_word(e, "keep-alive");
		f->upgrade |= is_word(e, "upgrade");
	} while (v.p);
}

static enum http_coding coding_of(struct slice v)
{
	if (is_word(v, "gzip") || is_word(v, "x-gzip"))
		return HTTP_GZIP;
	if (is_word(v, "zstd"))
		return HTTP_ZSTD;
	if (is_word(v, "deflate"))
		return HTTP_DEFLATE;
	return !v.n || is_word(v, "identity") ? HTTP_PLAIN : HTTP_CODING_UNKNOWN;
}

static void take_field(struct framing *f, const struct http_field *field, struct http_head *h)
{
	struct slice name = field->name, v = field->value;

	if (is_word(name, "host")) {
		f->hosts++;
		h->host = v;
	} else if (is_word(name, "content-length")) {
		take_length(f, v, h);
	} else if (is_word(name, "transfer-encoding")) {
		take_codings(f, v);
	} else if (is_word(name, "connection")) {
		take_connection(f, v);
	} else if (is_word(name, "upgrade")) {
		f->has_upgrade = true;
	} else if (is_word(name, "expect")) {
		f->expects |= is_word(v, "100-continue");
	} else if (is_word(name, "content-encoding")) {
		h->coding = f->coded ? HTTP_CODING_UNKNOWN : coding_of(v);
		f->coded = true;
	} else if (is_word(name, "x-request-id") && v.n <= ID_BYTES && is_all(v, TOKEN)) {
		h->id = v;
	}
}

static const struct http_fault *parse_fields(struct slice rest, struct http_head *h,
					     struct framing *f)
{
	while (rest.n > 2) {
		/* each line ends with CR LF, http_scan has seen to it */
		const char *lf = memchr(rest.p, '\n', rest.n);
		size_t n = lf ? (size_t)(lf - rest.p) : 0;
		if (!n || rest.p[n - 1] != '\r')
			return &bare_lf;
		if (*rest.p == ' ' || *rest.p == '\t')
			return &folded;
		if (h->n_fields == HTTP_FIELDS)
			return &many_fields;
		if (!parse_field(slice(rest.p, n - 1), &h->fields[h->n_fields]))
			return &bad_field;
		take_field(f, &h->fields[h->n_fields++], h);
		rest = slice(lf + 1, rest.n - n - 1);
	}
	return rest.n == 2 && memcmp(rest.p, "\r\n", 2) == 0 ? NULL : &bad_line;
}

/* ---- what they say together */
static const struct http_fault *judge_framing(const struct framing *f, struct slice authority,
					      struct http_head *h)
{
	if (f->hosts > 1 || (f->hosts ? !is_host(h->host) : h->minor > 0))
		return &bad_host;
	if (authority.p && f->hosts &&
	    (authority.n != h->host.n || !str_same(authority.p, h->host.p, authority.n)))
		return &other_host;
	if (authority.p)
		h->host = authority;
	if (f->lengths && f->codings)
		return &two_lengths;
	if (f->lengths > 1 || f->bad_length)
		return &bad_length;
	if (f->codings && (f->bad_coding || f->chunked != 1 || !f->chunked_last || !h->minor))
		return &bad_coding;
	if (f->codings > 1)
		return &other_coding;
	return NULL;
}

const struct http_fault *http_head_parse(struct slice bytes, struct http_head *h)
{
	const char *lf = memchr(bytes.p, '\n', bytes.n);
	size_t line = lf ? (size_t)(lf - bytes.p) : 0;
	struct framing f = { 0 };
	struct slice authority;
	const struct http_fault *fault;

	memset(h, 0, offsetof(struct http_head, fields));
	if (!line || bytes.p[line - 1] != '\r')
		return &bad_line;
	fault = parse_line(slice(bytes.p, line - 1), h, &authority);
	if (!fault)
		fault = parse_fields(slice(lf + 1, bytes.n - line - 1), h, &f);
	if (!fault)
		fault = judge_framing(&f, authority, h);
	if (fault)
		return fault;
	h->chunked = f.codings;
	h->has_length = f.lengths;
	h->keep_alive = h->minor ? !f.close : f.keep_alive && !f.close;
	h->expects = f.expects && h->minor;
	h->upgrade = f.upgrade && f.has_upgrade && h->minor;
	return NULL;
}
