/* Messages of clients: {"subscribe_rules":["a","b"]} takes the place of what was subscribed before.
 * Other JSON is told what is wrong and the connection stays; what is no JSON is closed with 1007,
 * what is no text with 1003. */
#include "json/json.h"
#include "serve/live_internal.h"

/* The names, each with a \n behind it. False: it is no subscription. */
static bool read_subscription(const struct json *j, struct buf *names)
{
	uint32_t list = json_get(j, 0, "subscribe_rules");
	bool good = list && j->node[list].type == JSON_ARRAY;

	for (uint32_t i = good ? json_first(j, list) : 0; good && i < j->node[list].next;
	     i = j->node[i].next) {
		size_t at = names->n;

		good = j->node[i].type == JSON_STRING && json_string(j, i, names) == 0 &&
		       names->n > at && names->n - at <= SERVE_TEXT_BYTES &&
		       !memchr(names->p + at, '\n', names->n - at) &&
		       !memchr(names->p + at, '\0', names->n - at);
		buf_addc(names, '\n');
	}
	return good;
}

static void take_message(void *arg, struct ws_conn *conn, enum ws_opcode kind, struct slice payload)
{
	struct live_client *c = ws_user(conn);
	struct buf names = { 0 };
	struct json j = { 0 };

	(void)arg;
	if (kind != WS_TEXT)
		ws_end(conn, WS_UNSUPPORTED, "texts of JSON are taken");
	else if (json_parse(&j, payload, NULL))
		ws_end(conn, WS_NOT_UTF8, "no JSON");
	else if (!read_subscription(&j, &names))
		live_refuse(c, 422, "no-subscription",
			    slice_z("say {\"subscribe_rules\":[\"NAME\",..]}"));
	else
		live_subscribe(c, buf_slice(&names));
	json_fini(&j);
	buf_fini(&names);
}

static void client_closed(void *arg, struct ws_conn *conn, unsigned code)
{
	(void)arg, (void)code;
	live_client_free(ws_user(conn));
}

struct ws_site *live_site_new(struct serve_live *l)
{
	return ws_site_new(&(struct ws_conf){ .arg = l,
					      .message = take_message,
					      .closed = client_closed,
					      .protocol = "hta.live" });
}

void live_accept(struct serve_live *l, struct http_request *req, struct slice names)
{
	struct live_client *c = live_client_new(l);

	c->ws = ws_accept(req, l->site, c);
	if (!c->ws)
		live_client_free(c);
	else if (names.n)
		live_subscribe(c, names);
}
