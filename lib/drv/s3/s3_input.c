/* An archive as a log: what its objects hold of each partition, with the offsets that the records
 * had. It is listed once, when it is opened, and read to the end that it had then.
 *
 *	catalog --order--> reader --> batches
 *
 * An object goes from where its name says up to where its marks say; the next one of the partition
 * has to begin there. Behind a gap between them records are missing; where they overlap, records
 * are there twice, and nothing says which of them are the log's.
 *
 * Objects of --each have no offsets and no order of arrival. Where there are no others they are one
 * partition, in the order of their keys, for a plain stream only. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "drv/s3/s3.h"
#include "drv/s3/s3_reader.h"

struct s3_input {
	struct input log;
	const struct consume_conf *conf;
	struct s3_conn conn;
	struct s3_catalog catalog, each;
	uint64_t others; /* objects that are passed over */
	int64_t *end;    /* of each partition; -1: not asked yet */
	/* of what is assigned */
	size_t *order, ordered;
	int64_t *at; /* of each partition, where the next record is expected; -1: not assigned */
	bool *fresh; /* of each partition: no object of it was read yet */
	struct s3_reader *reader;
	struct s3_singles *singles; /* in its place, of objects of --each */
};

/* ---- asking, as long as --retry-for */

typedef enum s3_outcome ask_fn(struct s3_input *in, void *arg, struct err *err);

/* S3_NONE and S3_EXISTS are the caller's to judge: *out. */
static int ask_archive(struct s3_input *in, ask_fn *fn, void *arg, enum s3_outcome *out,
		       struct err *err)
{
	struct retry retry = { 0 };

	for (;;) {
		struct err why = ERR_INIT;

		*out = fn(in, arg, &why);
		if (*out < S3_AGAIN)
			return 0;
		if (*out != S3_AGAIN)
			return err_copy(err, &why);
		if (retry_wait(&retry, in->conn.loop, "s3", in->conf->retry_for_us, &why, err))
			return -1;
	}
}

static enum s3_outcome ask_catalog(struct s3_input *in, void *arg, struct err *err)
{
	(void)arg;
	return s3_catalog_read(&in->catalog, &in->each, in->conf->bucket, &in->others, &in->conn,
			       err);
}

struct head_call {
	const struct s3_object *object;
	struct s3_marks marks;
};

static enum s3_outcome ask_head(struct s3_input *in, void *arg, struct err *err)
{
	struct head_call *h = arg;
	int64_t bytes;

	return s3_head(&in->conn, slice_z(h->object->key), &h->marks, &bytes, err);
}

static int head_of(struct s3_input *in, const struct s3_object *o, struct s3_marks *marks,
		   struct err *err)
{
	struct head_call h = { .object = o };
	enum s3_outcome out;

	if (ask_archive(in, ask_head, &h, &out, err))
		return -1;
	if (out != S3_DONE || !h.marks.known)
		return err_set(err, EX_DATAERR,
			       "%s has no marks of hta-sink-s3 (x-amz-meta-hta-..): was it copied "
			       "without its metadata?",
			       o->key);
	*marks = h.marks;
	return 0;
}

/* ---- what stands where */

/* Whoever writes one more event of --each puts it anywhere among the others: nobody who has read
 * up to a place knows what is new before it. */
static int check_each(const struct s3_input *in, struct err *err)
{
	const char *place = in->conf->bucket;

	if (in->conf->job)
		return err_set(
			err, EX_USAGE,
			"%s has an object an event (hta-sink-s3 --each): they are not in the "
			"order in which they came, so no job can go on behind the last one; "
			"read them without --job",
			place);
	if (in->conf->from.kind != FROM_EARLIEST)
		return err_set(err, EX_USAGE,
			       "%s has an object an event (hta-sink-s3 --each), in the order of "
			       "their names: --from is earliest there",
			       place);
	if (in->others)
		log_warn("%s: %" PRIu64 " objects are not of hta-sink-s3, or empty: passed over",
			 place, in->others);
	return 0;
}

/* Objects of both kinds: those of --each are not read. */
static int choose_kind(struct s3_input *in, struct err *err)
{
	if (in->catalog.n && in->each.n)
		log_warn("%s: %zu objects of hta-sink-s3 --each are passed over: they lie among "
			 "those that have offsets; name their own folder to read them",
			 in->conf->bucket, in->each.n);
	if (in->catalog.n)
		return 0;
	if (!in->each.n)
		return err_set(err, EX_CONFIG, "%s: no objects of hta-sink-s3 are there%s",
			       in->conf->bucket, in->others ? ", only others" : "");
	s3_catalog_fini(&in->catalog);
	in->catalog = in->each;
	in->each = (struct s3_catalog){ 0 };
	return check_each(in, err);
}

