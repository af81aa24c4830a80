/* Heads: what is taken, what is refused and with which status, in one piece and byte by byte. */
#include "net/http_head.h"

#include <stdlib.h>

#include "tap.h"

/* Scans as bytes come, `step` at a time, then parses. Status 0: taken, 1: more is needed. */
static unsigned read_head(struct slice bytes, size_t step, struct http_head *h)
{
	struct http_scan scan = { 0 };
	const struct http_fault *fault = NULL;
	enum http_scan_state state = HTTP_SCAN_MORE;
	size_t end = 0;

	for (size_t n = 0; n < bytes.n && state == HTTP_SCAN_MORE;) {
		n = n + step < bytes.n ? n + step : bytes.n;
		state = http_scan(&scan, bytes.p, n, &end, &fault);
	}
	if (state == HTTP_SCAN_END)
		fault = http_head_parse(slice(bytes.p + scan.start, end - scan.start), h);
	else if (state == HTTP_SCAN_MORE)
		return 1;
	return fault ? fault->status : 0;
}

static const struct {
	unsigned status;
	const char *name, *line, *fields;
} cases[] = {
	{ 0, "plain", "GET / HTTP/1.1", "Host: a\r\n" },
	{ 0, "1.0 without Host", "GET / HTTP/1.0", "" },
	{ 400, "0.9", "GET /", "" },
	{ 505, "2.0", "PRI * HTTP/2.0", "" },
	{ 505, "1.2", "GET / HTTP/1.2", "Host: a\r\n" },
	{ 400, "version of letters", "GET / HTTP/1.x", "Host: a\r\n" },
	{ 400, "version in small letters", "GET / http/1.1", "Host: a\r\n" },
	{ 400, "version with digits behind", "GET / HTTP/1.10", "Host: a\r\n" },
	{ 400, "two blanks before the target", "GET  / HTTP/1.1", "Host: a\r\n" },
	{ 400, "two blanks behind the target", "GET /  HTTP/1.1", "Host: a\r\n" },
	{ 400, "blank at the end", "GET / HTTP/1.1 ", "Host: a\r\n" },
	{ 400, "tab for a blank", "GET\t/ HTTP/1.1", "Host: a\r\n" },
	{ 400, "blank at the start", " GET / HTTP/1.1", "Host: a\r\n" },
	{ 400, "method of other bytes", "G(T / HTTP/1.1", "Host: a\r\n" },
	{ 0, "method of one's own", "BREW /pot HTTP/1.1", "Host: a\r\n" },
	{ 400, "method too long", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", "Host: a\r\n" },
	{ 400, "target without a slash", "GET a HTTP/1.1", "Host: a\r\n" },
	{ 400, "target of an authority", "CONNECT a:80 HTTP/1.1", "Host: a:80\r\n" },
	{ 400, "star of GET", "GET * HTTP/1.1", "Host: a\r\n" },
	{ 0, "star of OPTIONS", "OPTIONS * HTTP/1.1", "Host: a\r\n" },
	{ 400, "fragment", "GET /#a HTTP/1.1", "Host: a\r\n" },
	{ 400, "byte beyond ASCII in the target", "GET /\xc3\xa4 HTTP/1.1", "Host: a\r\n" },
	{ 400, "control byte in the target", "GET /\x01 HTTP/1.1", "Host: a\r\n" },
	{ 400, "DEL in the target", "GET /\x7f HTTP/1.1", "Host: a\r\n" },
	{ 400, "escape cut", "GET /%4 HTTP/1.1", "Host: a\r\n" },
	{ 400, "escape of letters", "GET /%zz HTTP/1.1", "Host: a\r\n" },
	{ 400, "escaped NUL", "GET /%00 HTTP/1.1", "Host: a\r\n" },
	{ 400, "escape cut in the query", "GET /?a=%4 HTTP/1.1", "Host: a\r\n" },
	{ 0, "JSON in the query", "GET /?a={\"b\":1} HTTP/1.1", "Host: a\r\n" },
	{ 0, "absolute form", "GET http://a/b?c HTTP/1.1", "Host: A\r\n" },
	{ 0, "absolute form, no path", "GET http://a:80 HTTP/1.1", "Host: a:80\r\n" },
	{ 0, "absolute form, query only", "GET https://a?b HTTP/1.1", "Host: a\r\n" },
	{ 400, "absolute form, another host", "GET http://b/ HTTP/1.1", "Host: a\r\n" },
	{ 400, "absolute form, a prefix", "GET http://a/ HTTP/1.1", "Host: ab\r\n" },
	{ 400, "absolute form, user", "GET http://u@a/ HTTP/1.1", "Host: a\r\n" },
	{ 400, "absolute form, no host", "GET http:/// HTTP/1.1", "Host: a\r\n" },
	{ 400, "absolute form, other scheme", "GET ftp://a/ HTTP/1.1", "Host: a\r\n" },
	{ 0, "absolute form in 1.0", "GET http://a/ HTTP/1.0", "" },
	{ 400, "no Host", "GET / HTTP/1.1", "" },
	{ 400, "no Host but others", "GET / HTTP/1.1", "Accept: a\r\nX-Host: a\r\n" },
	{ 400, "two Host", "GET / HTTP/1.1", "Host: a\r\nHost: a\r\n" },
	{ 400, "two Host in 1.0", "GET / HTTP/1.0", "Host: a\r\nHost: a\r\n" },
	{ 400, "empty Host", "GET / HTTP/1.1", "Host:\r\n" },
	{ 400, "Host of two", "GET / HTTP/1.1", "Host: a, b\r\n" },
	{ 400, "Host with a path", "GET / HTTP/1.1", "Host: a/b\r\n" },
	{ 400, "Host with a user", "GET / HTTP/1.1", "Host: u@a\r\n" },
	{ 400, "Host with a port of letters", "GET / HTTP/1.1", "Host: a:b\r\n" },
	{ 400, "Host with a long port", "GET / HTTP/1.1", "Host: a:123456\r\n" },
	{ 0, "Host with an empty port", "GET / HTTP/1.1", "Host: a:\r\n" },
	{ 400, "Host of a port", "GET / HTTP/1.1", "Host: :80\r\n" },
	{ 0, "Host of IPv6", "GET / HTTP/1.1", "Host: [::1]:8080\r\n" },
	{ 400, "Host of IPv6, open", "GET / HTTP/1.1", "Host: [::1\r\n" },
	{ 400, "Host of IPv6, names", "GET / HTTP/1.1", "Host: [localhost]\r\n" },
	{ 400, "Host of IPv6, empty", "GET / HTTP/1.1", "Host: []\r\n" },
	{ 400, "Host of IPv6, more behind", "GET / HTTP/1.1", "Host: [::1]a\r\n" },
	{ 400, "no colon", "GET / HTTP/1.1", "Host: a\r\nAccept\r\n" },
	{ 400, "no name", "GET / HTTP/1.1", "Host: a\r\n: b\r\n" },
	{ 400, "blank before the colon", "GET / HTTP/1.1", "Host: a\r\nAccept : b\r\n" },
	{ 400, "tab before the colon", "GET / HTTP/1.1", "Host: a\r\nAccept\t: b\r\n" },
	{ 400, "blank before Content-Length's colon", "POST / HTTP/1.1",
	  "Host: a\r\nContent-Length : 5\r\n" },
	{ 400, "byte beyond ASCII in a name", "GET / HTTP/1.1", "Host: a\r\n\xc3\xa4: b\r\n" },
	{ 400, "folded", "GET / HTTP/1.1", "Host: a\r\nX: a\r\n b\r\n" },
	{ 400, "folded by a tab", "GET / HTTP/1.1", "Host: a\r\nX: a\r\n\tb\r\n" },
	{ 400, "folded first line", "GET / HTTP/1.1", " Host: a\r\n" },
	{ 400, "folded by a blank line", "GET / HTTP/1.1", "Host: a\r\nX: a\r\n \r\n" },
	{ 400, "bare CR in a value", "GET / HTTP/1.1", "Host: a\r\nX: a\rb\r\n" },
	{ 400, "CR before CR LF", "GET / HTTP/1.1", "Host: a\r\nX: a\r\r\n" },
	{ 400, "bare CR in the line", "GET /\r HTTP/1.1", "Host: a\r\n" },
	{ 400, "bare LF in a value", "GET / HTTP/1.1", "Host: a\nX: a\r\n" },
	{ 400, "bare LF behind the line", "GET / HTTP/1.1\nHost: a", "X: a\r\n" },
	{ 400, "control byte in a value", "GET / HTTP/1.1", "Host: a\r\nX: a\x0b\r\n" },
	{ 400, "DEL in a value", "GET / HTTP/1.1", "Host: a\r\nX: a\x7f\r\n" },
	{ 0, "tab and UTF-8 in a value", "GET / HTTP/1.1", "Host: a\r\nX: \tb\tc \xc3\xa4\t\r\n" },
	{ 0, "empty value", "GET / HTTP/1.1", "Host: a\r\nX:\r\n" },
	{ 0, "length", "POST / HTTP/1.1", "Host: a\r\nContent-Length: 5\r\n" },
	{ 0, "length 0", "POST / HTTP/1.1", "Host: a\r\nContent-Length: 0\r\n" },
	{ 400, "two lengths", "POST / HTTP/1.1",
	  "Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n" },
	{ 400, "two equal lengths", "POST / HTTP/1.1",
	  "Host: a\r\nContent-Length: 5\r\nContent-length: 5\r\n" },
	{ 400, "length 5, 5", "POST / HTTP/1.1", "Host: a\r\nContent-Length: 5, 5\r\n" },
	{ 400, "length +5", "POST / HTTP/1.1", "Host: a\r\nContent-Length: +5\r\n" },
	{ 400, "length -5", "POST / HTTP/1.1", "Host: a\r\nContent-Length: -5\r\n" },
	{ 400, "length 0x5", "POST / HTTP/1.1", "Host: a\r\nContent-Length: 0x5\r\n" },
	{ 400, "length 5 5", "POST / HTTP/1.1", "Host: a\r\nContent-Length: 5 5\r\n" },
	{ 400, "length 5.0", "POST / HTTP/1.1", "Host: a\r\nContent-Length: 5.0\r\n" },
	{ 400, "no length", "POST / HTTP/1.1", "Host: a\r\nContent-Length:\r\n" },
	{ 400, "length of 19 digits", "POST / HTTP/1.1",
	  "Host: a\r\nContent-Length: 9999999999999999999\r\n" },
	{ 400, "length beyond 64 bits", "POST / HTTP/1.1",
	  "Host: a\r\nContent-Length: 18446744073709551621\r\n" },
	{ 0, "chunked", "POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n" },
	{ 0, "Chunked", "POST / HTTP/1.1", "Host: a\r\ntransfer-encoding: CHUNKED \r\n" },
	{ 400, "chunked and length", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n" },
	{ 400, "length and chunked", "POST / HTTP/1.1",
	  "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" },
	{ 400, "xchunked and length", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n" },
	{ 400, "xchunked", "POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: xchunked\r\n" },
	{ 400, "identity", "POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: identity\r\n" },
	{ 400, "gzip alone", "POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: gzip\r\n" },
	{ 501, "gzip, chunked", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n" },
	{ 501, "gzip, chunked in two lines", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" },
	{ 501, "gzip;x=1, chunked", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: gzip;x=1, chunked\r\n" },
	{ 400, "chunked, gzip", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: chunked, gzip\r\n" },
	{ 400, "chunked, gzip in two lines", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n" },
	{ 400, "chunked twice", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: chunked, chunked\r\n" },
	{ 400, "chunked twice in two lines", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" },
	{ 400, "chunked;q=1", "POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked;q=1\r\n" },
	{ 400, "an empty coding", "POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding:\r\n" },
	{ 400, "an empty coding first", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: , chunked\r\n" },
	{ 400, "an empty coding last", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: chunked,\r\n" },
	{ 400, "chunked in quotes", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: \"chunked\"\r\n" },
	{ 400, "chunked behind a vertical tab", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding: \x0b"
	  "chunked\r\n" },
	{ 400, "blank before Transfer-Encoding's colon", "POST / HTTP/1.1",
	  "Host: a\r\nTransfer-Encoding : chunked\r\n" },
	{ 400, "chunked in 1.0", "POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n" },
	{ 400, "gzip, chunked in 1.0", "POST / HTTP/1.0", "Transfer-Encoding: gzip, chunked\r\n" },
};

static void test_cases(void)
{
	struct buf b = { 0 };
	struct http_head *h = malloc(sizeof(*h));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b.n = 0;
		buf_printf(&b, "%s\r\n%s\r\n", cases[i].line, cases[i].fields);
		unsigned whole = read_head(buf_slice(&b), b.n, h);
		ok(whole == cases[i].status && read_head(buf_slice(&b), 1, h) == whole, "%s: %u",
		   cases[i].name, cases[i].status);
	}
	buf_fini(&b);
	free(h);
}

static void test_bytes(void)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		unsigned status;
	} raw[] = {
		{ "NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 38, 400 },
		{ "NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 29, 400 },
		{ "TLS", "\x16\x03\x01\x02", 4, 400 },
		{ "TLS, its first byte", "\x16", 1, 400 },
		{ "an empty line in front", "\r\nGET / HTTP/1.0\r\n\r\n", 20, 0 },
		{ "two empty lines in front", "\r\n\r\nGET / HTTP/1.0\r\n\r\n", 22, 400 },
		{ "LF alone", "\n", 1, 400 },
		{ "CR alone", "\r", 1, 1 },
		{ "CR and more", "\rGET / HTTP/1.0\r\n\r\n", 19, 400 },
		{ "LF LF", "GET / HTTP/1.0\n\n", 16, 400 },
		{ "CR LF LF", "GET / HTTP/1.0\r\n\n", 17, 400 },
		{ "not yet", "GET / HTTP/1.0\r\n\r", 17, 1 },
		{ "a method's beginning", "GE", 2, 1 },
	};
	struct http_head *h = malloc(sizeof(*h));

	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
		ok(read_head(slice(raw[i].bytes, raw[i].n), raw[i].n, h) == raw[i].status &&
			   read_head(slice(raw[i].bytes, raw[i].n), 1, h) == raw[i].status,
		   "%s: %u", raw[i].name, raw[i].status);
	free(h);
}

/* A head with a target and a field of so many bytes, and so many fields besides Host. */
static unsigned sized(size_t target, size_t field, size_t fields, bool ends)
{
	struct buf b = { 0 };
	struct http_head *h = malloc(sizeof(*h));

	buf_addz(&b, "GET /");
	memset(buf_room(&b, target), 'a', target);
	b.n += target - 1;
	buf_addz(&b, " HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = 0; i < fields; i++)
		buf_addz(&b, "A:\r\n");
	if (field) {
		buf_addz(&b, "X:");
		memset(buf_room(&b, field), 'a', field);
		b.n += field;
		buf_addz(&b, "\r\n");
	}
	if (ends)
		buf_addz(&b, "\r\n");
	unsigned status = read_head(buf_slice(&b), b.n, h);
	ok(read_head(buf_slice(&b), 7, h) == status, "the same in pieces");
	buf_fini(&b);
	free(h);
	return status;
}

static void test_sizes(void)
{
	is_int(sized(8192, 0, 0, true), 0, "the longest target");
	is_int(sized(8193, 0, 0, true), 414, "a longer one");
	is_int(sized(30000, 0, 0, true), 414, "a much longer one");
	is_int(sized(1, 0, 99, true), 0, "100 fields");
	is_int(sized(1, 0, 100, true), 431, "101 fields");
	is_int(sized(1, 16384 - 31, 0, true), 0, "the longest head");
	is_int(sized(1, 16384 - 30, 0, true), 431, "a longer one");
	is_int(sized(1, 30000, 0, false), 431, "one without an end");
	is_int(sized(1, 300, 0, false), 1, "one that may come to an end");
}

static void test_meaning(void)
{
	static const char text[] =
		"\r\nPOST /a/b%20c?x=1&y=2?# HTTP/1.1\r\nHost: example.com:8080\r\n"
		"Connection: Upgrade , keep-alive\r\nUpgrade: websocket\r\n"
		"Expect: 100-Continue\r\nContent-Encoding: x-gzip\r\nX-Request-Id: a.b\r\n"
		"Content-Length: 17\r\n\r\nbody";
	struct http_head *h = malloc(sizeof(*h));
	char *fixed = strdup(text);

	*strchr(fixed, '#') = '!';
	ok(read_head(slice_z(fixed), 5, h) == 0, "read");
	ok(h->method == HTTP_POST && slice_is(h->method_text, "POST") && h->minor == 1, "method");
	ok(slice_is(h->path, "/a/b%20c") && slice_is(h->query, "x=1&y=2?!"), "path and query");
	ok(slice_is(h->host, "example.com:8080"), "host");
	ok(h->keep_alive && h->upgrade && h->expects && !h->chunked, "flags");
	ok(h->has_length && h->length == 17 && h->coding == HTTP_GZIP, "length, coding");
	ok(slice_is(h->id, "a.b") && h->n_fields == 7, "id, fields");
	ok(slice_is(h->fields[1].name, "Connection") &&
		   slice_is(h->fields[1].value, "Upgrade , keep-alive"),
	   "a field");
	free(fixed);
	free(h);
}

static void test_flags(void)
{
	static const struct {
		const char *line, *fields;
		bool keep_alive, upgrade, expects;
		enum http_coding coding;
		size_t id_bytes;
	} flags[] = {
		{ "GET / HTTP/1.1", "", true, false, false, HTTP_PLAIN, 0 },
		{ "GET / HTTP/1.0", "", false, false, false, HTTP_PLAIN, 0 },
		{ "GET / HTTP/1.0", "Connection: keep-alive\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.0", "Connection: keep-alive, close\r\n", false, false, false, 0,
		  0 },
		{ "GET / HTTP/1.1", "Connection: CLOSE\r\n", false, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Connection: closed\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Connection: a,,close ,b\r\n", false, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Connection: upgrade\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: x\r\n", true, true, false, 0,
		  0 },
		{ "GET / HTTP/1.0", "Connection: upgrade\r\nUpgrade: x\r\n", false, false, false, 0,
		  0 },
		{ "GET / HTTP/1.1", "Upgrade: h2c\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.0", "Expect: 100-continue\r\n", false, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Expect: 200-ok\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Expect: 100-continue\r\n", true, false, true, 0, 0 },
		{ "GET / HTTP/1.1", "Content-Encoding: identity\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "Content-Encoding: br\r\n", true, false, false,
		  HTTP_CODING_UNKNOWN, 0 },
		{ "GET / HTTP/1.1", "Content-Encoding: gzip, zstd\r\n", true, false, false,
		  HTTP_CODING_UNKNOWN, 0 },
		{ "GET / HTTP/1.1", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", true,
		  false, false, HTTP_CODING_UNKNOWN, 0 },
		{ "GET / HTTP/1.1", "Content-Encoding: ZSTD\r\n", true, false, false, HTTP_ZSTD,
		  0 },
		{ "GET / HTTP/1.1", "Content-Encoding: deflate\r\n", true, false, false,
		  HTTP_DEFLATE, 0 },
		{ "GET / HTTP/1.1", "X-Request-Id: a b\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "X-Request-Id:\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1", "X-Request-Id: \"a\"\r\n", true, false, false, 0, 0 },
		{ "GET / HTTP/1.1",
		  "X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123"
		  "\r\n",
		  true, false, false, 0, 64 },
		{ "GET / HTTP/1.1",
		  "X-Request-Id: 01234567890123456789012345678901234567890123456789012345678901234"
		  "\r\n",
		  true, false, false, 0, 0 },
	};
	struct buf b = { 0 };
	struct http_head *h = malloc(sizeof(*h));

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		b.n = 0;
		buf_printf(&b, "%s\r\nHost: a\r\n%s\r\n", flags[i].line, flags[i].fields);
		ok(read_head(buf_slice(&b), b.n, h) == 0 && h->keep_alive == flags[i].keep_alive &&
			   h->upgrade == flags[i].upgrade && h->expects == flags[i].expects &&
			   h->coding == flags[i].coding && h->id.n == flags[i].id_bytes,
		   "%s, %.*s", flags[i].line, (int)strcspn(flags[i].fields, "\r"), flags[i].fields);
	}
	buf_fini(&b);
	free(h);
}

int main(void)
{
	test_cases();
	test_bytes();
	test_sizes();
	test_meaning();
	test_flags();
	return done();
}
