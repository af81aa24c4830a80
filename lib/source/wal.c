/* A batch is as many lines of as many groups as lie in the block that was read last (wal_scan.h):
 * groups of a single line, as a lone client makes them, are not a batch each.
 *
 *	at           where the next line or header begins; a position may lie between two lines of
 *	             a group
 *	group, rest  the group that `at` lies in, and what of its data was not given out
 * The end that is read to is the page's. It is asked when all before it was read. */
#include "source/wal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/wal_dead.h"
#include "source/wal_page.h"
#include "source/wal_scan.h"
#include "source/wal_wait.h"

enum { BATCH_RECORDS = 4096 };

struct wal_input {
	struct input log;
	const char *path, *job; /* job NULL: none that is kept from being removed */
	struct wal_dir dir;
	struct wal_page *page;
	struct wal_page_slot *slot; /* NULL: none */
	struct wal_wait wait;
	struct wal_scan scan;
	struct partition part;
	bool assigned;
	int64_t at, end;
	struct wal_group group;
	struct slice rest;
	struct input_record *record;
	struct buf reason, original; /* of the last extra() */
};

/* ---- the end */

/* Without a writer the page may be older than the log. */
static int scan_on(struct wal_input *in, struct err *err)
{
	struct wal_scan s;
	struct wal_group g;
	struct err how = ERR_INIT;
	int rc = 0;

	if (wal_dir_written(&in->dir))
		return 0;
	wal_scan_init(&s, &in->dir);
	while (rc == 0 && wal_scan_group(&s, in->end, INT64_MAX, &g, &how) == WAL_GROUP) {
		in->end = wal_header_end(&g.h);
		if (fdatasync(s.fd))
			rc = err_errno(err, EX_IOERR, "%s", in->path);
	}
	wal_scan_fini(&s);
	return rc;
}

static void look_at_end(struct wal_input *in)
{
	int64_t end = wal_page_end(in->page);

	if (end > in->end)
		in->end = end;
}

/* ---- what is gone, what is damaged */

static int lost_to(struct wal_input *in, int64_t at, int64_t to, struct err *err)
{
	in->log.lost = (struct input_lost){ .is = true, .part = in->part, .from = at, .to = to };
	return err_set(err, EX_DATAERR,
		       "%s: offsets %" PRId64 " to %" PRId64
		       " were removed before they were read (retention); --on-gap skip goes on "
		       "behind them and books them as lost",
		       in->path, at, to - 1);
}

/* Of a call that did not find the group at `at`. */
static int not_found(struct wal_input *in, enum wal_found f, int64_t at, struct err *err)
{
	int64_t first = wal_page_first(in->page);

	if (f == WAL_ERROR)
		return -1;
	if (at < first)
		return lost_to(in, at, first, err);
	if (f == WAL_NOTHING)
		err_set(err, EX_CONFIG, "%s: ends before offset %" PRId64, in->path, at);
	return -1;
}

/* ---- reading */

static int wal_assign(void *self, const struct ranges *start, struct err *err)
{
	struct wal_input *in = self;
	enum wal_found f;
	int64_t offset;

	in->assigned = start->n;
	in->rest = slice(NULL, 0);
	if (!in->assigned)
		return 0;
	in->at = start->v[0].from;
	look_at_end(in);
	if (in->at == in->end)
		return 0;
	f = wal_scan_seek(&in->scan, in->at, in->end, &in->group, err);
	if (f != WAL_GROUP)
		return not_found(in, f, in->at, err);
	offset = in->at - in->group.h.at - WAL_HEADER_BYTES;
	if (in->at == in->group.h.at)
		return 0;
	if (offset < 0 || (offset > 0 && in->group.data.p[offset - 1] != '\n'))
		return err_set(err, EX_CONFIG, "%s: no line begins at offset %" PRId64, in->path,
			       in->at);
	in->rest = slice(in->group.data.p + offset, in->group.data.n - (size_t)offset);
	return 0;
}

