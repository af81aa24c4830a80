/* The page is three texts of the build, put together at each request: a head, the style, the
 * script. The policy names style and script by their hashes, so that nothing else runs, and
 * nothing but this origin is asked. */
#include "net/openapi.h"

#include "base/sha256.h"
#include "net/openapi_docs.inc"

const char *const openapi_docs_types[2] = { "text/html", NULL };

static const char html[] =
	"<h1 id=title>Interface</h1><p id=text></p>"
	"<p><a href=openapi.json>openapi.json</a></p>"
	"<p><label>Key for trying, kept in this page only: <input id=key type=password "
	"autocomplete=off></label></p>"
	"<p id=wait>openapi.json is being read; it needs JavaScript.</p>"
	"<h2>Endpoints</h2><div id=operations></div>"
	"<h2>Problems</h2><div id=problems></div>";

static void add_hash(struct buf *b, const char *text)
{
	uint8_t hash[SHA256_BYTES];

	sha256(text, strlen(text), hash);
	buf_addz(b, "'sha256-");
	buf_base64(b, hash, sizeof(hash));
	buf_addc(b, '\'');
}

void openapi_docs(void *arg, struct http_request *req)
{
	struct buf page = { 0 }, policy = { 0 };
	struct http_field fields[2];

	(void)arg;
	buf_addz(&page,
		 "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
		 "content=\"width=device-width\"><title>Interface</title><style>");
	buf_addz(&page, openapi_docs_css);
	buf_addz(&page, "</style></head><body>");
	buf_addz(&page, html);
	buf_addz(&page, "<script>");
	buf_addz(&page, openapi_docs_js);
	buf_addz(&page, "</script></body></html>\n");
	buf_addz(&policy, "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action "
			  "'none'; frame-ancestors 'none'; script-src ");
	add_hash(&policy, openapi_docs_js);
	buf_addz(&policy, "; style-src ");
	add_hash(&policy, openapi_docs_css);
	fields[0] = (struct http_field){ slice_z("Content-Security-Policy"), buf_slice(&policy) };
	fields[1] = (struct http_field){ slice_z("Cache-Control"), slice_z("no-cache") };
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "text/html; charset=utf-8",
						.fields = fields,
						.n_fields = 2,
						.body = buf_slice(&page) });
	buf_fini(&page);
	buf_fini(&policy);
}
