/* Each call is a form that is filled in, begun, and waited for: the form (struct s3_part, ..) holds
 * what the request borrows, so that many can be under way. Texts of answers are taken out of XML by
 * the path of one element. */
#include "drv/s3/s3_calls.h"

#include <inttypes.h>
#include <stdio.h>

#include "drv/s3/s3_xml.h"

#define META "x-amz-meta-hta-"

static enum s3_outcome run_ask(struct s3_conn *c, const struct s3_ask *ask, struct err *err)
{
	struct s3_call *call = s3_call_begin(c, ask);
	enum s3_outcome o = s3_call_wait(call, err);

	s3_call_end(call);
	return o;
}

static struct sigv4_pair pair(const char *name, struct slice value)
{
	return (struct sigv4_pair){ slice_z(name), value };
}

/* ---- whole objects */

void s3_put_begin(struct s3_put *p, struct s3_conn *c, struct slice key, const char *type,
		  struct slice body)
{
	p->field = pair("Content-Type", slice_z(type));
	p->ask = (struct s3_ask){
		.method = "PUT", .key = key, .field = &p->field, .n_fields = 1, .body = body
	};
	p->call = s3_call_begin(c, &p->ask);
}

void s3_delete_begin(struct s3_deletion *p, struct s3_conn *c, struct slice key)
{
	p->ask = (struct s3_ask){ .method = "DELETE", .key = key };
	p->call = s3_call_begin(c, &p->ask);
}

enum s3_outcome s3_delete(struct s3_conn *c, struct slice key, struct err *err)
{
	enum s3_outcome o = run_ask(c, &(struct s3_ask){ .method = "DELETE", .key = key }, err);

	return o == S3_NONE ? S3_DONE : o;
}

static bool read_number(struct slice s, int64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 19)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = (int64_t)v;
	return v <= INT64_MAX;
}

