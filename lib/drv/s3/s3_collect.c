/*	run --> text --8 MiB--> frame --> first part, full: kept
 *	                          |-----> part --full--> slot --PUT--> TOKEN.EPOCH.SHARE.NTH
 *	                                                 slot          in FOLDER.parts/
 *	barrier: the object = first part | copies of those | part, the open frame
 *
 * An upload cannot begin before the barrier: its marks say up to where it goes, its name where the
 * epoch begins, which a partition's first record does not (those before it may have been dropped),
 * and both stay as they were when it began. Nor can it be named by what is known early: an epoch
 * that comes again is cut elsewhere, and has to replace what was there, so an object's name is
 * where the epoch begins. What can be sent early are bytes: as objects that nobody looks for, which
 * the server copies into the upload (UploadPartCopy), so they go over the wire once. Their names
 * never come twice: a request that was given up may be done much later. And what is copied has to
 * be what the server has said that it took, by its ETag.
 *
 * Until a gap is seen frames have no notes. The pair of what came before it, which may be many
 * frames, then goes in front of the first part, with what is missing before the first record: that
 * is why the first part is kept. */
#include "drv/s3/s3_collect.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"

#define TYPE "application/octet-stream"

enum { PARTS_A_SIZE = 1000, TOKEN_BYTES = 16, DELETIONS_ASIDE = 16, DELETION_TRIES = 2 };

static const int64_t deletions_us = 5 * TM_S;

/* A part that is on its way, or waits to be sent again: then it has a body and no call. While it
 * has a call, key and body are borrowed. */
struct aside {
	struct s3_put put;
	struct buf key, body;
	size_t share, nth;
};

struct s3_collect {
	struct s3_conn *conn;
	struct slice folder;
	struct pack *pack;
	struct s3_share *share;
	size_t shares, cap, last;
	struct buf token;
	uint64_t epoch; /* those that are over */
	struct aside aside[S3_PARTS_ASIDE];
	size_t next;
	bool refused; /* to delete: told once */
};

struct s3_collect *s3_collect_new(struct s3_conn *c, struct slice folder, struct pack *pack)
{
	struct s3_collect *k = mem_zalloc(sizeof(*k));
	uint8_t random[TOKEN_BYTES];

	*k = (struct s3_collect){ .conn = c, .folder = folder, .pack = pack };
	hash_random(random, sizeof(random));
	buf_hex(&k->token, random, sizeof(random));
	return k;
}

static void share_fini(struct s3_share *s)
{
	buf_fini(&s->topic);
	buf_fini(&s->day);
	buf_fini(&s->text);
	buf_fini(&s->note);
	buf_fini(&s->first_part);
	buf_fini(&s->part);
	for (size_t i = 0; i < s->sent; i++)
		buf_fini(&s->etag[i]);
	free(s->etag);
}

static void forget_shares(struct s3_collect *c)
{
	for (size_t i = 0; i < c->shares; i++)
		share_fini(&c->share[i]);
	c->shares = c->last = 0;
}

void s3_collect_free(struct s3_collect *c)
{
	if (!c)
		return;
	forget_shares(c);
	for (size_t i = 0; i < S3_PARTS_ASIDE; i++) {
		s3_call_end(c->aside[i].put.call);
		buf_fini(&c->aside[i].key);
		buf_fini(&c->aside[i].body);
	}
	free(c->share);
	buf_fini(&c->token);
	free(c);
}

/* ---- shares */

static bool is_share(const struct s3_share *s, struct slice topic, int32_t partition)
{
	return s->partition == partition && slice_eq(buf_slice(&s->topic), topic);
}

static struct s3_share *find_share(struct s3_collect *c, struct slice topic, int32_t partition)
{
	if (c->last < c->shares && is_share(&c->share[c->last], topic, partition))
		return &c->share[c->last];
	for (size_t i = 0; i < c->shares; i++)
		if (is_share(&c->share[i], topic, partition)) {
			c->last = i;
			return &c->share[i];
		}
	return NULL;
}

struct s3_share *s3_collect_find(struct s3_collect *c, const char *topic, int32_t partition)
{
	return find_share(c, slice_z(topic), partition);
}

size_t s3_collect_shares(const struct s3_collect *c)
{
	return c->shares;
}

struct s3_share *s3_collect_share(struct s3_collect *c, const struct origin *origin, bool *fresh)
{
	struct s3_share *s = find_share(c, origin->topic, origin->partition);

	*fresh = !s;
	if (s)
		return s;
	mem_reserve(&c->share, &c->cap, c->shares + 1, sizeof(*c->share));
	c->last = c->shares++;
	s = &c->share[c->last];
	*s = (struct s3_share){ .partition = origin->partition,
				.first = origin->offset,
				.next = origin->offset,
				.pairs.next = origin->offset };
	buf_adds(&s->topic, origin->topic);
	return s;
}

