#include "serve/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/problem.h"

enum { UNAVAILABLE_S = 5, FIELDS = 5 };

struct serve_result *serve_result_new(void)
{
	struct serve_result *r = mem_zalloc(sizeof(*r));

	r->refs = 1;
	r->status = 200;
	r->type = "application/json";
	return r;
}

struct serve_result *serve_result_keep(struct serve_result *r)
{
	r->refs++;
	return r;
}

void serve_result_drop(struct serve_result *r)
{
	if (!r || --r->refs)
		return;
	buf_fini(&r->body);
	buf_fini(&r->next);
	buf_fini(&r->detail);
	free(r);
}

/* ---- made */
int serve_result_problem(struct serve_result *r, unsigned status, const char *code, const char *fmt,
			 ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	r->status = status;
	r->code = code;
	r->body.n = r->next.n = r->detail.n = 0;
	for (size_t n = strlen(detail); n && !str_utf8(detail, n); n--) /* a character was cut */
		detail[n - 1] = '\0';
	buf_addz(&r->detail, detail);
	return 0;
}

void serve_result_failed(struct serve_result *r, const struct err *err)
{
	if (err->code != EX_TEMPFAIL) /* it was cancelled */
		log_warn("%s", err->msg);
	r->retry_after_s = UNAVAILABLE_S;
	if (err->code == EX_DATAERR) {
		r->retry_after_s = 0;
		serve_result_problem(r, 500, "damaged",
				     "what is stored cannot be read; the "
				     "server's messages say what");
	} else if (err->code == EX_CONFIG) {
		serve_result_problem(r, 503, "store-config",
				     "the store lacks what is asked for, or refuses the login; the "
				     "server's messages say what");
	} else {
		serve_result_problem(r, 503, "store-unavailable", "the store cannot be reached");
	}
}

void serve_result_seal(struct serve_result *r)
{
	uint8_t hash[16];
	struct buf etag = { 0 };

	if (r->status != 200 || r->etag[0])
		return;
	hash_128(r->body.p, r->body.n, hash);
	buf_addc(&etag, '"');
	buf_hex(&etag, hash, sizeof(hash));
	buf_addc(&etag, '"');
	memcpy(r->etag, buf_z(&etag), etag.n + 1);
	buf_fini(&etag);
}

/* ---- given */
static bool is_known(const struct http_request *req, const char *etag)
{
	char weak[SERVE_ETAG_BYTES + 2];

	if (req->method != HTTP_GET && req->method != HTTP_HEAD)
		return false;
	snprintf(weak, sizeof(weak), "W/%s", etag);
	return http_field_has(req, "If-None-Match", etag) ||
	       http_field_has(req, "If-None-Match", weak) ||
	       http_field_has(req, "If-None-Match", "*");
}

/* The request's target with another cursor, relative: it holds below any prefix of a proxy. */
static void make_link(const struct http_request *req, struct slice cursor, struct buf *out)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-._~";
	struct slice left = req->query;

	buf_addz(out, "<?");
	while (left.n) {
		const char *amp = memchr(left.p, '&', left.n);
		size_t n = amp ? (size_t)(amp - left.p) : left.n;

		if (n && !(n >= 7 && memcmp(left.p, "cursor=", 7) == 0)) {
			buf_add(out, left.p, n);
			buf_addc(out, '&');
		}
		left = slice(left.p + n + (amp != NULL), left.n - n - (amp != NULL));
	}
	buf_addz(out, "cursor=");
	for (size_t i = 0; i < cursor.n; i++) {
		char c = cursor.p[i];

		if (c && strchr(unreserved, c))
			buf_addc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
	buf_addz(out, ">; rel=\"next\"");
}

static void release(void *result)
{
	serve_result_drop(result);
}

static void answer_problem(const struct serve_result *r, struct http_request *req)
{
	problem_answer(req, &(struct problem){ .status = r->status,
					       .code = r->code,
					       .detail = buf_slice(&r->detail),
					       .retry_after_s = r->retry_after_s });
}

void serve_result_answer(struct serve_result *r, struct http_request *req)
{
	struct http_field fields[FIELDS] = { { slice_z("Vary"), slice_z("Accept, Authorization") },
					     { slice_z("Cache-Control"),
					       slice_z(r->cache ? r->cache : "no-cache") } };
	struct http_answer a = {
		.status = r->status, .type = r->type, .fields = fields, .n_fields = 2
	};
	struct buf link = { 0 };

	if (r->code) {
		answer_problem(r, req);
		return;
	}
	if (r->allow)
		fields[a.n_fields++] = (struct http_field){ slice_z("Allow"), slice_z(r->allow) };
	if (r->etag[0])
		fields[a.n_fields++] = (struct http_field){ slice_z("ETag"), slice_z(r->etag) };
	if (r->next.n) {
		make_link(req, buf_slice(&r->next), &link);
		fields[a.n_fields++] = (struct http_field){ slice_z("Link"), buf_slice(&link) };
	}
	if (r->etag[0] && is_known(req, r->etag)) {
		a.status = 304;
		a.type = NULL;
	} else {
		a.body = buf_slice(&r->body);
		a.done = release;
		a.done_arg = serve_result_keep(r);
	}
	http_answer(req, &a);
	buf_fini(&link);
}