static bool read_text(const struct s3_call *call, const char *name, char *out, size_t room)
{
	struct slice s = s3_call_field(call, name);

	if (!s.p || s.n >= room)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

static void read_marks(const struct s3_call *call, struct s3_marks *m)
{
	struct slice offsets = s3_call_field(call, META "offsets");

	*m = (struct s3_marks){ .dense = slice_is(offsets, "dense") };
	m->known = read_number(s3_call_field(call, META "from"), &m->from) &&
		   read_number(s3_call_field(call, META "to"), &m->to) &&
		   read_number(s3_call_field(call, META "records"), &m->records) &&
		   read_text(call, META "claim", m->claim, sizeof(m->claim)) &&
		   read_text(call, META "job", m->job, sizeof(m->job)) && offsets.p;
}

enum s3_outcome s3_head(struct s3_conn *c, struct slice key, struct s3_marks *marks, int64_t *bytes,
			struct err *err)
{
	const struct s3_ask ask = { .method = "HEAD", .key = key };
	struct s3_call *call = s3_call_begin(c, &ask);
	enum s3_outcome o = s3_call_wait(call, err);

	if (o == S3_DONE) {
		read_marks(call, marks);
		if (!read_number(s3_call_field(call, "Content-Length"), bytes))
			*bytes = -1;
	}
	s3_call_end(call);
	return o;
}

void s3_get_begin(struct s3_get *g, struct s3_conn *c, struct slice key, int64_t from, size_t n)
{
	snprintf(g->range, sizeof(g->range), "bytes=%" PRId64 "-%" PRId64, from,
		 from + (int64_t)n - 1);
	g->field = pair("Range", slice_z(g->range));
	g->ask = (struct s3_ask){ .method = "GET", .key = key, .field = &g->field, .n_fields = 1 };
	g->call = s3_call_begin(c, &g->ask);
}

/* "bytes 0-8388607/25165824" */
int64_t s3_get_bytes(const struct s3_get *g)
{
	struct slice range = s3_call_field(g->call, "Content-Range");
	const char *slash = range.p ? memchr(range.p, '/', range.n) : NULL;
	int64_t bytes;

	return slash && read_number(slice(slash + 1, range.n - (size_t)(slash + 1 - range.p)),
				    &bytes)
		       ? bytes
		       : -1;
}

void s3_get_marks(const struct s3_get *g, struct s3_marks *marks)
{
	read_marks(g->call, marks);
}

void s3_get_end(struct s3_get *g)
{
	s3_call_end(g->call);
	g->call = NULL;
}

/* ---- uploads */

struct text_of {
	const char *path;
	struct buf *out;
};

static void take_text(void *arg, const char *path, struct slice text)
{
	struct text_of *t = arg;

	if (strcmp(path, t->path) == 0) {
		t->out->n = 0;
		buf_adds(t->out, text);
	}
}

static size_t write_marks(const struct s3_marks *m, char number[3][24], struct sigv4_pair *out)
{
	snprintf(number[0], 24, "%" PRId64, m->from);
	snprintf(number[1], 24, "%" PRId64, m->to);
	snprintf(number[2], 24, "%" PRId64, m->records);
	out[0] = pair(META "from", slice_z(number[0]));
	out[1] = pair(META "to", slice_z(number[1]));
	out[2] = pair(META "records", slice_z(number[2]));
	out[3] = pair(META "claim", slice_z(m->claim));
	out[4] = pair(META "job", slice_z(m->job));
	out[5] = pair(META "offsets", slice_z(m->dense ? "dense" : "noted"));
	return 6;
}

void s3_create_begin(struct s3_create *p, struct s3_conn *c, struct slice key, const char *type,
		     const struct s3_marks *marks)
{
	p->query = pair("uploads", slice_z(""));
	p->field[0] = pair("Content-Type", slice_z(type));
	p->ask = (struct s3_ask){ .method = "POST",
				  .key = key,
				  .query = &p->query,
				  .n_query = 1,
				  .field = p->field,
				  .n_fields = 1 + write_marks(marks, p->number, p->field + 1),
				  .body = slice("", 0) };
	p->call = s3_call_begin(c, &p->ask);
}

enum s3_outcome s3_create_wait(struct s3_create *p, struct buf *id, struct err *err)
{
	enum s3_outcome o = s3_call_wait(p->call, err);
	struct text_of t = { "InitiateMultipartUploadResult/UploadId", id };

	id->n = 0;
	if (o == S3_DONE && (xml_read(s3_call_body(p->call), take_text, &t, err) || id->n == 0)) {
		err_set(err, EX_TEMPFAIL, "POST ?uploads: the answer has no upload id");
		o = S3_AGAIN;
	}
	s3_call_end(p->call);
	p->call = NULL;
	return o;
}

static void set_part(struct s3_part *p, struct slice key, struct slice id, unsigned number)
{
	snprintf(p->number, sizeof(p->number), "%u", number);
	p->query[0] = pair("partNumber", slice_z(p->number));
	p->query[1] = pair("uploadId", id);
	p->ask = (struct s3_ask){ .method = "PUT", .key = key, .query = p->query, .n_query = 2 };
	p->from.n = 0;
}

void s3_part_begin(struct s3_part *p, struct s3_conn *c, struct slice key, struct slice id,
		   unsigned number, struct slice body)
{
	set_part(p, key, id, number);
	p->ask.body = body;
	p->call = s3_call_begin(c, &p->ask);
}

void s3_part_copy(struct s3_part *p, struct s3_conn *c, struct slice key, struct slice id,
		  unsigned number, struct slice from, struct slice etag)
{
	set_part(p, key, id, number);
	buf_addz(&p->from, c->place.bucket);
	buf_addc(&p->from, '/');
	sigv4_encode(from, true, &p->from);
	p->field[0] = pair("x-amz-copy-source", buf_slice(&p->from));
	p->field[1] = pair("x-amz-copy-source-if-match", etag);
	p->ask.field = p->field;
	p->ask.n_fields = etag.n ? 2 : 1;
	p->ask.body = slice("", 0);
	p->ask.late_error = true;
	p->call = s3_call_begin(c, &p->ask);
}

enum s3_outcome s3_part_wait(struct s3_part *p, struct buf *etag, struct err *err)
{
	enum s3_outcome o = s3_call_wait(p->call, err);
	struct text_of t = { "CopyPartResult/ETag", etag };
	struct err ignored = ERR_INIT;

	etag->n = 0;
	if (o == S3_DONE && p->from.n)
		xml_read(s3_call_body(p->call), take_text, &t, &ignored);
	else if (o == S3_DONE)
		buf_adds(etag, s3_call_field(p->call, "ETag"));
	if (o == S3_DONE && etag->n == 0) {
		err_set(err, EX_TEMPFAIL, "PUT ?partNumber: the answer has no ETag");
		o = S3_AGAIN;
	}
	s3_call_end(p->call);
	p->call = NULL;
	return o;
}

static void write_parts(const struct buf *etag, size_t n, struct buf *out)
{
	buf_addz(out, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
		for (size_t k = 0; k < etag[i].n; k++)
			if (etag[i].p[k] == '"')
				buf_addz(out, "&quot;");
			else
				buf_addc(out, etag[i].p[k]);
		buf_addz(out, "</ETag></Part>");
	}
	buf_addz(out, "</CompleteMultipartUpload>");
}

void s3_complete_begin(struct s3_complete *p, struct s3_conn *c, struct slice key, struct slice id,
		       const struct buf *etag, size_t n, bool only_new)
{
	p->query = pair("uploadId", id);
	p->field[0] = pair("Content-Type", slice_z("application/xml"));
	p->field[1] = pair("If-None-Match", slice_z("*"));
	write_parts(etag, n, &p->body);
	p->ask = (struct s3_ask){ .method = "POST",
				  .key = key,
				  .query = &p->query,
				  .n_query = 1,
				  .field = p->field,
				  .n_fields = only_new ? 2 : 1,
				  .body = buf_slice(&p->body),
				  .late_error = true };
	p->call = s3_call_begin(c, &p->ask);
}

enum s3_outcome s3_complete_wait(struct s3_complete *p, struct err *err)
{
	enum s3_outcome o = s3_call_wait(p->call, err);

	p->repeated = s3_call_repeated(p->call);
	s3_call_end(p->call);
	p->call = NULL;
	buf_fini(&p->body);
	return o;
}

enum s3_outcome s3_upload_abort(struct s3_conn *c, struct slice key, struct slice id,
				struct err *err)
{
	const struct sigv4_pair query = pair("uploadId", id);

	return run_ask(
		c,
		&(struct s3_ask){ .method = "DELETE", .key = key, .query = &query, .n_query = 1 },
		err);
}
