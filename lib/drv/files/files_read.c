/* One file is open for reading at a time, in the order of the command line:
 *
 * 	stream (decompress, limit) -> lines (blocks of whole lines) -> records, one a line,
 * 		slices of the block
 *
 * A reader that stands where the next assignment begins is kept: the fingerprint on resume reads
 * the last record of a position, and for a compressed file going there anew means decompressing
 * all before it. */
#include "drv/files/files_internal.h"

#include <string.h>

#include "base/log.h"

void files_close_reader(struct file *f)
{
	lines_free(f->lines);
	stream_free(f->stream);
	f->lines = NULL;
	f->stream = NULL;
	f->block = slice(NULL, 0);
}

/* A reader at byte `at`, the one that is open if it stands there. */
static int open_reader(struct files *fs, struct file *f, int64_t at, struct err *err)
{
	if (f->lines && f->at == at)
		return 0;
	files_close_reader(f);
	f->stream = files_stream(f);
	f->at = at;
	if (stream_skip(f->stream, at, err))
		return -1;
	f->lines = lines_new_from(stream_read, f->stream, fs->conf.max_line_bytes);
	return 0;
}

/* ---- are they the file's? */

int files_verify_one(struct file *f, struct err *err)
{
	struct err how = ERR_INIT;
	int rc = intact_check(&f->intact, &how);

	if (rc == 0)
		return 0;
	if (rc < 0)
		return err_copy(err, &how);
	return err_set(err, EX_TEMPFAIL,
		       "%s; nothing that was read since the last barrier is stored. Start the "
		       "pipeline again: what is there now is read as a new file. If it was copied "
		       "before (logrotate's copytruncate), give the copy too: by its content it is "
		       "%s, and goes on where that stood",
		       how.msg, f->part.topic ? f->part.topic : "the same file");
}

/* Behind the reads and before the barrier: text of another file that got in between is seen here,
 * and no position covers it. */
int files_verify(void *self, struct err *err)
{
	struct files *fs = self;

	for (size_t i = 0; i < fs->n; i++) {
		if (fs->v[i].unverified && files_verify_one(&fs->v[i], err))
			return -1;
		fs->v[i].unverified = false;
	}
	return 0;
}

/* ---- reading */

int files_assign(void *self, const struct ranges *start, struct err *err)
{
	struct files *fs = self;

	files_unlock(fs);
	for (size_t i = 0; i < fs->n; i++)
		fs->v[i].assigned = false;
	for (size_t i = 0; i < start->n; i++) {
		struct file *f = files_find(fs, start->v[i].topic);

		if (!f)
			return err_set(err, EX_SOFTWARE, "%s is none of the files",
				       start->v[i].topic);
		if (f->lines && f->at != start->v[i].from)
			files_close_reader(f);
		f->at = start->v[i].from;
		f->assigned = true;
		f->done = false;
	}
	return 0;
}

static void files_give(struct files *fs, struct input_batch *batch, const char *p, size_t n,
		       int64_t next, bool tail)
{
	struct input_record *r = &fs->record[batch->n++];

	*r = (struct input_record){ .value = slice(p, n),
				    .offset = batch->position,
				    .next = next,
				    .time_us = POS_NONE,
				    .tail = tail };
	batch->position = next;
}

/* As many lines of the block as a batch takes. */
static void give_block(struct files *fs, struct file *f, struct input_batch *batch)
{
	const char *p = f->block.p, *end = p + f->block.n;

	while (p < end && batch->n < FILES_BATCH_RECORDS) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		files_give(fs, batch, p, (size_t)(nl - p), batch->position + (nl - p) + 1, false);
		p = nl + 1;
	}
	f->block = slice(p, (size_t)(end - p));
}

/* A file ends before the end that it had when it was opened. */
static int files_check_end(const struct file *f, int64_t end, struct err *err)
{
	if (f->end < 0 || end >= f->end)
		return 0;
	return err_set(err, EX_TEMPFAIL,
		       "%s: was cut off while it was read, from %lld bytes to %lld; start the "
		       "pipeline again",
		       f->path, (long long)f->end, (long long)end);
}

