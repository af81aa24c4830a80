/* An epoch of a job is, for each partition that has moved, an object, which is there whole or not
 * at all: it is uploaded in parts, and completed under the claim. A partition that has moved
 * without a record (all were dropped above) has an object too, an empty one: objects then follow
 * each other without a gap, and one that is missing is seen when they are read again.
 *
 *	collect   records, by partition, into frames and parts (s3_collect.h)
 *	prepare   uploads begin; the claim's words are their keys and ids
 *	write     parts -> Complete of all
 *	settle    uploads are aborted, then the objects are looked at: those of this claim?
 *
 * The offsets of most objects are from, from + 1, ..; where they are not (a compacted topic,
 * markers of transactions, filters above), notes between the frames say them (s3_key.h). */
#include "drv/s3/s3.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/s3/s3_sink_internal.h"
#include "sink/sink_errors.h"

#define FOLDER "events"

enum { GZIP_LEVEL_MAX = 9 };

static const int64_t orphan_us = 86400 * TM_S;

/* ---- life */

static int check_conf(const struct s3_conf *conf, struct err *err)
{
	const char *folder = conf->sink.place;

	if (!conf->sink.where)
		return err_set(err, EX_USAGE, "which bucket? say s3://BUCKET/PREFIX");
	if (!*folder || folder[0] == '/' || folder[strlen(folder) - 1] == '/' ||
	    strstr(folder, "//") || !str_utf8(folder, strlen(folder)))
		return err_set(err, EX_USAGE, "--folder \"%s\": no name of a folder", folder);
	if (conf->gzip && conf->level > GZIP_LEVEL_MAX)
		return err_set(err, EX_USAGE, "--level: gzip has 1 to %d", GZIP_LEVEL_MAX);
	if (conf->each && conf->gzip)
		return err_set(err, EX_USAGE,
			       "an object of one event is not compressed: --each and --gzip "
			       "exclude each other");
	return 0;
}

static void s3_sink_close(void *d)
{
	struct s3_sink *s = d;

	if (!s)
		return;
	s3_uploads_free(s->uploads);
	s3_collect_free(s->collect);
	pack_free(s->pack);
	s3_conn_fini(&s->conn);
	events_free(s->events);
	buf_fini(&s->folder);
	buf_fini(&s->parts_folder);
	buf_fini(&s->line);
	free(s->object);
	free(s->marks);
	free(s);
}

static void *s3_sink_open(const struct sink_conf *conf, struct err *err)
{
	const struct s3_conf *c = (const struct s3_conf *)conf;
	struct s3_sink *s;
	struct s3_place place;

	if (check_conf(c, err) || s3_place_init(&place, conf->where, c->endpoint, err))
		return NULL;
	s = mem_zalloc(sizeof(*s));
	s->conf = c;
	buf_printf(&s->folder, "%s%s/", place.prefix, conf->place);
	buf_printf(&s->parts_folder, "%s%s.parts/", place.prefix, conf->place);
	s3_place_fini(&place);
	s->kind = c->gzip ? PACK_GZIP : PACK_ZSTD;
	s->pack = pack_new(s->kind, (int)c->level);
	s->collect = s3_collect_new(&s->conn, buf_slice(&s->parts_folder), s->pack);
	s->events = events_new(&conf->events, err);
	if (s->events && s3_conn_init(&s->conn, conf->loop, conf->where, c->endpoint, err) == 0)
		return s;
	s3_sink_close(s);
	return NULL;
}

/* ---- connecting */

struct cleaning {
	struct s3_sink *s;
	int64_t before_us;
	unsigned long long ended;
};

static int end_orphan(void *arg, const struct s3_listed *o, struct err *err)
{
	struct cleaning *c = arg;
	enum s3_outcome out;
	int64_t us;

	if (tm_parse(o->time, &us) || us > c->before_us)
		return 0;
	out = o->upload.p ? s3_upload_abort(&c->s->conn, o->key, o->upload, err)
			  : s3_delete(&c->s->conn, o->key, err);
	c->ended += out == S3_DONE;
	return s3_result(out) == SINK_OK ? 0 : -1;
}

