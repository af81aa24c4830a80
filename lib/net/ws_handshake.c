/* What a request for WebSocket has to say, and what it may ask for. */
#include "net/ws.h"

#include "base/sha1.h"

enum { KEY_BYTES = 16 };

bool ws_wanted(const struct http_request *req)
{
	return req->method == HTTP_GET && http_field_has(req, "Upgrade", "websocket");
}

static void accept_of(struct slice key, char accept[WS_ACCEPT_CHARS + 1])
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	struct buf text = { 0 };
	uint8_t hash[SHA1_BYTES];

	buf_adds(&text, key);
	buf_addz(&text, magic);
	sha1(text.p, text.n, hash);
	text.n = 0;
	buf_base64(&text, hash, sizeof(hash));
	memcpy(accept, buf_z(&text), WS_ACCEPT_CHARS + 1);
	buf_fini(&text);
}

unsigned ws_handshake(const struct http_request *req, char accept[WS_ACCEPT_CHARS + 1])
{
	struct slice key = http_field(req, "Sec-WebSocket-Key");
	struct buf bytes = { 0 };
	bool good = key.p && str_unbase64(key, &bytes) == 0 && bytes.n == KEY_BYTES;

	buf_fini(&bytes);
	if (!ws_wanted(req) || !http_field_has(req, "Connection", "upgrade") || !req->upgrade)
		return 400;
	if (!slice_is(http_field(req, "Sec-WebSocket-Version"), "13"))
		return 426;
	if (!good)
		return 400;
	accept_of(key, accept);
	return 101;
}

/* ---- permessage-deflate (RFC 7692 section 7.1) */
static struct slice trim(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = slice(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before `end` off *rest, without blanks around it. */
static struct slice cut_at(struct slice *rest, char end)
{
	const char *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
	struct slice s = slice(rest->p, at ? (size_t)(at - rest->p) : rest->n);
	size_t taken = s.n + (at != NULL);

	*rest = slice(rest->p + taken, rest->n - taken);
	return trim(s);
}

enum { SERVER_TAKEOVER = 1, CLIENT_TAKEOVER = 2, SERVER_BITS = 4, CLIENT_BITS = 8 };

static bool is_bits(struct slice value)
{
	return (value.n == 1 && (*value.p == '8' || *value.p == '9')) ||
	       (value.n == 2 && *value.p == '1' && value.p[1] >= '0' && value.p[1] <= '5');
}

/* Which parameter it is; 0: none that could be agreed on. */
static unsigned judge_parameter(struct slice p)
{
	bool has_value = p.n && memchr(p.p, '=', p.n);
	struct slice name = cut_at(&p, '='), value = trim(p);

	if (value.n >= 2 && *value.p == '"' && value.p[value.n - 1] == '"')
		value = slice(value.p + 1, value.n - 2);
	if (slice_is(name, "server_no_context_takeover"))
		return has_value ? 0 : SERVER_TAKEOVER;
	if (slice_is(name, "client_no_context_takeover"))
		return has_value ? 0 : CLIENT_TAKEOVER;
	if (slice_is(name, "client_max_window_bits"))
		return has_value && !is_bits(value) ? 0 : CLIENT_BITS;
	if (slice_is(name, "server_max_window_bits"))
		return slice_is(value, "15") ? SERVER_BITS : 0;
	return 0;
}

static const char *judge_offer(struct slice offer)
{
	unsigned seen = 0, one;

	if (!slice_is(cut_at(&offer, ';'), "permessage-deflate"))
		return NULL;
	for (; offer.n; seen |= one) {
		one = judge_parameter(cut_at(&offer, ';'));
		if (!one || seen & one)
			return NULL;
	}
	return seen & SERVER_BITS ? "permessage-deflate; server_no_context_takeover; "
				    "client_no_context_takeover; server_max_window_bits=15"
				  : "permessage-deflate; server_no_context_takeover; "
				    "client_no_context_takeover";
}

const char *ws_agree(const struct http_request *req)
{
	static const char name[] = "Sec-WebSocket-Extensions";
	const char *agreed = NULL;

	for (size_t i = 0; i < req->n_fields && !agreed; i++) {
		const struct http_field *f = &req->fields[i];
		struct slice rest = f->value;
		if (f->name.n != sizeof(name) - 1 || !str_same(f->name.p, name, f->name.n))
			continue;
		while (rest.n && !agreed)
			agreed = judge_offer(cut_at(&rest, ','));
	}
	return agreed;
}
