/* Plain streams: records and nothing else, as from kcat or cat. No group, no commit, nothing to
 * resume.
 *
 * Files go through in blocks of whole lines, in which only newlines are looked at; nothing is
 * done a line, unless one is too long or a number of records was asked for. Topics go through
 * the log interface, all partitions at once. A signal or a reader that leaves ends us as it ends
 * any filter. */
#include "source/consume.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "io/fd.h"
#include "io/intact.h"
#include "io/lines.h"
#include "io/stream.h"
#include "source/bounds.h"
#include "source/record_writer.h"
#include "tool/emitter.h"

enum {
	FILES_OUT_BYTES = 128 << 10 /* below a block: written without a copy */,
	LOG_OUT_BYTES = 256 << 10,
};

struct plain {
	const struct consume_conf *c;
	struct emitter *emitter;
	struct counters *counters;
	struct record_writer writer;
	uint64_t left;     /* records until --until COUNT */
	struct err damage; /* the last file's that could not be read to its end */
	/* topics */
	struct input *log;
	struct ranges untils;
	size_t open; /* partitions that have not reached their end */
};

/* ---- life */

static int begin_plain(struct plain *p, const struct consume_conf *c, size_t out_bytes,
		       struct err *err)
{
	*p = (struct plain){ .c = c,
			     .left = c->until.kind == UNTIL_COUNT ? c->until.count : UINT64_MAX };
	p->emitter = emitter_new(&(struct emitter_conf){ .out_bytes = out_bytes });
	p->counters = emitter_counters(p->emitter);
	p->writer = (struct record_writer){ .out = emitter_out(p->emitter),
					    .counters = p->counters,
					    .max_line_bytes = c->max_line_bytes,
					    .envelope = { .conf = &c->envelope } };
	emitter_state(p->emitter, COUNTERS_RUNNING);
	if (c->decode.as &&
	    !(p->writer.decoder = decode_new(&c->decode, emitter_loop(p->emitter), err)))
		return -1;
	return dead_route_open(&p->writer.dead, &c->dead, err);
}

static int finish_plain(struct plain *p, int rc, struct err *err)
{
	if (rc == 0)
		rc = out_flush(p->writer.out, err);
	if (rc == 0)
		rc = record_writer_end(&p->writer, err);
	if (p->damage.code) {
		if (rc)
			log_err(&p->damage);
		else
			err_copy(err, &p->damage);
		rc = -1;
	}
	if (record_writer_fini(&p->writer, rc ? NULL : err) && rc == 0)
		rc = -1;
	ranges_fini(&p->untils);
	emitter_end(p->emitter, rc, err);
	return rc;
}

/* ---- files */

/* The first `left` lines of the block. */
static struct slice cut_lines(struct slice block, uint64_t left)
{
	const char *p = block.p;

	for (; left && p < block.p + block.n; left--)
		p = (const char *)memchr(p, '\n', (size_t)(block.p + block.n - p)) + 1;
	return slice(block.p, (size_t)(p - block.p));
}

static int put_lines(struct plain *p, struct slice block, uint64_t lines, struct err *err)
{
	struct record_writer *f = &p->writer;

	if (!f->begun && ctl_is_hello(block) && out_write(f->out, " ", 1, err))
		return -1;
	f->begun = true;
	p->left -= lines;
	f->read_total += lines;
	counters_add(f->counters, COUNTER_RECORDS_IN, lines);
	counters_add(f->counters, COUNTER_RECORDS_OUT, lines);
	counters_add(f->counters, COUNTER_BYTES_IN, block.n);
	counters_add(f->counters, COUNTER_BYTES_OUT, block.n);
	return out_write(f->out, block.p, block.n, err);
}

static int put_long(struct plain *p, const char *name, uint64_t line, struct slice kept,
		    uint64_t size, struct err *err)
{
	struct origin o = { .file = name, .line = line };
	char why[96];

	snprintf(why, sizeof(why), "line of %" PRIu64 " bytes, longer than --max-line", size);
	p->writer.read_total++;
	p->left--;
	return record_writer_dead(&p->writer, &o, kept, size, why, err);
}

static int copy_lines(struct plain *p, struct lines *in, bool waits, const char *name,
		      struct err *err)
{
	uint64_t line = 1, n;
	struct slice b;

	while (p->left) {
		enum lines_result r = waits ? lines_next(in, 0, &b, err) : LINES_TIMEOUT;

		if (r == LINES_TIMEOUT) {
			if (waits && out_flush(p->writer.out, err))
				return -1;
			r = lines_next(in, INT64_MAX, &b, err);
		}
		if (r == LINES_EOF)
			return 0;
		if (r == LINES_ERROR)
			return -1;
		n = 1;
		if (r == LINES_BLOCK) {
			if (p->left != UINT64_MAX)
				b = cut_lines(b, p->left);
			n = str_lines(b);
		}
		if (r == LINES_LONG ? put_long(p, name, line, b, lines_long_bytes(in), err)
				    : put_lines(p, b, n, err))
			return -1;
		if (r == LINES_TAIL && out_write(p->writer.out, "\n", 1, err))
			return -1;
		line += n;
	}
	return 0;
}

/* intact NULL: no regular file. */
static int copy_stream(struct plain *p, int fd, const char *name, const struct intact *intact,
		       struct err *err)
{
	size_t max_line = p->c->max_line_bytes;
	struct stream *stream = NULL;
	struct lines *in;
	int rc;

	if (intact && intact->bytes && fd != STDIN_FILENO) /* to the end that it has now */
		stream = stream_new(fd, name, intact->bytes, NULL);
	in = stream ? lines_new_from(stream_read, stream, max_line)
		    : lines_new(emitter_loop(p->emitter), fd, max_line);
	lines_name(in, name);
	rc = copy_lines(p, in, !stream, name, err);
	if (!stream)
		counters_add(p->counters, COUNTER_BLOCKED_IN_US, lines_blocked_us(in));
	lines_free(in);
	stream_free(stream);
	return rc;
}

