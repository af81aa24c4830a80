/* Fields that decide how a request is framed are read where they are met; judge_framing then judges
 * them together, as their order must not matter. */
#include "net/http_head_internal.h"

enum { LENGTH_DIGITS = 18, ID_BYTES = 64 };

static const struct http_fault bad_field = { 400, "malformed-head",
					     "a field is not NAME: VALUE of allowed bytes" };
static const struct http_fault folded = { 400, "malformed-head", "a field is folded" };
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
static const struct http_fault many_fields = { 431, "head-too-large",
					       "the head has more than 100 fields" };

bool http_is_token(char c)
{
	return http_class(c) & HTTP_TOKEN;
}

bool http_is_value(char c)
{
	return http_class(c) & HTTP_VALUE;
}

bool http_is_host(struct slice s)
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
		n = http_run(s, HTTP_NAME);
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

/* ---- fields */
static bool parse_field(struct slice line, struct http_field *field)
{
	size_t n = http_run(line, HTTP_TOKEN);

	if (!n || n == line.n || line.p[n] != ':')
		return false;
	field->name = slice(line.p, n);
	field->value = slice(line.p + n + 1, line.n - n - 1);
	if (http_run(field->value, HTTP_VALUE) != field->value.n)
		return false;
	field->value = http_trim(field->value);
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
	return http_trim(e);
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
		size_t n = http_run(e, HTTP_TOKEN);
		f->codings++;
		f->chunked_last = http_word(e, "chunked");
		f->chunked += f->chunked_last;
		/* "chunked;q=1" is no coding that anyone has defined */
		if (!n || (n < e.n && (e.p[n] != ';' || http_word(slice(e.p, n), "chunked"))))
			f->bad_coding = true;
	} while (v.p);
}

static void take_connection(struct framing *f, struct slice v)
{
	do {
		struct slice e = next_of(&v);
		f->close |= http_word(e, "close");
		f->keep_alive |= http_word(e, "keep-alive");
		f->upgrade |= http_word(e, "upgrade");
	} while (v.p);
}

static enum http_coding coding_of(struct slice v)
{
	if (http_word(v, "gzip") || http_word(v, "x-gzip"))
		return HTTP_GZIP;
	if (http_word(v, "zstd"))
		return HTTP_ZSTD;
	if (http_word(v, "deflate"))
		return HTTP_DEFLATE;
	return !v.n || http_word(v, "identity") ? HTTP_PLAIN : HTTP_CODING_UNKNOWN;
}

static void take_field(struct framing *f, const struct http_field *field, struct http_head *h)
{
	struct slice name = field->name, v = field->value;

	if (http_word(name, "host")) {
		f->hosts++;
		h->host = v;
	} else if (http_word(name, "content-length")) {
		take_length(f, v, h);
	} else if (http_word(name, "transfer-encoding")) {
		take_codings(f, v);
	} else if (http_word(name, "connection")) {
		take_connection(f, v);
	} else if (http_word(name, "upgrade")) {
		f->has_upgrade = true;
	} else if (http_word(name, "expect")) {
		f->expects |= http_word(v, "100-continue");
	} else if (http_word(name, "content-encoding")) {
		h->coding = f->coded ? HTTP_CODING_UNKNOWN : coding_of(v);
		f->coded = true;
	} else if (http_word(name, "x-request-id") && v.n <= ID_BYTES && http_all(v, HTTP_TOKEN)) {
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
			return &bad_field;
		if (*rest.p == ' ' || *rest.p == '\t')
			return &folded;
		if (h->n_fields == HTTP_FIELDS)
			return &many_fields;
		if (!parse_field(slice(rest.p, n - 1), &h->fields[h->n_fields]))
			return &bad_field;
		take_field(f, &h->fields[h->n_fields++], h);
		rest = slice(lf + 1, rest.n - n - 1);
	}
	return rest.n == 2 && memcmp(rest.p, "\r\n", 2) == 0 ? NULL : &bad_field;
}

/* ---- what they say together */
static const struct http_fault *judge_framing(const struct framing *f, struct slice authority,
					      struct http_head *h)
{
	if (f->hosts > 1 || (f->hosts ? !http_is_host(h->host) : h->minor > 0))
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

const struct http_fault *http_fields_parse(struct slice rest, struct slice authority,
					   struct http_head *h)
{
	struct framing f = { 0 };
	const struct http_fault *fault = parse_fields(rest, h, &f);

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
