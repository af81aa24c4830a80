#include "net/http.h"

static bool is_name(struct slice got, const char *name, size_t n)
{
	return got.n == n && str_same(got.p, name, n);
}

struct slice http_field(const struct http_request *req, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < req->n_fields; i++)
		if (is_name(req->fields[i].name, name, n))
			return req->fields[i].value;
	return slice(NULL, 0);
}

/* Takes the next element of a list off *rest, without blanks around it. */
static struct slice next_element(struct slice *rest)
{
	const char *comma = memchr(rest->p, ',', rest->n);
	struct slice e = slice(rest->p, comma ? (size_t)(comma - rest->p) : rest->n);
	size_t taken = e.n + (comma != NULL);

	*rest = slice(rest->p + taken, rest->n - taken);
	for (; e.n && (*e.p == ' ' || *e.p == '\t'); e.n--)
		e.p++;
	while (e.n && (e.p[e.n - 1] == ' ' || e.p[e.n - 1] == '\t'))
		e.n--;
	return e;
}

bool http_field_has(const struct http_request *req, const char *name, const char *token)
{
	size_t n = strlen(name), token_n = strlen(token);

	for (size_t i = 0; i < req->n_fields; i++) {
		struct slice rest = req->fields[i].value;
		if (!is_name(req->fields[i].name, name, n))
			continue;
		while (rest.n)
			if (is_name(next_element(&rest), token, token_n))
				return true;
	}
	return false;
}

int http_unescape(struct slice text, struct buf *out)
{
	char *to = buf_room(out, text.n);

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '%') {
			*to++ = text.p[i];
			continue;
		}
		if (text.n - i < 3 || str_unhex(slice(text.p + i + 1, 2), to, 1) < 0)
			return -1;
		to++;
		i += 2;
	}
	out->n = (size_t)(to - out->p);
	return 0;
}

static int form_decode(struct slice text, struct buf *out)
{
	size_t from = out->n;

	if (http_unescape(text, out) < 0)
		return -1;
	/* An escape never yields the plus that it stood for before decoding: it is "%2B", so
	 * blanks are put in where the undecoded text has a plus. */
	for (size_t i = 0, at = from; i < text.n; i++, at++) {
		if (text.p[i] == '+')
			out->p[at] = ' ';
		else if (text.p[i] == '%')
			i += 2;
	}
	return str_utf8(out->p + from, out->n - from) ? 0 : -1;
}

int http_param(struct slice query, const char *name, struct buf *out)
{
	size_t n = strlen(name);

	while (query.n) {
		const char *amp = memchr(query.p, '&', query.n), *is;
		struct slice pair = slice(query.p, amp ? (size_t)(amp - query.p) : query.n);
		query = slice(query.p + pair.n + !!amp, query.n - pair.n - !!amp);
		is = memchr(pair.p, '=', pair.n);
		struct slice key = slice(pair.p, is ? (size_t)(is - pair.p) : pair.n);
		out->n = 0;
		if (form_decode(key, out) < 0 || !slice_eq(buf_slice(out), slice(name, n)))
			continue;
		out->n = 0;
		return is && form_decode(slice(is + 1, pair.n - key.n - 1), out) < 0 ? -1 : 1;
	}
	out->n = 0;
	return 0;
}

const char http_exposed[] = "ETag, Idempotency-Replayed, Link, Location, Preference-Applied, "
			    "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} table[] = {
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 207, "Multi-Status" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].reason;
	return "Unknown";
}
