/* Who may do what over HTTP. A key comes as Authorization: Bearer or X-API-Key, or where a page
 * asks for WebSocket, which can set neither, as the subprotocol hta.key.BASE64URL. It is known by
 * its SHA-256 alone (intake/keys.h). */
#ifndef TOOL_HTTP_KEYS_H
#define TOOL_HTTP_KEYS_H

#include "intake/keys.h"
#include "net/http.h"

/* {0}: everyone may. */
struct http_keys {
	struct keys *keys;
};

/* Takes the keys of a file in place of those before, whose levels go on; path NULL: none.
 * EX_CONFIG: it can be read by others, or a line of it is wrong; the keys stay as they were. */
int http_keys_read(struct http_keys *k, const char *path, struct err *err);
void http_keys_fini(struct http_keys *k);

/* Prints a new key, and its line for the file, with these scopes. EX_USAGE: the name is none. */
int http_keys_make(const char *id, const char *scopes, struct err *err);

/* The request's key; NULL: it has none that is known. Valid until the file is read anew. */
struct key *http_keys_of(struct http_keys *k, const struct http_request *req);

/* Whether the request may do what has this scope (0: anyone may); else it was answered: 401,
 * 403. */
bool http_keys_allow(struct http_keys *k, struct http_request *req, unsigned scope);

#endif
