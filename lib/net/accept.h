/* What a client takes (Accept, RFC 9110 section 12.5.1) and what it sends (Content-Type). Pure. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "net/http.h"

/* Of the offered media types ("application/json", NULL at the end) the one with the highest weight
 * in the request's Accept fields; of equal ones that which the client names first, then the first
 * offered. A request without Accept takes the first. -1: none is taken. A range that is no media
 * range is passed over, a weight that is none counts as 1. */
int http_accept(const struct http_request *req, const char *const *offers);

/* Whether a Content-Type ("text/plain; charset=utf-8") is of this media type. */
bool http_type_is(struct slice value, const char *type);

#endif