/* What a process that was killed has left: parts that nobody sees, and that are paid for. */
static enum sink_result end_orphans(struct s3_sink *s, struct err *err)
{
	struct cleaning c = { .s = s, .before_us = tm_now_us() - orphan_us };
	enum s3_outcome o = s3_list_uploads(&s->conn, buf_slice(&s->folder), end_orphan, &c, err);

	if (o == S3_DONE)
		o = s3_list(&s->conn, buf_slice(&s->parts_folder), end_orphan, &c, err);
	if (o == S3_DONE)
		log_note("%llu uploads and parts that were begun more than a day ago are ended",
			 c.ended);
	s->cleaned = o == S3_DONE;
	return s3_result(o);
}

static int see_nothing(void *arg, const struct s3_listed *o, struct err *err)
{
	(void)arg, (void)o, (void)err;
	return 0;
}

/* The list of a name that nothing has: keys, bucket and rights to read are good. */
static enum sink_result s3_sink_connect(void *d, struct err *err)
{
	struct s3_sink *s = d;
	struct buf nothing = { 0 };
	enum s3_outcome o;

	buf_printf(&nothing, "%.*s~", (int)s->folder.n, s->folder.p);
	o = s3_list(&s->conn, buf_slice(&nothing), see_nothing, NULL, err);
	buf_fini(&nothing);
	if (o == S3_DONE && s->conf->clean && !s->cleaned)
		return end_orphans(s, err);
	return s3_result(o);
}

static void forget_epoch(struct s3_sink *s)
{
	s3_uploads_free(s->uploads);
	s->uploads = NULL;
}

static void s3_sink_disconnect(void *d)
{
	forget_epoch(d);
}

/* ---- records */

void s3_sink_event(struct s3_sink *s, const struct sink_record *record, struct sink_event *out)
{
	static const char pad[SCAN_PAD];
	struct err why = ERR_INIT;

	s->line.n = 0;
	buf_add(&s->line, pad, SCAN_PAD);
	buf_adds(&s->line, record->line);
	buf_addc(&s->line, '\n');
	buf_add(&s->line, pad, SCAN_PAD);
	events_scan(s->events, s->line.p + SCAN_PAD, record->line.n + 1, &s->scan);
	if (s->scan.lines != 1 || scan_status(&s->scan, 0) != SCAN_OK ||
	    events_read(s->events, s->scan.field, record->topic, out, &why))
		*out = (struct sink_event){ .ts_us = POS_NONE };
}

void s3_sink_day(struct s3_sink *s, const struct sink_record *record, struct buf *out)
{
	struct sink_event event = { .ts_us = POS_NONE };
	int64_t us = POS_NONE;

	if (record)
		s3_sink_event(s, record, &event);
	if (record && record->time_us)
		us = record->time_us;
	buf_adds(out, buf_slice(&s->folder));
	s3_key_day(event.ts_us == POS_NONE ? us : event.ts_us, out);
	buf_addc(out, '/');
}

/* ---- an epoch's objects */

static enum sink_collected s3_sink_collect(void *d, const struct run *run, uint64_t *lines)
{
	struct s3_sink *s = d;
	const struct origin *origin = &run->origin;
	struct s3_share *share;
	bool fresh;

	if (s->conf->each)
		return SINK_COLLECTED_NOT;
	share = s3_collect_share(s->collect, origin, &fresh);
	if (fresh && run->block.n) {
		struct sink_record first = { .topic = origin->topic,
					     .partition = origin->partition,
					     .offset = origin->offset,
					     .time_us = origin->time_us };
		const char *nl = memchr(run->block.p, '\n', run->block.n);

		first.line = slice(run->block.p, (size_t)(nl - run->block.p));
		s3_sink_day(s, &first, &share->day);
	}
	return s3_collect_run(s->collect, share, run, lines) ? SINK_COLLECTED_MUCH : SINK_COLLECTED;
}

