#include "net/html_page.h"

#include "base/sha256.h"

const char *const html_page_types[2] = { "text/html", NULL };

static void add_hash(struct buf *b, const char *text)
{
	uint8_t hash[SHA256_BYTES];

	sha256(text, strlen(text), hash);
	buf_addz(b, "'sha256-");
	buf_base64(b, hash, sizeof(hash));
	buf_addc(b, '\'');
}

static void add_policy(const struct html_page *page, struct buf *b)
{
	buf_addz(b, "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action "
		    "'none'; frame-ancestors 'none'; script-src ");
	add_hash(b, page->js);
	buf_addz(b, "; style-src ");
	add_hash(b, page->css);
}

static void add_html(const struct html_page *page, struct buf *b)
{
	buf_addz(b, "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
		    "content=\"width=device-width\"><title>");
	buf_addz(b, page->title);
	buf_addz(b, "</title><style>");
	buf_addz(b, page->css);
	buf_addz(b, "</style></head><body>");
	buf_addz(b, page->body);
	buf_addz(b, "<script>");
	buf_addz(b, page->js);
	buf_addz(b, "</script></body></html>\n");
}

void html_page_answer(const struct html_page *page, struct http_request *req)
{
	struct buf html = { 0 }, policy = { 0 };
	struct http_field fields[2];

	add_html(page, &html);
	add_policy(page, &policy);
	fields[0] = (struct http_field){ slice_z("Content-Security-Policy"), buf_slice(&policy) };
	fields[1] = (struct http_field){ slice_z("Cache-Control"), slice_z("no-cache") };
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "text/html; charset=utf-8",
						.fields = fields,
						.n_fields = 2,
						.body = buf_slice(&html) });
	buf_fini(&html);
	buf_fini(&policy);
}