static void give_line(struct wal_input *in, struct input_batch *batch)
{
	const char *nl = memchr(in->rest.p, '\n', in->rest.n);
	size_t n = nl ? (size_t)(nl - in->rest.p) : in->rest.n;
	int64_t offset = wal_header_end(&in->group.h) - (int64_t)in->rest.n;
	struct slice line = slice(in->rest.p, n);
	bool dead = wal_dead_is(line);

	n += nl ? 1 : 0;
	in->record[batch->n] = (struct input_record){ .value = line,
						      .offset = offset,
						      .next = offset + (int64_t)n,
						      .time_us = in->group.h.us,
						      .dead = dead };
	in->record[batch->n].place = &in->record[batch->n];
	batch->n++;
	in->rest = slice(in->rest.p + n, in->rest.n - n);
	batch->position = in->at = offset + (int64_t)n;
}

/* The next group, once all lines of the last one were given out. */
static int next_group(struct wal_input *in, struct input_batch *batch, struct err *err)
{
	enum wal_found f = wal_scan_group(&in->scan, in->at, in->end, &in->group, err);

	if (f != WAL_GROUP)
		return not_found(in, f, in->at, err);
	in->rest = in->group.data;
	batch->position = in->at = in->group.h.at + WAL_HEADER_BYTES;
	return 0;
}

static int fill_batch(struct wal_input *in, struct input_batch *batch, struct err *err)
{
	*batch = (struct input_batch){ .part = &in->part, .v = in->record, .position = in->at };
	while (batch->n < BATCH_RECORDS) {
		if (in->rest.n == 0) {
			if (in->at >= in->end || (batch->n && !wal_scan_ready(&in->scan, in->at)))
				break;
			if (next_group(in, batch, err))
				return -1;
			continue;
		}
		give_line(in, batch);
	}
	look_at_end(in);
	batch->end = in->at == in->end && in->rest.n == 0;
	return 0;
}

static int wal_read(void *self, struct input_batch *batch, int *fd, struct err *err)
{
	struct wal_input *in = self;

	*fd = -1;
	*batch = (struct input_batch){ 0 };
	if (!in->assigned)
		return 0;
	for (look_at_end(in); in->rest.n == 0 && in->at == in->end; look_at_end(in)) {
		*fd = wal_wait_for(&in->wait, in->end);
		if (*fd >= 0)
			return 0;
	}
	return fill_batch(in, batch, err);
}

static void wal_extra(void *self, const struct input_record *r, struct input_extra *out)
{
	struct wal_input *in = self;

	*out = (struct input_extra){ 0 };
	if (!r->dead)
		return;
	in->reason.n = in->original.n = 0;
	wal_dead_read(r->value, &in->reason, &in->original);
	out->reason = buf_z(&in->reason);
	out->original = buf_slice(&in->original);
}

/* ---- what stands where */

static int wal_partitions(void *self, struct partitions *out, struct err *err)
{
	const struct wal_input *in = self;

	(void)err;
	partitions_add(out, slice_z(in->part.topic), 0);
	return 0;
}

static int wal_ends(void *self, struct ranges *parts, struct err *err)
{
	struct wal_input *in = self;

	(void)err;
	look_at_end(in);
	for (size_t i = 0; i < parts->n; i++) {
		parts->v[i].from = wal_page_first(in->page);
		parts->v[i].to = in->end;
	}
	return 0;
}

static int wal_starts(void *self, struct ranges *parts, enum input_when when, int64_t time_us,
		      struct err *err)
{
	struct wal_input *in = self;
	int64_t from = wal_page_first(in->page);
	struct wal_group g;
	enum wal_found f;

	look_at_end(in);
	if (when == INPUT_LATEST)
		from = in->end;
	if (when == INPUT_TIME) {
		f = wal_scan_time(&in->scan, time_us, in->end, &g, err);
		if (f != WAL_GROUP && f != WAL_NOTHING)
			return -1;
		from = f == WAL_GROUP ? g.h.at : in->end;
	}
	for (size_t i = 0; i < parts->n; i++)
		parts->v[i].from = from;
	return 0;
}

