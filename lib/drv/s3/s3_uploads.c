/*	part, copy --> slot --> UploadPart, UploadPartCopy
 *	               slot
 *	               ..       S3_PARTS_ASIDE of them
 *
 * An object's name follows from where it begins, and an epoch of many partitions is many objects.
 * Where some of them were completed and others not, the epoch was not stored: it comes again, from
 * the same offsets, and objects of the same names replace those. So a name that is taken already is
 * no error, as long as it is this job's. */
#include "drv/s3/s3_uploads.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "drv/s3/s3_key.h"

#define TYPE "application/x-ndjson"

struct upload {
	char *key;
	struct s3_marks marks;
	struct buf id;
	struct buf *etag; /* of its parts */
	size_t parts, cap;
	struct s3_create create;
	struct s3_complete complete;
};

/* A part that is on its way. */
struct slot {
	struct s3_part part;
	struct upload *upload;
	size_t nth;
	struct buf body;
};

struct s3_uploads {
	struct s3_conn *conn;
	struct upload *v;
	size_t n, cap;
	struct slot slot[S3_PARTS_ASIDE];
	size_t next_slot;
};

struct s3_uploads *s3_uploads_new(struct s3_conn *c)
{
	struct s3_uploads *u = mem_zalloc(sizeof(*u));

	u->conn = c;
	return u;
}

static void upload_fini(struct upload *o)
{
	s3_call_end(o->create.call);
	s3_call_end(o->complete.call);
	buf_fini(&o->complete.body);
	for (size_t i = 0; i < o->parts; i++)
		buf_fini(&o->etag[i]);
	free(o->etag);
	buf_fini(&o->id);
	free(o->key);
}

void s3_uploads_free(struct s3_uploads *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < S3_PARTS_ASIDE; i++) {
		s3_call_end(u->slot[i].part.call);
		buf_fini(&u->slot[i].part.from);
		buf_fini(&u->slot[i].body);
	}
	for (size_t i = 0; i < u->n; i++)
		upload_fini(&u->v[i]);
	free(u->v);
	free(u);
}

size_t s3_uploads_object(struct s3_uploads *u, struct slice key, const struct s3_marks *marks)
{
	mem_reserve(&u->v, &u->cap, u->n + 1, sizeof(*u->v));
	u->v[u->n] = (struct upload){ .key = mem_dup(key.p, key.n), .marks = *marks };
	return u->n++;
}

enum sink_result s3_result(enum s3_outcome o)
{
	return o == S3_AGAIN ? SINK_RETRY : o == S3_FATAL || o == S3_LEAVE ? SINK_FATAL : SINK_OK;
}

/* ---- beginning */

static void abort_begun(struct s3_uploads *u)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].id.n)
			s3_upload_abort(u->conn, slice_z(u->v[i].key), buf_slice(&u->v[i].id),
					&ignored);
}

enum sink_result s3_uploads_begin(struct s3_uploads *u, struct err *err)
{
	enum s3_outcome worst = S3_DONE;
	struct err why = ERR_INIT;

	for (size_t i = 0; i < u->n; i++)
		s3_create_begin(&u->v[i].create, u->conn, slice_z(u->v[i].key), TYPE,
				&u->v[i].marks);
	for (size_t i = 0; i < u->n; i++) {
		enum s3_outcome o = s3_create_wait(&u->v[i].create, &u->v[i].id, &why);

		if (o > worst) {
			worst = o;
			err_copy(err, &why);
		}
	}
	if (worst == S3_NONE || worst == S3_EXISTS) {
		err_set(err, EX_CONFIG, "%s%s: an upload cannot begin there", S3_SCHEME,
			u->conn->place.bucket);
		worst = S3_FATAL;
	}
	if (worst == S3_AGAIN || worst == S3_FATAL)
		abort_begun(u);
	return s3_result(worst);
}

void s3_uploads_what(const struct s3_uploads *u, struct buf *what)
{
	for (size_t i = 0; i < u->n; i++) {
		if (i)
			buf_addc(what, ' ');
		sigv4_encode(slice_z(u->v[i].key), true, what);
		buf_addc(what, ' ');
		sigv4_encode(buf_slice(&u->v[i].id), false, what);
	}
}

