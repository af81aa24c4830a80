/* The keys of lines, found by the scanner 64 lines at a time. With --key it is what stands at the
 * path; without, a line that is a row of hta-window (it begins {"op":" and has the three members)
 * has metric|window_start|dims_hash, so that a compacted topic keeps the last one of each group and
 * window; any other has none, and is not looked into. */
#include <stdlib.h>
#include <string.h>

#include "drv/kafka/sink/kafka_sink_internal.h"

static const char row_start[] = "{\"op\":\"";
enum { ROW_START = sizeof(row_start) - 1, ROW_FIELDS = 3 };

static struct scan *scan_of(const char *const *text, size_t n, struct err *err)
{
	struct path path[ROW_FIELDS];
	struct scan *s = NULL;
	size_t parsed = 0;

	while (parsed < n && path_parse(&path[parsed], slice_z(text[parsed]), err) == 0)
		parsed++;
	if (parsed == n)
		s = scan_new(path, n, err);
	while (parsed)
		path_fini(&path[--parsed]);
	return s;
}

int kafka_sink_key_open(struct kafka_sink *d, struct err *err)
{
	static const char *const row[ROW_FIELDS] = { ".metric", ".window_start", ".dims_hash" };

	if (!d->conf->key) {
		d->by_row = scan_of(row, ROW_FIELDS, err);
		return d->by_row ? 0 : -1;
	}
	d->by_path = scan_of(&d->conf->key, 1, err);
	return d->by_path ? 0 : err_in(err, "--key");
}

void kafka_sink_key_close(struct kafka_sink *d)
{
	scan_free(d->by_path);
	scan_free(d->by_row);
}

/* Strings decoded, all else as it stands there; half a surrogate pair stays an escape. */
static void add_field(const struct field *f, struct buf *text)
{
	size_t before = text->n;

	if (f->type == FIELD_ESCAPED && scan_unescape(slice(f->p, f->n), text) == 0)
		return;
	text->n = before;
	buf_add(text, f->p, f->n);
}

static uint32_t key_of_path(const struct field *f, struct buf *text)
{
	size_t before = text->n;

	if (f->type == FIELD_MISSING || f->type == FIELD_NULL)
		return KAFKA_NO_KEY;
	add_field(f, text);
	return (uint32_t)(text->n - before);
}

static bool is_text(const struct field *f)
{
	return f->type == FIELD_STRING || f->type == FIELD_ESCAPED;
}

static uint32_t key_of_row(const struct field *f, struct buf *text)
{
	size_t before = text->n;

	if (!is_text(&f[0]) || !is_text(&f[1]) || !is_text(&f[2]))
		return KAFKA_NO_KEY;
	for (size_t i = 0; i < ROW_FIELDS; i++) {
		if (i)
			buf_addc(text, '|');
		add_field(&f[i], text);
	}
	return (uint32_t)(text->n - before);
}

static bool begins_row(const char *p, size_t n)
{
	return n >= ROW_START && memcmp(p, row_start, ROW_START) == 0;
}

static void scan_keys(struct kafka_sink *d, struct slice rest, struct buf *text,
		      struct kafka_keys *out)
{
	struct scan *scan = d->by_path ? d->by_path : d->by_row;
	size_t width = scan_width(scan);
	struct scan_batch b;

	scan_lines(scan, rest.p, rest.n, &b);
	out->lines = b.lines;
	out->used = b.used;
	for (unsigned i = 0; i < b.lines; i++) {
		const struct field *f = b.field + i * width;

		out->start[i] = b.start[i];
		out->length[i] = b.length[i];
		out->at[i] = text->n;
		out->n[i] = KAFKA_NO_KEY;
		if (scan_status(&b, i) == SCAN_OK && d->by_path)
			out->n[i] = key_of_path(f, text);
		else if (scan_status(&b, i) == SCAN_OK && begins_row(b.start[i], b.length[i]))
			out->n[i] = key_of_row(f, text);
		else if (scan_status(&b, i) == SCAN_BAD && d->by_path)
			out->n[i] = KAFKA_BAD_KEY;
	}
}

/* Lines up to the first that begins like a row. */
static void split_lines(struct slice rest, struct kafka_keys *out)
{
	const char *p = rest.p, *end = rest.p + rest.n;

	out->lines = 0;
	while (p < end && out->lines < SCAN_BATCH && !begins_row(p, (size_t)(end - p))) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		out->start[out->lines] = p;
		out->length[out->lines] = (uint32_t)(nl - p);
		out->n[out->lines++] = KAFKA_NO_KEY;
		p = nl + 1;
	}
	out->used = (size_t)(p - rest.p);
}

void kafka_sink_keys(struct kafka_sink *d, struct slice rest, struct buf *text,
		     struct kafka_keys *out)
{
	if (d->by_path || begins_row(rest.p, rest.n))
		scan_keys(d, rest, text, out);
	else
		split_lines(rest, out);
}
