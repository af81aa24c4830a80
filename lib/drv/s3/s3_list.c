/* Lists come in pages of a thousand. A page is read into memory as a whole before its entries are
 * handed out: whoever gets them may ask for other things meanwhile. Keys come as they are: those of
 * ours are plain, and of others only the names that are like ours count. */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/s3/s3_calls.h"
#include "drv/s3/s3_xml.h"

struct listed_entry {
	size_t key, key_n, time, time_n, upload, upload_n; /* places in texts */
	int64_t bytes;
};

/* One answer. Objects and uploads have the same members under different names. */
struct page {
	const char *entry; /* "ListBucketResult/Contents" */
	struct buf texts;
	struct listed_entry *v, open; /* open: whose members are coming */
	size_t n, cap;
	struct buf token, next_key, next_upload;
	bool truncated;
};

static void keep_member(struct page *p, struct slice text, size_t *at, size_t *n)
{
	*at = p->texts.n;
	*n = text.n;
	buf_adds(&p->texts, text);
}

static void take_member(struct page *p, const char *name, struct slice text)
{
	struct listed_entry *e = &p->open;

	if (strcmp(name, "Key") == 0) {
		keep_member(p, text, &e->key, &e->key_n);
	} else if (strcmp(name, "LastModified") == 0 || strcmp(name, "Initiated") == 0) {
		keep_member(p, text, &e->time, &e->time_n);
	} else if (strcmp(name, "UploadId") == 0) {
		keep_member(p, text, &e->upload, &e->upload_n);
	} else if (strcmp(name, "Size") == 0) {
		e->bytes = 0;
		for (size_t i = 0; i < text.n && i < 18 && text.p[i] >= '0'; i++)
			e->bytes = e->bytes * 10 + (text.p[i] - '0');
	}
}

static void take_list(void *arg, const char *path, struct slice text)
{
	struct page *p = arg;
	const char *slash = strchr(path, '/');
	size_t n = strlen(p->entry);

	if (strcmp(path, p->entry) == 0) {
		mem_reserve(&p->v, &p->cap, p->n + 1, sizeof(*p->v));
		p->v[p->n++] = p->open;
		p->open = (struct listed_entry){ .bytes = -1 };
	} else if (strncmp(path, p->entry, n) == 0 && path[n] == '/') {
		take_member(p, path + n + 1, text);
	} else if (slash && strcmp(slash, "/IsTruncated") == 0) {
		p->truncated = slice_is(text, "true");
	} else if (slash && strcmp(slash, "/NextContinuationToken") == 0) {
		buf_adds(&p->token, text);
	} else if (slash && strcmp(slash, "/NextKeyMarker") == 0) {
		buf_adds(&p->next_key, text);
	} else if (slash && strcmp(slash, "/NextUploadIdMarker") == 0) {
		buf_adds(&p->next_upload, text);
	}
}

static void empty_page(struct page *p)
{
	p->texts.n = p->token.n = p->next_key.n = p->next_upload.n = 0;
	p->n = 0;
	p->open = (struct listed_entry){ .bytes = -1 };
	p->truncated = false;
}

static int hand_out(const struct page *p, s3_listed_fn *fn, void *arg, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct listed_entry *e = &p->v[i];
		const char *t = p->texts.p;
		const struct s3_listed o = {
			.key = slice(t + e->key, e->key_n),
			.time = slice(t + e->time, e->time_n),
			.upload = e->upload_n ? slice(t + e->upload, e->upload_n) : slice(NULL, 0),
			.bytes = e->bytes,
		};

		if (fn(arg, &o, err))
			return -1;
	}
	return 0;
}

static void page_fini(struct page *p)
{
	buf_fini(&p->texts);
	buf_fini(&p->token);
	buf_fini(&p->next_key);
	buf_fini(&p->next_upload);
	free(p->v);
}

static enum s3_outcome read_page(struct s3_conn *c, struct page *p, const struct sigv4_pair *query,
				 size_t n, struct err *err)
{
	const struct s3_ask ask = { .method = "GET", .query = query, .n_query = n };
	struct s3_call *call = s3_call_begin(c, &ask);
	enum s3_outcome o = s3_call_wait(call, err);

	empty_page(p);
	if (o == S3_DONE && xml_read(s3_call_body(call), take_list, p, err)) {
		err->code = EX_TEMPFAIL;
		err_in(err, "a list of %s", c->place.bucket);
		o = S3_AGAIN;
	}
	s3_call_end(call);
	return o;
}

static struct sigv4_pair pair(const char *name, struct slice value)
{
	return (struct sigv4_pair){ slice_z(name), value };
}

enum s3_outcome s3_list(struct s3_conn *c, struct slice prefix, s3_listed_fn *fn, void *arg,
			struct err *err)
{
	struct page p = { .entry = "ListBucketResult/Contents" };
	struct buf token = { 0 };
	enum s3_outcome o;

	do {
		struct sigv4_pair query[3] = { pair("list-type", slice_z("2")),
					       pair("prefix", prefix) };
		size_t n = 2;

		if (token.n)
			query[n++] = pair("continuation-token", buf_slice(&token));
		o = read_page(c, &p, query, n, err);
		if (o == S3_DONE && hand_out(&p, fn, arg, err))
			o = S3_FATAL;
		token.n = 0;
		buf_adds(&token, buf_slice(&p.token));
	} while (o == S3_DONE && p.truncated && token.n);
	buf_fini(&token);
	page_fini(&p);
	return o;
}

enum s3_outcome s3_list_uploads(struct s3_conn *c, struct slice prefix, s3_listed_fn *fn, void *arg,
				struct err *err)
{
	struct page p = { .entry = "ListMultipartUploadsResult/Upload" };
	struct buf key = { 0 }, upload = { 0 };
	enum s3_outcome o;

	do {
		struct sigv4_pair query[4] = { pair("uploads", slice_z("")),
					       pair("prefix", prefix) };
		size_t n = 2;

		if (key.n) {
			query[n++] = pair("key-marker", buf_slice(&key));
			query[n++] = pair("upload-id-marker", buf_slice(&upload));
		}
		o = read_page(c, &p, query, n, err);
		if (o == S3_DONE && hand_out(&p, fn, arg, err))
			o = S3_FATAL;
		key.n = upload.n = 0;
		buf_adds(&key, buf_slice(&p.next_key));
		buf_adds(&upload, buf_slice(&p.next_upload));
	} while (o == S3_DONE && p.truncated && key.n);
	buf_fini(&key);
	buf_fini(&upload);
	page_fini(&p);
	return o;
}