/* ---- parts */

static enum sink_result lost_upload(const struct upload *o, struct err *err)
{
	err_set(err, EX_TEMPFAIL, "the upload of %s was ended by another process", o->key);
	return SINK_CONFLICT;
}

static enum sink_result wait_slot(struct slot *s, struct err *err)
{
	enum s3_outcome o;

	if (!s->part.call)
		return SINK_OK;
	o = s3_part_wait(&s->part, &s->upload->etag[s->nth], err);
	if (o == S3_EXISTS) {
		err_set(err, EX_TEMPFAIL, "a part of %s is not the one that was sent: start again",
			s->upload->key);
		return SINK_CONFLICT;
	}
	return o == S3_NONE ? lost_upload(s->upload, err) : s3_result(o);
}

/* A slot for the object's next part; NULL: *r. */
static struct slot *next_slot(struct s3_uploads *u, struct upload *o, enum sink_result *r,
			      struct err *err)
{
	struct slot *s = &u->slot[u->next_slot];

	*r = wait_slot(s, err);
	if (*r != SINK_OK)
		return NULL;
	if (o->parts == S3_PARTS_MAX) {
		err_set(err, EX_DATAERR, "%s has more than %d parts: shorter epochs (--epoch)",
			o->key, S3_PARTS_MAX);
		*r = SINK_FATAL;
		return NULL;
	}
	mem_reserve(&o->etag, &o->cap, o->parts + 1, sizeof(*o->etag));
	o->etag[o->parts] = (struct buf){ 0 };
	s->upload = o;
	s->nth = o->parts++;
	u->next_slot = (u->next_slot + 1) % S3_PARTS_ASIDE;
	return s;
}

enum sink_result s3_uploads_part(struct s3_uploads *u, size_t i, struct buf *body, struct err *err)
{
	struct upload *o = &u->v[i];
	enum sink_result r;
	struct slot *s = next_slot(u, o, &r, err);
	struct buf emptied;

	if (!s)
		return r;
	emptied = s->body;
	s->body = *body;
	*body = emptied;
	body->n = 0;
	s3_part_begin(&s->part, u->conn, slice_z(o->key), buf_slice(&o->id), (unsigned)(s->nth + 1),
		      buf_slice(&s->body));
	return SINK_OK;
}

enum sink_result s3_uploads_copy(struct s3_uploads *u, size_t i, struct slice key,
				 struct slice etag, struct err *err)
{
	struct upload *o = &u->v[i];
	enum sink_result r;
	struct slot *s = next_slot(u, o, &r, err);

	if (s)
		s3_part_copy(&s->part, u->conn, slice_z(o->key), buf_slice(&o->id),
			     (unsigned)(s->nth + 1), key, etag);
	return r;
}

/* ---- the end */

static bool is_ours(const struct s3_marks *there, const char *claim)
{
	return there->known && strcmp(there->claim, claim) == 0;
}

/* The upload is gone: it was completed by a request whose answer was lost, or aborted. */
static enum sink_result look_for_object(struct s3_uploads *u, const struct upload *o,
					struct err *err)
{
	struct s3_marks there;
	int64_t bytes;
	enum s3_outcome out = s3_head(u->conn, slice_z(o->key), &there, &bytes, err);

	if (s3_result(out) != SINK_OK)
		return s3_result(out);
	return out == S3_DONE && is_ours(&there, o->marks.claim) ? SINK_OK : lost_upload(o, err);
}

/* It was completed, says the server. Where it was asked twice, because it went away in between, the
 * second answer may be about what the first request has left half done: it is looked at. */
static enum sink_result believe(struct s3_uploads *u, const struct upload *o, struct err *err)
{
	enum sink_result r;

	if (!o->complete.repeated)
		return SINK_OK;
	r = look_for_object(u, o, err);
	if (r != SINK_CONFLICT)
		return r;
	err_set(err, EX_TEMPFAIL, "%s is not there, though its upload was completed", o->key);
	return SINK_RETRY;
}

static enum sink_result replace_object(struct s3_uploads *u, struct upload *o, struct err *err)
{
	struct s3_marks there;
	int64_t bytes;
	enum s3_outcome out = s3_head(u->conn, slice_z(o->key), &there, &bytes, err);

