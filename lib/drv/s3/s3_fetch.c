/*	order:   object 4 |   object 9        | object 2 ..
 *	ranges:  [0,4M)    [0,4M) [4M,8M) [8M,9M)  [0,..
 *	           ^first, lent   ^under way     ^nth, at: the next to begin
 * Ranges of one object may come from two writings of it, if somebody writes it meanwhile: their
 * claims tell. */
#include "drv/s3/s3_fetch.h"

#include <stdlib.h>

#include "base/mem.h"

struct fetching {
	struct s3_get get;
	size_t nth; /* in the order */
	int64_t from;
};

struct s3_fetch {
	struct s3_conn *conn;
	const struct s3_catalog *catalog;
	const size_t *order;
	size_t n;
	int64_t retry_for_us;
	/* a ring: what is on its way, the first of which may be lent */
	struct fetching aside[FETCH_ASIDE_EACH];
	size_t most_aside, first, under_way;
	bool lent;
	/* where the next one to begin stands */
	size_t nth;
	int64_t at;
	char claim[sizeof(((struct s3_marks *)0)->claim)]; /* of the object that is read */
	struct retry retry;
};

struct s3_fetch *s3_fetch_new(struct s3_conn *conn, const struct s3_catalog *catalog,
			      const size_t *order, size_t n, int64_t retry_for_us)
{
	struct s3_fetch *f = mem_zalloc(sizeof(*f));

	f->conn = conn;
	f->catalog = catalog;
	f->most_aside = catalog->each ? FETCH_ASIDE_EACH : FETCH_ASIDE;
	f->order = order;
	f->n = n;
	f->retry_for_us = retry_for_us;
	return f;
}

void s3_fetch_free(struct s3_fetch *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < FETCH_ASIDE_EACH; i++)
		s3_get_end(&f->aside[i].get);
	free(f);
}

static const struct s3_object *object_of(const struct s3_fetch *f, size_t nth)
{
	return &f->catalog->v[f->order[nth]];
}

static void begin_get(struct s3_fetch *f, struct fetching *g)
{
	s3_get_begin(&g->get, f->conn, slice_z(object_of(f, g->nth)->key), g->from, FETCH_BYTES);
}

static void begin_more(struct s3_fetch *f)
{
	while (f->under_way < f->most_aside && f->nth < f->n) {
		struct fetching *g = &f->aside[(f->first + f->under_way++) % f->most_aside];

		g->nth = f->nth;
		g->from = f->at;
		begin_get(f, g);
		f->at += FETCH_BYTES;
		if (f->at >= object_of(f, f->nth)->bytes) {
			f->nth++;
			f->at = 0;
		}
	}
}

static void end_lent(struct s3_fetch *f)
{
	if (!f->lent)
		return;
	s3_get_end(&f->aside[f->first].get);
	f->first = (f->first + 1) % f->most_aside;
	f->under_way--;
	f->lent = false;
}

static int say_changed(const struct s3_object *o, struct err *err)
{
	return err_set(err, EX_TEMPFAIL,
		       "%s was written anew or taken away while it was to be read: start again",
		       o->key);
}

static int wait_get(struct s3_fetch *f, struct fetching *g, struct err *err)
{
	for (;;) {
		struct err why = ERR_INIT;

		switch (s3_call_wait(g->get.call, &why)) {
		case S3_DONE:
			retry_done(&f->retry, "s3");
			return 0;
		case S3_AGAIN:
			break;
		case S3_NONE:
		case S3_EXISTS:
			return say_changed(object_of(f, g->nth), err);
		default:
			return err_copy(err, &why);
		}
		if (retry_wait(&f->retry, f->conn->loop, "s3", f->retry_for_us, &why, err))
			return -1;
		s3_get_end(&g->get);
		begin_get(f, g);
	}
}

/* All ranges are of one writing, and what was listed. */
static int check_chunk(struct s3_fetch *f, const struct fetching *g, struct s3_chunk *c,
		       struct err *err)
{
	int64_t end = g->from + (int64_t)c->bytes.n;

	if (!c->marks.known && !f->catalog->each)
		return err_set(err, EX_DATAERR,
			       "%s has no marks of hta-sink-s3 (x-amz-meta-hta-..): was it copied "
			       "without its metadata?",
			       c->object->key);
	if (c->first)
		memcpy(f->claim, c->marks.claim, sizeof(f->claim));
	c->last = end == c->object->bytes;
	return s3_get_bytes(&g->get) != c->object->bytes || c->bytes.n == 0 ||
			       (!c->last && c->bytes.n != FETCH_BYTES) ||
			       strcmp(f->claim, c->marks.claim) != 0
		       ? say_changed(c->object, err)
		       : 0;
}

int s3_fetch_next(struct s3_fetch *f, struct s3_chunk *chunk, struct err *err)
{
	struct fetching *g;

	*chunk = (struct s3_chunk){ 0 };
	end_lent(f);
	begin_more(f);
	if (!f->under_way)
		return 0;
	g = &f->aside[f->first];
	if (wait_get(f, g, err))
		return -1;
	f->lent = true;
	chunk->object = object_of(f, g->nth);
	chunk->bytes = s3_call_body(g->get.call);
	chunk->first = g->from == 0;
	s3_get_marks(&g->get, &chunk->marks);
	return check_chunk(f, g, chunk, err);
}
