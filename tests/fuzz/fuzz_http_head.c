/* A head in one piece and in pieces of the first byte's size: the same verdict, and what is taken
 * has no byte in it at which another reader could see another request. */
#include "fuzz.h"

#include "net/http_head.h"

static void check_slice(struct slice s, struct slice all, bool blanks)
{
	MUST(!s.n || (s.p >= all.p && s.p + s.n <= all.p + all.n) || slice_is(s, "/"));
	for (size_t i = 0; i < s.n; i++)
		MUST((unsigned char)s.p[i] > ' ' || (blanks && (s.p[i] == ' ' || s.p[i] == '\t')));
}

static unsigned read_head(struct slice all, size_t step, struct http_head *h, size_t *end)
{
	struct http_scan scan = { 0 };
	const struct http_fault *fault = NULL;
	enum http_scan_state state = HTTP_SCAN_MORE;

	for (size_t n = 0; n < all.n && state == HTTP_SCAN_MORE;) {
		n = n + step < all.n ? n + step : all.n;
		state = http_scan(&scan, all.p, n, end, &fault);
	}
	if (state == HTTP_SCAN_MORE)
		return 1;
	if (state == HTTP_SCAN_END) {
		MUST(*end <= all.n && *end - scan.start <= HTTP_HEAD_BYTES);
		fault = http_head_parse(slice(all.p + scan.start, *end - scan.start), h);
	}
	MUST(!fault || (fault->status >= 400 && fault->code && fault->detail));
	return fault ? fault->status : 0;
}

static void check_head(const struct http_head *h, struct slice all)
{
	struct buf out = { 0 };

	check_slice(h->method_text, all, false);
	check_slice(h->path, all, false);
	check_slice(h->query, all, false);
	check_slice(h->host, all, false);
	MUST(h->path.n && (*h->path.p == '/' || *h->path.p == '*') && h->minor <= 1);
	MUST(!(h->chunked && (h->has_length || !h->minor)) && (h->host.n || !h->minor));
	MUST(h->n_fields <= HTTP_FIELDS && h->id.n <= 64);
	for (size_t i = 0; i < h->n_fields; i++) {
		check_slice(h->fields[i].name, all, false);
		check_slice(h->fields[i].value, all, true);
	}
	MUST(http_unescape(h->path, &out) == 0);
	if (h->query.n)
		http_param(h->query, "a", &out);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice((const char *)data, n);
	size_t step = 1 + fuzz_byte(&in), end = 0, end_whole = 0;
	char *copy = mem_alloc(in.n + 1);
	struct http_head *h = mem_alloc(sizeof(*h));

	if (in.n)
		memcpy(copy, in.p, in.n);
	struct slice all = slice(copy, in.n);
	unsigned pieces = read_head(all, step, h, &end);
	unsigned whole = read_head(all, in.n ? in.n : 1, h, &end_whole);
	/* A piece may already show what is wrong with the end of a head that has another fault
	 * in front. */
	MUST((pieces == 0) == (whole == 0));
	if (whole == 0) {
		MUST(end == end_whole);
		check_head(h, all);
	}
	free(copy);
	free(h);
	return 0;
}
