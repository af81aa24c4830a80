/*	chunk --parts_read--> text --lines--> records
 *	               \----> note --offsets--^
 * Text is unpacked some at a time, behind what was left of the last line. */
#include "drv/s3/s3_reader.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "drv/s3/s3_key.h"

enum { UNPACK_BYTES = 1 << 20, LINE_MAX_BYTES = 1 << 30 };

struct s3_reader {
	struct s3_fetch *fetch;
	struct s3_chunk chunk;
	struct slice in; /* of the chunk */
	struct parts *parts;
	struct buf text, note;
	size_t text_at, note_at; /* what is used up */
	struct s3_offsets offsets;
	int64_t records, next;
	struct input_record *record;
};

struct s3_reader *s3_reader_new(struct s3_conn *conn, const struct s3_catalog *catalog,
				const size_t *order, size_t n, int64_t retry_for_us)
{
	struct s3_reader *r = mem_zalloc(sizeof(*r));

	r->fetch = s3_fetch_new(conn, catalog, order, n, retry_for_us);
	r->record = mem_array(S3_BATCH_RECORDS, sizeof(*r->record));
	return r;
}

void s3_reader_free(struct s3_reader *r)
{
	if (!r)
		return;
	s3_fetch_free(r->fetch);
	parts_free(r->parts);
	buf_fini(&r->text);
	buf_fini(&r->note);
	free(r->record);
	free(r);
}

static void drop_used(struct buf *b, size_t *at)
{
	if (*at)
		memmove(b->p, b->p + *at, b->n - *at);
	b->n -= *at;
	*at = 0;
}

static void begin_object(struct s3_reader *r)
{
	parts_free(r->parts);
	r->parts = parts_new(r->chunk.object->kind);
	r->text.n = r->note.n = r->text_at = r->note_at = 0;
	r->next = r->chunk.object->from;
	r->offsets = (struct s3_offsets){ .next = r->next };
	r->records = 0;
}

static int damaged(const struct s3_reader *r, const char *why, struct err *err)
{
	return err_set(err, EX_DATAERR, "%s: %s", r->chunk.object->key, why);
}

static int next_chunk(struct s3_reader *r, struct err *err)
{
	if (s3_fetch_next(r->fetch, &r->chunk, err))
		return -1;
	r->in = r->chunk.bytes;
	if (r->chunk.object && r->chunk.first)
		begin_object(r);
	if (r->chunk.object && r->chunk.first && r->chunk.marks.from != r->chunk.object->from)
		return damaged(r, "its name and its marks begin at different offsets", err);
	return 0;
}

static int unpack_more(struct s3_reader *r, struct err *err)
{
	drop_used(&r->text, &r->text_at);
	drop_used(&r->note, &r->note_at);
	if (parts_read(r->parts, &r->in, UNPACK_BYTES, &r->text, &r->note, err))
		return err_in(err, "%s", r->chunk.object->key);
	return r->text.n > LINE_MAX_BYTES ? damaged(r, "a record of more than a GiB", err) : 0;
}

static int next_offset(struct s3_reader *r, int64_t *offset, struct err *err)
{
	struct slice pairs = slice(r->note.p + r->note_at, r->note.n - r->note_at);

	*offset = r->next;
	if (!r->chunk.marks.dense && !s3_offsets_next(&r->offsets, &pairs, offset))
		return damaged(r, "the notes of its offsets do not reach as far as its records",
			       err);
	r->note_at = r->note.n - pairs.n;
	r->next = *offset + 1;
	r->records++;
	return r->next > r->chunk.marks.to ? damaged(r, "more records than its marks say", err) : 0;
}

static int take_lines(struct s3_reader *r, struct s3_records *out, struct err *err)
{
	while (out->n < S3_BATCH_RECORDS) {
		const char *p = r->text.p + r->text_at;
		size_t left = r->text.n - r->text_at;
		const char *nl = left ? memchr(p, '\n', left) : NULL;
		int64_t offset;

		if (!nl)
			return 0;
		if (next_offset(r, &offset, err))
			return -1;
		r->record[out->n++] = (struct input_record){ .value = slice(p, (size_t)(nl - p)),
							     .offset = offset,
							     .next = offset + 1,
							     .time_us = POS_NONE };
		r->text_at += (size_t)(nl - p) + 1;
	}
	return 0;
}

/* The last chunk is used up, and nothing more comes out of it. */
static int end_object(struct s3_reader *r, struct s3_records *out, struct err *err)
{
	if (r->text.n != r->text_at || !parts_whole(r->parts))
		return damaged(r, "it ends in the middle", err);
	if (r->records != r->chunk.marks.records)
		return damaged(r, "fewer records than its marks say", err);
	out->ended = true;
	r->chunk.object = NULL;
	return 0;
}

int s3_reader_next(struct s3_reader *r, struct s3_records *out, struct err *err)
{
	*out = (struct s3_records){ .v = r->record };
	if (!r->chunk.object) {
		if (next_chunk(r, err))
			return -1;
		if (!r->chunk.object)
			return 0;
		out->opened = true;
	}
	out->object = r->chunk.object;
	out->from = r->chunk.marks.from;
	out->to = r->chunk.marks.to;
	while (out->n == 0) {
		size_t before, fed;

		if (take_lines(r, out, err))
			return -1;
		if (out->n)
			break;
		fed = r->in.n;
		drop_used(&r->text, &r->text_at);
		before = r->text.n;
		if (unpack_more(r, err))
			return -1;
		if (r->text.n > before || r->in.n < fed)
			continue;
		if (r->chunk.last)
			return end_object(r, out, err);
		if (next_chunk(r, err))
			return -1;
	}
	return 0;
}