/* ---- records */

/* The first pair is told apart: it is the head's. */
static void add_offset(struct s3_share *s, int64_t offset)
{
	uint64_t row = s->pairs.row;

	s3_offsets_add(&s->pairs, offset, &s->note);
	if (s->gaps || s->note.n == 0)
		return;
	s->gaps = true;
	s->head = row;
	s->note.n = 0;
}

static size_t least_bytes(const struct s3_share *s)
{
	return (size_t)S3_PART_BYTES << s->sent / PARTS_A_SIZE;
}

static bool first_is_full(const struct s3_share *s)
{
	return s->first_part.n >= S3_PART_BYTES;
}

static void cut_frame(struct s3_collect *c, struct s3_share *s)
{
	struct buf *to = first_is_full(s) ? &s->part : &s->first_part;

	if (s->gaps)
		s3_offsets_cut(&s->pairs, &s->note);
	pack_part(c->pack, s->gaps ? buf_slice(&s->note) : slice(NULL, 0), buf_slice(&s->text), to);
	s->text.n = s->note.n = 0;
}

/* Every line has a place of its own: from files, where offsets are bytes. */
static void add_lines(struct s3_share *s, const struct run *run, uint64_t *lines)
{
	const char *p = run->block.p, *end = p + run->block.n;
	int64_t offset = run->origin.offset;

	for (*lines = 0; p < end; ++*lines) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		add_offset(s, offset);
		offset += run->origin.bytes ? nl + 1 - p : 1;
		p = nl + 1;
	}
	s->records += (int64_t)*lines;
	s->next = s->pairs.next;
}

bool s3_collect_run(struct s3_collect *c, struct s3_share *s, const struct run *run,
		    uint64_t *lines)
{
	s->unordered = s->unordered || run->origin.offset < s->next;
	if (s->unordered) {
		*lines = 0;
		return false;
	}
	add_lines(s, run, lines);
	buf_adds(&s->text, run->block);
	if (s->text.n >= S3_FRAME_BYTES)
		cut_frame(c, s);
	return s->part.n >= least_bytes(s);
}

/* ---- parts */

static void name_part(const struct s3_collect *c, size_t share, size_t nth, struct buf *key)
{
	key->n = 0;
	buf_printf(key, "%.*s%.*s.%" PRIu64 ".%zu.%zu", (int)c->folder.n, c->folder.p,
		   (int)c->token.n, c->token.p, c->epoch, share, nth);
}

/* Where the answer has none, nothing is compared. */
static void keep_etag(struct s3_collect *c, const struct aside *a)
{
	buf_adds(&c->share[a->share].etag[a->nth], s3_call_field(a->put.call, "ETag"));
}

static enum sink_result wait_aside(struct s3_collect *c, struct aside *a, struct err *err)
{
	enum s3_outcome o;

	if (!a->body.n && !a->put.call)
		return SINK_OK;
	if (!a->put.call)
		s3_put_begin(&a->put, c->conn, buf_slice(&a->key), TYPE, buf_slice(&a->body));
	o = s3_call_wait(a->put.call, err);
	if (o == S3_DONE)
		keep_etag(c, a);
	s3_call_end(a->put.call);
	a->put.call = NULL;
	if (o == S3_DONE)
		a->body.n = 0;
	if (o == S3_NONE || o == S3_EXISTS)
		err_set(err, EX_CONFIG, "%.*s: a part cannot be put there", (int)a->key.n,
			a->key.p);
	return o == S3_NONE || o == S3_EXISTS ? SINK_FATAL : s3_result(o);
}

static enum sink_result send_part(struct s3_collect *c, size_t share, struct err *err)
{
	struct s3_share *s = &c->share[share];
	struct aside *a = &c->aside[c->next];
	enum sink_result r = wait_aside(c, a, err);
	struct buf emptied = a->body;

	if (r != SINK_OK)
		return r;
	mem_reserve(&s->etag, &s->etag_cap, s->sent + 1, sizeof(*s->etag));
	s->etag[s->sent] = (struct buf){ 0 };
	a->share = share;
	a->nth = s->sent++;
	name_part(c, share, a->nth, &a->key);
	a->body = s->part;
	s->part = emptied;
	s3_put_begin(&a->put, c->conn, buf_slice(&a->key), TYPE, buf_slice(&a->body));
	c->next = (c->next + 1) % S3_PARTS_ASIDE;
	return SINK_OK;
}

enum sink_result s3_collect_send(struct s3_collect *c, struct err *err)
{
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < c->shares && r == SINK_OK; i++)
		if (c->share[i].part.n >= least_bytes(&c->share[i]))
			r = send_part(c, i, err);
	return r;
}

enum sink_result s3_collect_wait(struct s3_collect *c, struct err *err)
{
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < S3_PARTS_ASIDE && r == SINK_OK; i++)
		r = wait_aside(c, &c->aside[i], err);
	return r;
}