static int s3_input_open(void *self, struct loop *loop, struct err *err)
{
	struct s3_input *in = self;
	enum s3_outcome out;

	if (s3_conn_init(&in->conn, loop, in->conf->bucket, in->conf->endpoint, err) ||
	    ask_archive(in, ask_catalog, NULL, &out, err))
		return -1;
	if (out != S3_DONE)
		return err_set(err, EX_CONFIG, "%s: no objects of hta-sink-s3 are there",
			       in->conf->bucket);
	if (choose_kind(in, err))
		return -1;
	in->end = mem_array(in->catalog.parts.n, sizeof(*in->end));
	in->at = mem_array(in->catalog.parts.n, sizeof(*in->at));
	in->fresh = mem_array(in->catalog.parts.n, sizeof(*in->fresh));
	for (size_t i = 0; i < in->catalog.parts.n; i++)
		in->end[i] = in->at[i] = -1;
	return 0;
}

static int s3_input_partitions(void *self, struct partitions *out, struct err *err)
{
	const struct s3_input *in = self;

	(void)err;
	for (size_t i = 0; i < in->catalog.parts.n; i++)
		partitions_add(out, slice_z(in->catalog.parts.v[i].topic),
			       in->catalog.parts.v[i].partition);
	return 0;
}

static int end_of(struct s3_input *in, size_t part, struct err *err)
{
	struct s3_marks marks = { .to = -1 };
	const struct s3_object *last = &in->catalog.v[in->catalog.first[part + 1] - 1];

	if (in->end[part] >= 0)
		return 0;
	if (in->catalog.each)
		marks.to = last->from + last->bytes + 1;
	else if (head_of(in, last, &marks, err))
		return -1;
	in->end[part] = marks.to;
	return 0;
}

/* A partition that a sink knows and the archive does not have: nothing of it is there. */
static int s3_input_ends(void *self, struct ranges *parts, struct err *err)
{
	struct s3_input *in = self;

	for (size_t i = 0; i < parts->n; i++) {
		struct range *r = &parts->v[i];
		size_t part = s3_catalog_part(&in->catalog, r->topic, r->partition);

		r->from = r->to = 0;
		if (part == SIZE_MAX)
			continue;
		if (end_of(in, part, err))
			return -1;
		r->from = in->catalog.v[in->catalog.first[part]].from;
		r->to = in->end[part];
	}
	return 0;
}

static int s3_input_starts(void *self, struct ranges *parts, enum input_when when, int64_t time_us,
			   struct err *err)
{
	(void)time_us;
	if (when == INPUT_TIME)
		return err_set(err, EX_USAGE, "objects are not found by time");
	if (s3_input_ends(self, parts, err))
		return -1;
	for (size_t i = 0; i < parts->n && when == INPUT_LATEST; i++)
		parts->v[i].from = parts->v[i].to;
	return 0;
}

/* ---- reading */