static int copy_fd(struct plain *p, int fd, const char *name, struct err *err)
{
	struct intact intact;
	bool regular = fd_kind(fd) == FD_FILE;
	int rc;

	if (regular && intact_begin(&intact, fd, name, err))
		return -1;
	rc = copy_stream(p, fd, name, regular ? &intact : NULL, err);
	if (regular && (rc == 0 || err->code == EX_DATAERR) && intact_check(&intact, err))
		return -1;
	if (rc && err->code == EX_DATAERR) {
		if (p->damage.code)
			log_err(&p->damage);
		p->damage = *err;
		err_clear(err);
		rc = 0;
	}
	return rc;
}

static int copy_file(struct plain *p, const char *path, struct err *err)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return copy_fd(p, STDIN_FILENO, "standard input", err);
	fd = fd_open(path, err);
	if (fd < 0)
		return -1;
	rc = copy_fd(p, fd, path, err);
	close(fd);
	return rc;
}

int consume_plain_files(const struct consume_conf *c, struct err *err)
{
	struct plain p;
	int rc = begin_plain(&p, c, FILES_OUT_BYTES, err);

	for (size_t i = 0; i < c->files.n && rc == 0 && p.left; i++) {
		counters_detail(p.counters, c->files.v[i].path);
		rc = copy_file(&p, c->files.v[i].path, err);
	}
	return finish_plain(&p, rc, err);
}

/* ---- topics */

static void mark_done(struct plain *p, struct range *until, int64_t position)
{
	if (position >= until->to && !until->idle) {
		until->idle = true; /* of use here: it has reached its end */
		p->open--;
	}
}

static int assign_all(struct plain *p, struct err *err)
{
	const struct input_ops *ops = p->log->ops;
	struct partitions parts = { 0 };
	struct ranges starts = { 0 };
	int rc = ops->partitions(p->log->self, &parts, err);

	for (size_t i = 0; i < parts.n; i++) {
		ranges_add(&starts, slice_z(parts.v[i].topic), parts.v[i].partition);
		ranges_add(&p->untils, slice_z(parts.v[i].topic), parts.v[i].partition);
	}
	if (rc == 0)
		rc = bounds_starts(p->c, p->log, &starts, err) ||
				     bounds_untils(p->c, p->log, &p->untils, err)
			     ? -1
			     : 0;
	p->open = parts.n;
	for (size_t i = 0; i < parts.n && rc == 0; i++)
		mark_done(p, &p->untils.v[i], starts.v[i].from);
	if (rc == 0)
		rc = ops->assign(p->log->self, &starts, err);
	counters_set(p->counters, COUNTER_PARTITIONS, parts.n);
	partitions_fini(&parts);
	ranges_fini(&starts);
	return rc;
}

static int wait_for_schema(struct plain *p, struct err *err)
{
	return out_flush(p->writer.out, err) ||
			       loop_turn(emitter_loop(p->emitter), INT64_MAX, err) < 0
		       ? -1
		       : 0;
}

/* Pieces whose schemas are known, one after the other. */
static int put_decoded(struct plain *p, const struct input_batch *b, size_t n, struct err *err)
{
	for (size_t i = 0, ready; i < n; i += ready)
		if (decode_ready(p->writer.decoder, p->log, b->part, b->v + i, n - i, &ready,
				 err) ||
		    (ready ? record_writer_records(&p->writer, b->part, b->v + i, ready, err)
			   : wait_for_schema(p, err)))
			return -1;
	return 0;
}

static int put_batch(struct plain *p, const struct input_batch *b, struct err *err)
{
	struct range *until = ranges_find(&p->untils, slice_z(b->part->topic), b->part->partition);
	size_t n = bounds_fit(b->v, b->n, until->to, p->left);

	p->left -= n;
	if (p->writer.decoder ? put_decoded(p, b, n, err)
			      : record_writer_records(&p->writer, b->part, b->v, n, err))
		return -1;
	if (b->direct)
		counters_add(p->writer.counters, COUNTER_RECORDS_DIRECT, n);
	mark_done(p, until, n == b->n ? b->position : b->v[n].offset);
	return 0;
}

static int copy_log(struct plain *p, struct err *err)
{
	struct input_batch b;
	int fd, rc = 0;

	while (rc == 0 && p->left && p->open) {
		if (loop_turn(emitter_loop(p->emitter), 0, err) < 0 ||
		    p->log->ops->read(p->log->self, &b, &fd, err))
			return -1;
		if (b.part)
			rc = put_batch(p, &b, err);
		else if (fd < 0)
			return 0;
		else
			rc = emitter_wait(p->emitter, fd, INT64_MAX, err);
	}
	return rc;
}

int consume_plain(const struct consume_conf *c, struct input *log, struct err *err)
{
	struct plain p;
	int rc = begin_plain(&p, c, LOG_OUT_BYTES, err);

	p.log = log;
	p.writer.log = log;
	counters_detail(p.counters, c->finals.n ? c->finals.v[0]
				    : c->log    ? c->log
				    : c->bucket ? c->bucket
						: c->topics.v[0]);
	if (rc == 0)
		rc = log->ops->open(log->self, emitter_loop(p.emitter), err) ||
				     (p.writer.decoder &&
				      decode_begin(p.writer.decoder, c->topics.v, c->topics.n,
						   err)) ||
				     assign_all(&p, err) || copy_log(&p, err)
			     ? -1
			     : 0;
	log->ops->close(log->self);
	return finish_plain(&p, rc, err);
}
