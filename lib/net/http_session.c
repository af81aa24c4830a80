/* From a connection to a session of another protocol. */
#include "net/http_protocol.h"

#include "base/mem.h"
#include "net/http_internal.h"

void http_session_begin(struct http_conn *c)
{
	struct http_server *s = c->s;
	const struct http_protocol *p = s->conf.protocol;
	struct http_session session = {
		.conn = &c->req, .server = s, .app = &s->app, .conf = &s->conf, .stats = &s->stats
	};

	http_conn_clear_request(c);
	c->fresh = false;
	c->keep_alive = true;
	http_tunnel_begin(c, &p->ops, p->open(&session));
}

bool http_session_wanted(const struct http_conn *c, struct slice first_bytes)
{
	const struct http_protocol *p = c->s->conf.protocol;

	if (!p)
		return false;
	if (c->link)
		return slice_is(c->s->conf.transport->protocol(c->link), p->alpn);
	return c->fresh && first_bytes.n >= strlen(p->preface) &&
	       memcmp(first_bytes.p, p->preface, strlen(p->preface)) == 0;
}

/* ---- the seam */
void http_session_id(const struct http_session *session, char id[HTTP_ID_BYTES])
{
	http_server_id(session->server, id);
}

struct slice http_session_date(const struct http_session *session)
{
	http_date(session->server);
	return slice(session->server->date, HTTP_DATE_BYTES);
}

bool http_session_hold(const struct http_session *session, int n)
{
	session->server->held += (size_t)n;
	return !session->server->ending;
}