/* The object that has the offset, or the first one behind it. */
static size_t object_at(const struct s3_catalog *c, size_t part, int64_t offset)
{
	size_t low = c->first[part], high = c->first[part + 1];

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (c->v[mid].from <= offset)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static void stop_reading(struct s3_input *in)
{
	s3_reader_free(in->reader);
	s3_singles_free(in->singles);
	free(in->order);
	in->reader = NULL;
	in->singles = NULL;
	in->order = NULL;
}

static int start_partition(struct s3_input *in, const struct range *start, size_t *next,
			   struct err *err)
{
	size_t part = s3_catalog_part(&in->catalog, start->topic, start->partition);

	if (part == SIZE_MAX)
		return err_set(err, EX_CONFIG, "%s has nothing of %s/%" PRId32, in->conf->bucket,
			       start->topic, start->partition);
	if (end_of(in, part, err))
		return -1;
	in->at[part] = start->from;
	in->fresh[part] = true;
	if (start->from < in->end[part])
		next[part] = object_at(&in->catalog, part, start->from);
	return 0;
}

static void begin_reading(struct s3_input *in)
{
	const struct s3_catalog *c = &in->catalog;
	int64_t retry_for_us = in->conf->retry_for_us;

	if (c->each)
		in->singles = s3_singles_new(&in->conn, c, in->order, in->ordered, retry_for_us);
	else
		in->reader = s3_reader_new(&in->conn, c, in->order, in->ordered, retry_for_us);
}

static int s3_input_assign(void *self, const struct ranges *start, struct err *err)
{
	struct s3_input *in = self;
	const struct s3_catalog *c = &in->catalog;
	size_t *next = mem_array(c->parts.n + 1, sizeof(*next));
	int rc = 0;

	stop_reading(in);
	for (size_t p = 0; p < c->parts.n; p++) {
		next[p] = c->first[p + 1];
		in->at[p] = -1;
	}
	for (size_t i = 0; i < start->n && rc == 0; i++)
		rc = start_partition(in, &start->v[i], next, err);
	if (rc == 0) {
		in->order = s3_catalog_order(c, next, &in->ordered);
		begin_reading(in);
	}
	free(next);
	return rc;
}

static int say_gap(struct s3_input *in, const struct s3_object *o, int64_t to, struct err *err)
{
	const struct partition *part = &in->catalog.parts.v[o->part];

	in->log.lost = (struct input_lost){
		.is = true, .part = *part, .from = in->at[o->part], .to = to
	};
	return err_set(err, EX_DATAERR,
		       "%s: offsets %" PRId64 " to %" PRId64 " of %s/%" PRId32
		       " are in no object; --on-gap skip goes on behind them and books them as "
		       "lost",
		       in->conf->bucket, in->at[o->part], to - 1, part->topic, part->partition);
}

/* Does the object go on where the one before has ended? The first one since the assignment has the
 * position in it, unless that lies in a gap. */
static int check_object(struct s3_input *in, const struct s3_records *r, struct err *err)
{
	const struct s3_object *o = r->object;
	int64_t at = in->at[o->part];
	bool first = in->fresh[o->part];

	in->fresh[o->part] = false;
	if (r->from > at)
		return say_gap(in, o, r->from, err);
	if (first && r->to <= at)
		return say_gap(in, o, o[1].from, err);
	if (!first && r->from < at)
		return err_set(err, EX_DATAERR,
			       "%s begins at offset %" PRId64 ", and the object before it goes up "
			       "to %" PRId64 ": the archive has records twice",
			       o->key, r->from, at);
	return 0;
}

/* Records below the position were read before. */
static void give_records(struct s3_input *in, const struct s3_records *r, struct input_batch *b)
{
	size_t part = r->object->part, skip = 0;

	while (skip < r->n && r->v[skip].offset < in->at[part])
		skip++;
	*b = (struct input_batch){ .part = &in->catalog.parts.v[part],
				   .v = r->v + skip,
				   .n = r->n - skip };
	if (b->n)
		in->at[part] = b->v[b->n - 1].next;
	if (r->ended)
		in->at[part] = r->to;
	b->position = in->at[part];
	b->end = b->position == in->end[part];
}

static int next_records(struct s3_input *in, struct s3_records *r, struct err *err)
{
	*r = (struct s3_records){ 0 };
	if (in->singles)
		return s3_singles_next(in->singles, r, err);
	return in->reader ? s3_reader_next(in->reader, r, err) : 0;
}

static int s3_input_read(void *self, struct input_batch *batch, int *fd, struct err *err)
{
	struct s3_input *in = self;
	struct s3_records r;

	*fd = -1;
	*batch = (struct input_batch){ 0 };
	do {
		if (next_records(in, &r, err))
			return -1;
		if (!r.object)
			return 0;
		if (r.opened && check_object(in, &r, err))
			return -1;
		give_records(in, &r, batch);
	} while (batch->n == 0 && !r.ended);
	return 0;
}

/* ---- the last record */

static bool find_record(const struct s3_records *r, int64_t offset, struct pos_last *out)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].offset == offset) {
			*out = (struct pos_last){ .offset = offset,
						  .time_us = POS_NONE,
						  .hash = record_hash(r->v[i].value) };
			return true;
		}
	return false;
}

static int s3_input_fingerprint(void *self, const struct partition *part, int64_t offset,
				bool *found, struct pos_last *out, struct err *err)
{
	struct s3_input *in = self;
	size_t p = s3_catalog_part(&in->catalog, part->topic, part->partition), one;
	struct s3_reader *reader;
	struct s3_records r = { .ended = false };
	int rc = 0;

	*found = false;
	if (p == SIZE_MAX)
		return 0;
	one = object_at(&in->catalog, p, offset);
	reader = s3_reader_new(&in->conn, &in->catalog, &one, 1, in->conf->retry_for_us);
	while (rc == 0 && !*found && !r.ended) {
		rc = s3_reader_next(reader, &r, err);
		*found = rc == 0 && find_record(&r, offset, out);
	}
	s3_reader_free(reader);
	return rc;
}

/* ---- life */

static void s3_input_close(void *self)
{
	struct s3_input *in = self;

	stop_reading(in);
	s3_catalog_fini(&in->catalog);
	s3_catalog_fini(&in->each);
	s3_conn_fini(&in->conn);
}

static const struct input_ops s3_input_ops = {
	.open = s3_input_open,
	.assign = s3_input_assign,
	.read = s3_input_read,
	.partitions = s3_input_partitions,
	.ends = s3_input_ends,
	.starts = s3_input_starts,
	.fingerprint = s3_input_fingerprint,
	.close = s3_input_close,
};

static struct input *s3_input_new(const struct consume_conf *conf, bool join, struct err *err)
{
	struct s3_input *in = mem_zalloc(sizeof(*in));

	(void)join, (void)err;
	in->conf = conf;
	in->log = (struct input){ .ops = &s3_input_ops, .self = in };
	return &in->log;
}

static void s3_input_free(struct input *log)
{
	struct s3_input *in;

	if (!log)
		return;
	in = log->self;
	s3_input_close(in);
	free(in->end);
	free(in->at);
	free(in->fresh);
	free(in);
}

const struct consume_driver s3_input_driver = {
	.input_new = s3_input_new,
	.input_free = s3_input_free,
};
