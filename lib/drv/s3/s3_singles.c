/*	object 1: line            object 2: line \n line      object 3: line \n
 *	          ^0                        ^bytes + 1                 ^..
 *
 * An object may come in several chunks; what is left of a line waits for the next one. The end of
 * an object ends its line. */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/s3/s3_reader.h"

enum { LINE_MAX_BYTES = 1 << 30 };

struct s3_singles {
	struct s3_fetch *fetch;
	struct s3_chunk chunk; /* object NULL: none is open */
	struct buf text;
	size_t used; /* of the text */
	int64_t at;  /* where the next line begins */
	struct input_record *record;
};

struct s3_singles *s3_singles_new(struct s3_conn *conn, const struct s3_catalog *catalog,
				  const size_t *order, size_t n, int64_t retry_for_us)
{
	struct s3_singles *s = mem_zalloc(sizeof(*s));

	s->fetch = s3_fetch_new(conn, catalog, order, n, retry_for_us);
	s->record = mem_array(S3_BATCH_RECORDS, sizeof(*s->record));
	return s;
}

void s3_singles_free(struct s3_singles *s)
{
	if (!s)
		return;
	s3_fetch_free(s->fetch);
	buf_fini(&s->text);
	free(s->record);
	free(s);
}

static int next_chunk(struct s3_singles *s, struct err *err)
{
	size_t left = s->text.n - s->used;

	if (s3_fetch_next(s->fetch, &s->chunk, err))
		return -1;
	if (!s->chunk.object)
		return 0;
	if (s->chunk.first)
		s->at = s->chunk.object->from;
	if (left && s->used)
		memmove(s->text.p, s->text.p + s->used, left);
	s->text.n = left;
	s->used = 0;
	buf_adds(&s->text, s->chunk.bytes);
	return s->text.n > LINE_MAX_BYTES
		       ? err_set(err, EX_DATAERR, "%s: a record of more than a GiB",
				 s->chunk.object->key)
		       : 0;
}

static void take_line(struct s3_singles *s, size_t n, struct s3_records *out)
{
	out->v[out->n++] = (struct input_record){ .value = slice(s->text.p + s->used, n),
						  .offset = s->at,
						  .next = s->at + (int64_t)n + 1,
						  .time_us = POS_NONE };
	s->at += (int64_t)n + 1;
	s->used += n;
}

/* Whole lines; of the last chunk the rest, too. */
static void take_lines(struct s3_singles *s, struct s3_records *out)
{
	while (out->n < S3_BATCH_RECORDS && s->used < s->text.n) {
		const char *p = s->text.p + s->used, *nl = memchr(p, '\n', s->text.n - s->used);

		if (!nl && !s->chunk.last)
			return;
		take_line(s, nl ? (size_t)(nl - p) : s->text.n - s->used, out);
		s->used += nl != NULL;
	}
}

int s3_singles_next(struct s3_singles *s, struct s3_records *out, struct err *err)
{
	*out = (struct s3_records){ .v = s->record };
	for (bool half = false;; half = true) {
		/* more lines of the text are left where a call took as many as it may */
		if ((half || s->used == s->text.n) && next_chunk(s, err))
			return -1;
		out->object = s->chunk.object;
		if (!out->object)
			return 0;
		take_lines(s, out);
		out->ended = s->chunk.last && s->used == s->text.n;
		out->from = out->object->from;
		out->to = out->from + out->object->bytes + 1;
		if (out->ended)
			s->chunk.object = NULL;
		if (out->n || out->ended)
			return 0;
	}
}
