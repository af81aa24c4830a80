#include "net/html_page.h"
#include "net/openapi.h"
#include "net/openapi_docs.inc"

static const char html[] =
	"<h1 id=title>Interface</h1><p id=text></p>"
	"<p><a href=openapi.json>openapi.json</a></p>"
	"<p><label>Key for trying, kept in this page only: <input id=key type=password "
	"autocomplete=off></label></p>"
	"<p id=wait>openapi.json is being read; it needs JavaScript.</p>"
	"<h2>Endpoints</h2><div id=operations></div>"
	"<h2>Problems</h2><div id=problems></div>";

void openapi_docs(void *arg, struct http_request *req)
{
	static const struct html_page page = {
		.title = "Interface", .css = openapi_docs_css, .body = html, .js = openapi_docs_js
	};

	(void)arg;
	html_page_answer(&page, req);
}
