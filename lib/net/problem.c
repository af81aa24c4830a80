#include "net/problem.h"

#include "json/json.h"
#include "net/http_head.h"

enum { FIELDS = 16 };

static void add_member(struct buf *out, const char *name, struct slice text)
{
	if (out->p[out->n - 1] != '{')
		buf_addc(out, ',');
	json_quote_z(out, name);
	buf_addc(out, ':');
	json_quote(out, text);
}

static void add_error(struct buf *out, const struct problem_error *e)
{
	buf_addc(out, '{');
	if (e->index >= 0) {
		buf_addz(out, "\"index\":");
		buf_addi(out, e->index);
	}
	if (e->pointer.p)
		add_member(out, "pointer", e->pointer);
	add_member(out, "code", slice_z(e->code));
	if (e->detail.p)
		add_member(out, "detail", e->detail);
	buf_addc(out, '}');
}

void problem_json(const struct problem *p, struct slice instance, struct slice id, struct buf *out)
{
	buf_addz(out, "{\"type\":\"/docs#");
	buf_addz(out, p->code);
	buf_addc(out, '"');
	add_member(out, "title", slice_z(p->title ? p->title : http_reason(p->status)));
	buf_addz(out, ",\"status\":");
	buf_addu(out, p->status);
	add_member(out, "code", slice_z(p->code));
	if (p->detail.p)
		add_member(out, "detail", p->detail);
	if (instance.p)
		add_member(out, "instance", instance);
	if (id.p)
		add_member(out, "request_id", id);
	if (p->n_errors || p->errors_total) {
		buf_addz(out, ",\"errors\":[");
		for (size_t i = 0; i < p->n_errors && i < PROBLEM_ERRORS; i++) {
			if (i)
				buf_addc(out, ',');
			add_error(out, &p->errors[i]);
		}
		buf_addz(out, "],\"errors_total\":");
		buf_addu(out, p->errors_total);
	}
	buf_addz(out, "}\n");
}

void problem_answer(struct http_request *req, const struct problem *p)
{
	struct http_field fields[FIELDS];
	struct buf body = { 0 }, seconds = { 0 };
	struct http_answer a = { .status = p->status,
				 .type = "application/problem+json",
				 .fields = p->fields,
				 .n_fields = p->n_fields };

	if (p->retry_after_s && p->n_fields < FIELDS) {
		if (p->n_fields)
			memcpy(fields, p->fields, p->n_fields * sizeof(*fields));
		buf_addu(&seconds, p->retry_after_s);
		fields[a.n_fields++] = (struct http_field){ slice_z("Retry-After"),
							    buf_slice(&seconds) };
		a.fields = fields;
	}
	problem_json(p, req->path.n ? req->path : slice(NULL, 0), req->id, &body);
	a.body = buf_slice(&body);
	http_answer(req, &a);
	buf_fini(&body);
	buf_fini(&seconds);
}

void problem_say(struct http_request *req, unsigned status, const char *code, const char *detail)
{
	struct problem p = { .status = status, .code = code };

	if (detail)
		p.detail = slice_z(detail);
	problem_answer(req, &p);
}

/* The length of the character at p, 0 if it is none. */
static size_t char_bytes(struct slice s)
{
	unsigned char c = (unsigned char)*s.p;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= s.n && str_utf8(s.p, n) ? n : 0;
}

void problem_fault(struct http_request *req, const struct http_fault *fault, size_t most)
{
	struct problem p = { .status = fault->status,
			     .code = fault->code,
			     .detail = slice_z(fault->detail),
			     .retry_after_s = fault->status == 503 };
	struct buf detail = { 0 };

	if (fault->status == 413 || fault->status == 431) {
		buf_printf(&detail, "%s: %zu bytes at most", fault->detail, most);
		if (fault->status == 431)
			buf_printf(&detail, ", %d fields", HTTP_FIELDS);
		p.detail = buf_slice(&detail);
	}
	problem_answer(req, &p);
	buf_fini(&detail);
}

void problem_echo(struct buf *out, struct slice text)
{
	size_t from = out->n;

	while (text.n) {
		size_t n = char_bytes(text), add = n ? n : 3;
		if (out->n - from + add > PROBLEM_ECHO_BYTES)
			return;
		buf_add(out, n ? text.p : "\xef\xbf\xbd", add);
		n += !n;
		text = slice(text.p + n, text.n - n);
	}
}