/* ---- the object */

bool s3_share_dense(const struct s3_share *s, int64_t from, int64_t to)
{
	return !s->gaps && s->first == from && to - from == s->records;
}

/* What the first part has in front of it. */
static void add_head(struct s3_collect *c, const struct s3_share *s, const struct s3_marks *marks,
		     struct buf *out)
{
	struct s3_offsets pair = { .skip = (uint64_t)(s->first - marks->from),
				   .row = s->gaps ? s->head : s->pairs.row };
	struct buf note = { 0 };

	if (marks->dense)
		return;
	s3_offsets_cut(&pair, &note);
	pack_note(c->pack, buf_slice(&note), out);
	buf_fini(&note);
}

static void add_open_frame(struct s3_collect *c, const struct s3_share *s, struct buf *out)
{
	struct s3_offsets pairs = s->pairs;
	struct buf note = { 0 };

	if (!s->text.n)
		return;
	buf_adds(&note, buf_slice(&s->note));
	if (s->gaps)
		s3_offsets_cut(&pairs, &note);
	pack_part(c->pack, s->gaps ? buf_slice(&note) : slice(NULL, 0), buf_slice(&s->text), out);
	buf_fini(&note);
}

static enum sink_result copy_parts(struct s3_collect *c, const struct s3_share *s,
				   struct s3_uploads *u, size_t object, struct err *err)
{
	struct buf key = { 0 };
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < s->sent && r == SINK_OK; i++) {
		name_part(c, (size_t)(s - c->share), i, &key);
		r = s3_uploads_copy(u, object, buf_slice(&key), buf_slice(&s->etag[i]), err);
	}
	buf_fini(&key);
	return r;
}

enum sink_result s3_collect_write(struct s3_collect *c, const struct s3_share *s,
				  const struct s3_marks *marks, struct s3_uploads *u, size_t object,
				  struct err *err)
{
	bool parts = first_is_full(s);
	struct buf body = { 0 };
	enum sink_result r = SINK_OK;

	add_head(c, s, marks, &body);
	buf_adds(&body, buf_slice(&s->first_part));
	if (parts) {
		r = s3_uploads_part(u, object, &body, err);
		if (r == SINK_OK)
			r = copy_parts(c, s, u, object, err);
		body.n = 0;
		buf_adds(&body, buf_slice(&s->part));
	}
	add_open_frame(c, s, &body);
	if (r == SINK_OK && body.n)
		r = s3_uploads_part(u, object, &body, err);
	buf_fini(&body);
	return r;
}

/* ---- the end */

struct deletion {
	struct s3_deletion part;
	struct buf key;
};

static void begin_deletion(struct s3_collect *c, struct deletion *d, size_t share, size_t nth)
{
	name_part(c, share, nth, &d->key);
	s3_delete_begin(&d->part, c->conn, buf_slice(&d->key));
}

static bool wait_deletion(struct s3_collect *c, struct deletion *d, int64_t until_us)
{
	struct err why = ERR_INIT;
	enum s3_outcome o;

	if (!d->part.call)
		return true;
	o = s3_call_wait_until(d->part.call, DELETION_TRIES, until_us, &why);
	s3_call_end(d->part.call);
	d->part.call = NULL;
	if (s3_result(o) == SINK_OK)
		return true;
	if (!c->refused)
		log_warn("parts that are of no use any more stay (--clean): %s", why.msg);
	c->refused = true;
	return false;
}

/* A bucket that is away now holds up nobody for the sake of what is of no use. */
static void delete_parts(struct s3_collect *c)
{
	struct deletion aside[DELETIONS_ASIDE] = { 0 };
	int64_t until_us = tm_mono_us() + deletions_us;
	bool good = true;
	size_t n = 0;

	for (size_t i = 0; i < c->shares && good; i++)
		for (size_t k = 0; k < c->share[i].sent && good; k++) {
			struct deletion *d = &aside[n++ % DELETIONS_ASIDE];

			good = wait_deletion(c, d, until_us);
			if (good)
				begin_deletion(c, d, i, k);
		}
	for (size_t i = 0; i < DELETIONS_ASIDE; i++) {
		good = good && wait_deletion(c, &aside[i], until_us);
		s3_call_end(aside[i].part.call);
		buf_fini(&aside[i].key);
	}
}

/* An epoch that was applied already is over while parts of it are under way. */
static void cancel_asides(struct s3_collect *c)
{
	for (size_t i = 0; i < S3_PARTS_ASIDE; i++) {
		s3_call_end(c->aside[i].put.call);
		c->aside[i].put.call = NULL;
		c->aside[i].body.n = 0;
	}
}

void s3_collect_drop(struct s3_collect *c)
{
	cancel_asides(c);
	delete_parts(c);
	forget_shares(c);
	c->epoch++;
}