/* Its last line has no newline. */
static int give_tail(struct files *fs, struct file *f, struct input_batch *batch, struct slice tail,
		     uint64_t bytes, struct err *err)
{
	if (files_check_end(f, batch->position + (int64_t)bytes, err))
		return -1;
	f->end = batch->position + (int64_t)bytes;
	if (fs->conf.last_line) {
		files_give(fs, batch, tail.p, tail.n, f->end, true);
	} else if (!f->said && !fs->conf.quiet_tail) {
		log_warn("%s: the last line has no newline: left for the next run (--last-line "
			 "takes it)",
			 f->path);
		f->said = true;
	}
	batch->end = f->done = true;
	return 0;
}

static int read_lines(struct files *fs, struct file *f, struct input_batch *batch, struct err *err)
{
	struct slice b;

	if (open_reader(fs, f, f->at, err))
		return -1;
	switch (f->block.n ? LINES_BLOCK : lines_next(f->lines, INT64_MAX, &b, err)) {
	case LINES_BLOCK:
		f->block = f->block.n ? f->block : b;
		give_block(fs, f, batch);
		break;
	case LINES_LONG:
		if (!lines_long_open(f->lines))
			files_give(fs, batch, b.p, b.n,
				   batch->position + (int64_t)lines_long_bytes(f->lines) + 1,
				   false);
		else if (give_tail(fs, f, batch, b, lines_long_bytes(f->lines), err))
			return -1;
		break;
	case LINES_TAIL:
		if (give_tail(fs, f, batch, b, b.n, err))
			return -1;
		break;
	case LINES_EOF:
		if (files_check_end(f, f->at, err))
			return -1;
		f->end = f->at;
		batch->end = f->done = true;
		break;
	default:
		return -1;
	}
	f->at = batch->position;
	if (f->at == f->end && f->block.n == 0)
		batch->end = f->done = true; /* with its last lines, not an epoch later */
	return 0;
}

/* Where the file is damaged is its end, as far as can be known: the lines before were given out,
 * and a part of a line stays. */
static int files_read_file(struct files *fs, struct file *f, struct input_batch *batch,
			   struct err *err)
{
	int rc;

	*batch = (struct input_batch){ .part = &f->part, .v = fs->record, .position = f->at };
	f->unverified = true;
	rc = read_lines(fs, f, batch, err);
	if (rc && files_damaged(f, err) == 0) {
		batch->end = f->done = true;
		rc = 0;
	}
	return rc;
}

int files_read(void *self, struct input_batch *batch, int *fd, struct err *err)
{
	struct files *fs = self;

	*fd = -1;
	for (size_t i = 0; i < fs->n; i++) {
		if (fs->v[i].assigned && !fs->v[i].done)
			return files_read_file(fs, &fs->v[i], batch, err);
		if (fs->v[i].done)
			/* not before: its last batch is lent until now */
			files_close_reader(&fs->v[i]);
	}
	*batch = (struct input_batch){ 0 };
	return 0;
}

int files_fingerprint(void *self, const struct partition *part, int64_t offset, bool *found,
		      struct pos_last *out, struct err *err)
{
	struct files *fs = self;
	struct file *f = files_find(fs, part->topic);
	struct slice line;
	enum lines_result r;
	uint64_t bytes;

	*found = false;
	if (!f || (f->end >= 0 && offset >= f->end))
		return 0;
	if (open_reader(fs, f, offset, err))
		return files_damaged(f, err);
	r = lines_first(f->lines, INT64_MAX, &line, err);
	if (r == LINES_ERROR)
		return files_damaged(f, err);
	if (r == LINES_BLOCK || (r == LINES_LONG && !lines_long_open(f->lines))) {
		bytes = r == LINES_BLOCK ? --line.n : lines_long_bytes(f->lines);
		*out = (struct pos_last){ .offset = offset,
					  .time_us = POS_NONE,
					  .hash = record_hash(line) };
		*found = true;
		f->at = offset + (int64_t)bytes + 1;
	} else {
		files_close_reader(f);
	}
	return 0;
}