static enum sink_result s3_sink_send(void *d, struct err *err)
{
	return s3_collect_send(((struct s3_sink *)d)->collect, err);
}

static void s3_sink_discard(void *d)
{
	s3_collect_drop(((struct s3_sink *)d)->collect);
}

/* What was collected is the epoch's. */
static int check_shares(struct s3_sink *s, const struct sink_batch *b, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < b->ranges->n; i++) {
		const struct range *r = &b->ranges->v[i];
		const struct s3_share *share = s3_collect_find(s->collect, r->topic, r->partition);

		if (share && (share->unordered || share->first < r->from || share->next > r->to))
			return err_set(err, EX_DATAERR,
				       "records of %s/%d stand at offsets %" PRId64 " to %" PRId64
				       ", which are not the epoch's, or not in order",
				       r->topic, r->partition, share->first, share->next);
		n += share != NULL;
	}
	return n == s3_collect_shares(s->collect)
		       ? 0
		       : err_set(err, EX_DATAERR,
				 "there are records of a partition that is not the epoch's");
}

static void add_object(struct s3_sink *s, const struct sink_batch *b, const struct range *r)
{
	const struct s3_share *share = s3_collect_find(s->collect, r->topic, r->partition);
	struct s3_marks *marks = &s->marks[r - b->ranges->v];
	struct buf key = { 0 }, job = { 0 };

	*marks = (struct s3_marks){ .from = r->from,
				    .to = r->to,
				    .records = share ? share->records : 0,
				    .dense = share && s3_share_dense(share, r->from, r->to) };
	memcpy(marks->claim, b->name, sizeof(marks->claim) - 1);
	sigv4_encode(slice_z(b->job), false, &job);
	memcpy(marks->job, job.p, job.n);
	if (share)
		buf_adds(&key, buf_slice(&share->day));
	else
		s3_sink_day(s, NULL, &key);
	s3_key_place(slice_z(r->topic), r->partition, r->from, &key);
	buf_addz(&key, s3_key_suffix(s->kind));
	s->object[r - b->ranges->v] = s3_uploads_object(s->uploads, buf_slice(&key), marks);
	buf_fini(&key);
	buf_fini(&job);
}

static bool has_object(const struct range *r)
{
	return r->to > r->from;
}

static enum sink_result s3_sink_prepare(void *d, const struct sink_batch *b, struct buf *what,
					struct err *err)
{
	struct s3_sink *s = d;
	enum sink_result r;

	forget_epoch(s);
	if (s->conf->each)
		return SINK_OK;
	if (check_shares(s, b, err))
		return SINK_FATAL;
	r = s3_collect_wait(s->collect, err);
	if (r != SINK_OK)
		return r;
	s->uploads = s3_uploads_new(&s->conn);
	free(s->object);
	s->object = mem_array(b->ranges->n + 1, sizeof(*s->object));
	free(s->marks);
	s->marks = mem_array(b->ranges->n + 1, sizeof(*s->marks));
	for (size_t i = 0; i < b->ranges->n; i++)
		if (has_object(&b->ranges->v[i]))
			add_object(s, b, &b->ranges->v[i]);
	r = s3_uploads_begin(s->uploads, err);
	s3_uploads_what(s->uploads, what);
	return r;
}

static enum sink_result write_object(struct s3_sink *s, const struct range *r, size_t at,
				     struct err *err)
{
	const struct s3_share *share = s3_collect_find(s->collect, r->topic, r->partition);
	struct buf body = { 0 };
	enum sink_result result;

	if (share)
		return s3_collect_write(s->collect, share, &s->marks[at], s->uploads, s->object[at],
					err);
	pack_part(s->pack, slice(NULL, 0), slice("", 0), &body);
	result = s3_uploads_part(s->uploads, s->object[at], &body, err);
	buf_fini(&body);
	return result;
}

