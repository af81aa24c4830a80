/* A page of HTML that is one answer: style and script stand in it, and its policy names them by
 * their hashes, so that nothing else runs and nothing but this origin is asked. Pure. */
#ifndef NET_HTML_PAGE_H
#define NET_HTML_PAGE_H

#include "net/http.h"

struct html_page {
	const char *title;
	const char *css, *body, *js; /* none has an end tag of its element in it */
};

void html_page_answer(const struct html_page *page, struct http_request *req);
/* Its media type, for struct route. */
extern const char *const html_page_types[2];

#endif
