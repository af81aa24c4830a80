#include "net/html_page.h"
#include "serve/live_page.inc"
#include "serve/serve.h"

void serve_get_page(void *serve, struct http_request *req)
{
	static const struct html_page page = {
		.title = "hta", .css = live_page_css, .body = live_page_html, .js = live_page_js
	};

	(void)serve;
	html_page_answer(&page, req);
}