static enum sink_result s3_sink_write(void *d, const struct sink_batch *b,
				      struct sink_counts *counts, struct err *err)
{
	struct s3_sink *s = d;
	enum sink_result r = SINK_OK;

	if (s->conf->each)
		return s3_each_write(s, b, err);
	for (size_t i = 0; i < b->ranges->n && r == SINK_OK; i++)
		if (has_object(&b->ranges->v[i]))
			r = write_object(s, &b->ranges->v[i], i, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_INSIDE);
	if (r == SINK_OK)
		r = s3_uploads_complete(s->uploads, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_SENT);
	for (size_t i = 0; i < b->ranges->n && r == SINK_OK; i++)
		if (has_object(&b->ranges->v[i]))
			counts->fresh += (uint64_t)s->marks[i].records;
	forget_epoch(s);
	return r;
}

static enum sink_result s3_sink_settle(void *d, const char *id, struct slice what, bool *stored,
				       struct err *err)
{
	struct s3_sink *s = d;

	*stored = false;
	return what.n ? s3_uploads_settle(&s->conn, id, what, stored, err) : SINK_OK;
}

static enum sink_result s3_sink_holds(void *d, const char *id, struct slice what, bool *holds,
				      struct err *err)
{
	struct s3_sink *s = d;

	*holds = true;
	return what.n ? s3_uploads_stored(&s->conn, id, what, holds, err) : SINK_OK;
}

/* Objects stay: an archive is not what a job has for its work. */
static enum sink_result s3_sink_reset(void *d, const char *job, uint64_t *rows, struct err *err)
{
	(void)d, (void)job, (void)rows, (void)err;
	return SINK_OK;
}

/* ---- the driver */

#define OWN(member_) .at = offsetof(struct s3_conf, member_)
static const struct opt s3_opts[] = {
	{ .name = "endpoint",
	  .type = OPT_TEXT,
	  OWN(endpoint),
	  .arg = "URL",
	  .help = "where the bucket is, of a server other than Amazon's: http://HOST:PORT; else "
		  "$AWS_ENDPOINT_URL" },
	SINK_PLACE_OPT("folder", FOLDER, "folder of the objects, below the prefix"),
	{ .name = "gzip",
	  .type = OPT_FLAG,
	  OWN(gzip),
	  .help = "compress by gzip, for readers that know no zstd" },
	{ .name = "level",
	  .type = OPT_COUNT,
	  OWN(level),
	  .arg = "N",
	  .def = "1",
	  .help = "how hard to compress",
	  .min = 1,
	  .max = 19 },
	{ .name = "each",
	  .type = OPT_FLAG,
	  OWN(each),
	  .help = "an object an event, named by its id: EVENT_ID.json" },
	{ .name = "clean",
	  .type = OPT_FLAG,
	  OWN(clean),
	  .help = "first end uploads, and delete parts, that were begun more than a day ago" },
	SINK_EVENTS_OPT(OPT_TEXT, id, "id-path", "PATH", "event_id",
			"--each: member that is the event's id"),
	SINK_EVENTS_OPT(OPT_TEXT, time, "time", "PATH", "ts", "member that is the event time"),
	SINK_EVENTS_UNIT_OPT(""),
	OPT_END,
};

const struct sink_driver s3_driver = {
	.kind = "s3",
	.takes = SINK_RECORDS,
	.delivery = SINK_CLAIMED,
	.opts = s3_opts,
	.conf_bytes = sizeof(struct s3_conf),
	.open = s3_sink_open,
	.close = s3_sink_close,
	.connect = s3_sink_connect,
	.disconnect = s3_sink_disconnect,
	.collect = s3_sink_collect,
	.send = s3_sink_send,
	.discard = s3_sink_discard,
	.prepare = s3_sink_prepare,
	.settle = s3_sink_settle,
	.holds = s3_sink_holds,
	.write = s3_sink_write,
	.reset = s3_sink_reset,
};
