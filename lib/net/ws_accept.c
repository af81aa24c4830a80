/* From a request to a connection: what is refused, what is agreed on. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "net/problem.h"
#include "net/ws_conn_internal.h"

/* ---- subprotocols */
/* Takes the next element of a list off *rest, without blanks around it. */
static struct slice next_protocol(struct slice *rest)
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

struct slice ws_offered(const struct http_request *req, const char *prefix)
{
	static const char name[] = "Sec-WebSocket-Protocol";
	size_t n = strlen(prefix);

	for (size_t i = 0; i < req->n_fields; i++) {
		struct slice rest = req->fields[i].value;
		if (req->fields[i].name.n != sizeof(name) - 1 ||
		    !str_same(req->fields[i].name.p, name, sizeof(name) - 1))
			continue;
		while (rest.n) {
			struct slice p = next_protocol(&rest);
			if (p.n >= n && memcmp(p.p, prefix, n) == 0)
				return slice(p.p + n, p.n - n);
		}
	}
	return slice(NULL, 0);
}

static bool is_offered(const struct http_request *req, const char *protocol)
{
	return http_field_has(req, "Sec-WebSocket-Protocol", protocol);
}

/* ---- origins */
/* Whether the origin is the page of this very server: "http://HOST" or "https://HOST". */
static bool is_own_origin(struct slice origin, struct slice host)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);
		if (host.n && origin.n == n + host.n && str_same(origin.p, schemes[i], n) &&
		    str_same(origin.p + n, host.p, host.n))
			return true;
	}
	return false;
}

static bool is_origin_allowed(const struct http_request *req, const struct ws_conf *conf)
{
	struct slice origin = http_field(req, "Origin");

	if (!origin.p || conf->any_origin || req->origin.n || is_own_origin(origin, req->host))
		return true;
	for (size_t i = 0; i < conf->n_origins; i++)
		if (origin.n == strlen(conf->origins[i]) &&
		    str_same(origin.p, conf->origins[i], origin.n))
			return true;
	return false;
}

/* ---- answers */
static void refuse_upgrade(struct http_request *req, const char *code, const char *detail)
{
	static const struct http_field fields[] = {
		{ { "Upgrade", 7 }, { "websocket", 9 } },
		{ { "Sec-WebSocket-Version", 21 }, { "13", 2 } },
	};

	problem_answer(req, &(struct problem){ .status = 426,
					       .code = code,
					       .detail = slice_z(detail),
					       .fields = fields,
					       .n_fields = 2 });
}

/* False: it was refused. */
static bool check_request(struct http_request *req, const struct ws_conf *conf,
			  char accept[WS_ACCEPT_CHARS + 1])
{
	unsigned status;

	if (!ws_wanted(req)) {
		refuse_upgrade(req, "upgrade-required", "this is a place for WebSocket");
		return false;
	}
	status = ws_handshake(req, accept);
	if (status == 426)
		refuse_upgrade(req, "websocket-version", "the version has to be 13");
	else if (status != 101)
		problem_say(req, status, "bad-upgrade",
			    "HTTP/1.1 with Connection: Upgrade and a Sec-WebSocket-Key of 16 bytes "
			    "in base64 is asked for");
	else if (!is_origin_allowed(req, conf))
		problem_say(req, 403, "origin", "pages of this origin may not connect");
	else
		return true;
	return false;
}

static struct ws_conn *new_conn(struct ws_site *s, struct http_request *req, void *user)
{
	struct ws_conn *c = mem_zalloc(sizeof(*c));

	c->site = s;
	c->req = req;
	c->user = user;
	c->heard = true;
	c->ping_us = tm_mono_us() + s->conf.ping_us;
	c->reader.most = s->conf.most_message;
	return c;
}

struct ws_conn *ws_accept(struct http_request *req, struct ws_site *s, void *user)
{
	char accept[WS_ACCEPT_CHARS + 1];
	struct http_field fields[5] = { { slice_z("Upgrade"), slice_z("websocket") },
					{ slice_z("Connection"), slice_z("Upgrade") } };
	size_t n = 2;
	const char *agreed;
	struct ws_conn *c;

	if (!check_request(req, &s->conf, accept))
		return NULL;
	fields[n++] = (struct http_field){ slice_z("Sec-WebSocket-Accept"), slice_z(accept) };
	if (s->conf.protocol && is_offered(req, s->conf.protocol))
		fields[n++] = (struct http_field){ slice_z("Sec-WebSocket-Protocol"),
						   slice_z(s->conf.protocol) };
	agreed = s->conf.plain ? NULL : ws_agree(req);
	if (agreed)
		fields[n++] = (struct http_field){ slice_z("Sec-WebSocket-Extensions"),
						   slice_z(agreed) };
	c = new_conn(s, req, user);
	if (agreed)
		c->reader.inflate = s->inflate;
	if (!http_tunnel(req, fields, n, &ws_tunnel_ops, c)) {
		free(c);
		return NULL;
	}
	s->stats.clients++;
	return c;
}