	if (s3_result(out) != SINK_OK)
		return s3_result(out);
	if (out == S3_DONE && is_ours(&there, o->marks.claim))
		return SINK_OK;
	if (out == S3_DONE && (!there.known || strcmp(there.job, o->marks.job) != 0)) {
		err_set(err, EX_CONFIG,
			"%s%s/%s is there, and was not written by this job: give each job a "
			"prefix or a --folder of its own",
			S3_SCHEME, u->conn->place.bucket, o->key);
		return SINK_FATAL;
	}
	s3_complete_begin(&o->complete, u->conn, slice_z(o->key), buf_slice(&o->id), o->etag,
			  o->parts, false);
	out = s3_complete_wait(&o->complete, err);
	if (out == S3_DONE)
		return believe(u, o, err);
	return out == S3_NONE ? look_for_object(u, o, err) : s3_result(out);
}

static enum sink_result end_upload(struct s3_uploads *u, struct upload *o, struct err *err)
{
	switch (s3_complete_wait(&o->complete, err)) {
	case S3_DONE:
		return believe(u, o, err);
	case S3_NONE:
		return look_for_object(u, o, err);
	case S3_EXISTS:
		return replace_object(u, o, err);
	case S3_AGAIN:
		return SINK_RETRY;
	default:
		return SINK_FATAL;
	}
}

enum sink_result s3_uploads_complete(struct s3_uploads *u, struct err *err)
{
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < S3_PARTS_ASIDE && r == SINK_OK; i++)
		r = wait_slot(&u->slot[i], err);
	if (r != SINK_OK)
		return r;
	for (size_t i = 0; i < u->n; i++)
		s3_complete_begin(&u->v[i].complete, u->conn, slice_z(u->v[i].key),
				  buf_slice(&u->v[i].id), u->v[i].etag, u->v[i].parts, true);
	for (size_t i = 0; i < u->n && r == SINK_OK; i++)
		r = end_upload(u, &u->v[i], err);
	return r;
}

/* ---- settling */

/* The next word of what, decoded. */
static bool take_word(struct slice *what, struct buf *out)
{
	const char *blank = what->n ? memchr(what->p, ' ', what->n) : NULL;
	size_t n = blank ? (size_t)(blank - what->p) : what->n;
	uint8_t c;

	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		c = (uint8_t)what->p[i];
		if (c == '%' && n - i > 2 && str_unhex(slice(what->p + i + 1, 2), &c, 1) == 0)
			i += 2;
		buf_addc(out, (char)c);
	}
	n += blank ? 1 : 0;
	*what = slice(what->p + n, what->n - n);
	return out->n != 0;
}

static enum sink_result abort_all(struct s3_conn *c, struct slice what, struct err *err)
{
	struct buf key = { 0 }, id = { 0 };
	enum sink_result r = SINK_OK;

	while (r == SINK_OK && take_word(&what, &key) && take_word(&what, &id))
		r = s3_result(s3_upload_abort(c, buf_slice(&key), buf_slice(&id), err));
	buf_fini(&key);
	buf_fini(&id);
	return r;
}

enum sink_result s3_uploads_stored(struct s3_conn *c, const char *claim, struct slice what,
				   bool *stored, struct err *err)
{
	struct buf key = { 0 }, id = { 0 };
	enum sink_result r = SINK_OK;

	*stored = what.n != 0;
	while (r == SINK_OK && *stored && take_word(&what, &key) && take_word(&what, &id)) {
		struct s3_marks there = { .known = false };
		int64_t bytes;
		enum s3_outcome o = s3_head(c, buf_slice(&key), &there, &bytes, err);

		r = s3_result(o);
		*stored = o == S3_DONE && is_ours(&there, claim);
	}
	buf_fini(&key);
	buf_fini(&id);
	return r;
}

enum sink_result s3_uploads_settle(struct s3_conn *c, const char *claim, struct slice what,
				   bool *stored, struct err *err)
{
	enum sink_result r = abort_all(c, what, err);

	return r == SINK_OK ? s3_uploads_stored(c, claim, what, stored, err) : r;
}