static int wal_fingerprint(void *self, const struct partition *part, int64_t offset, bool *found,
			   struct pos_last *out, struct err *err)
{
	struct wal_input *in = self;
	struct wal_group g;
	enum wal_found f = wal_scan_seek(&in->scan, offset, in->end, &g, err);
	int64_t skip = f == WAL_GROUP ? offset - g.h.at - WAL_HEADER_BYTES : -1;
	const char *p, *nl;

	(void)part;
	*found = false;
	if (f == WAL_GONE)
		err_clear(err);
	if (f == WAL_ERROR || f == WAL_DAMAGED)
		return -1;
	if (skip < 0)
		return 0;
	p = g.data.p + skip;
	nl = memchr(p, '\n', g.data.n - (size_t)skip);
	*out = (struct pos_last){ .offset = offset,
				  .time_us = g.h.us,
				  .hash = record_hash(slice(p, nl ? (size_t)(nl - p)
								  : g.data.n - (size_t)skip)) };
	*found = true;
	return 0;
}

static void wal_stored(void *self, const struct ranges *stored)
{
	struct wal_input *in = self;

	if (in->slot && stored->n)
		wal_page_ack(in->slot, stored->v[0].to);
}

static const char *wal_place(const void *self, const char *topic)
{
	(void)topic;
	return ((const struct wal_input *)self)->path;
}

/* ---- life */

static int wal_input_open(void *self, struct loop *loop, struct err *err)
{
	struct wal_input *in = self;
	bool fresh;

	(void)loop;
	if (wal_dir_open(&in->dir, in->path, err))
		return -1;
	in->page = wal_page_open(&in->dir, false, &fresh, err);
	if (!in->page || wal_wait_init(&in->wait, &in->dir, in->page, err))
		return -1;
	wal_scan_init(&in->scan, &in->dir);
	in->part.topic = in->dir.topic;
	in->end = wal_page_end(in->page);
	if (in->job) {
		in->slot = wal_page_reader(in->page, in->job, wal_page_first(in->page), err);
		if (!in->slot)
			return err_in(err, "%s", in->path);
	}
	return scan_on(in, err);
}

static void wal_input_close(void *self)
{
	struct wal_input *in = self;

	wal_scan_fini(&in->scan);
	wal_wait_fini(&in->wait);
	wal_page_free(in->page);
	in->page = NULL;
	in->slot = NULL;
	wal_dir_close(&in->dir);
}

static const struct input_ops wal_ops = {
	.bytes = true,
	.grows = true,
	.open = wal_input_open,
	.assign = wal_assign,
	.read = wal_read,
	.extra = wal_extra,
	.partitions = wal_partitions,
	.ends = wal_ends,
	.starts = wal_starts,
	.fingerprint = wal_fingerprint,
	.stored = wal_stored,
	.place = wal_place,
	.close = wal_input_close,
};

static struct input *wal_input_new(const struct consume_conf *conf, bool join, struct err *err)
{
	struct wal_input *in = mem_zalloc(sizeof(*in));

	(void)join, (void)err;
	in->log = (struct input){ .ops = &wal_ops, .self = in };
	in->path = conf->log;
	in->job = conf->act.dry_run ? NULL : conf->job;
	in->dir = (struct wal_dir){ .fd = -1, .lock_fd = -1 };
	in->wait = (struct wal_wait){ .inotify_fd = -1, .timer_fd = -1 };
	in->scan.fd = -1;
	in->record = mem_array(BATCH_RECORDS, sizeof(*in->record));
	return &in->log;
}

static void wal_input_free(struct input *log)
{
	struct wal_input *in;

	if (!log)
		return;
	in = log->self;
	wal_input_close(in);
	free(in->record);
	buf_fini(&in->reason);
	buf_fini(&in->original);
	free(in);
}

const struct consume_driver wal_driver = {
	.input_new = wal_input_new,
	.input_free = wal_input_free,
};
