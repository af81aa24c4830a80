/* Reading: by turns what the fetcher has and what librdkafka has. A batch of librdkafka's
 * messages is handed out in runs of one partition; the payloads stay librdkafka's until the next
 * read. Stale messages of an earlier start are dropped by librdkafka (they carry the version of
 * their fetch) and, where they sat in our batch, by us: by the state of their partition, or because
 * they lie below its next offset.
 *
 * librdkafka tells the end of a partition by an event in the same queue. Behind a slow reader the
 * log may have grown since: such an end is held against what its last fetch said. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_internal.h"

enum { FRESH_US = 10000000 };

static struct kafka_part *part_of_message(struct kafka *k, const rd_kafka_message_t *m)
{
	const char *topic = m->rkt ? rd_kafka_topic_name(m->rkt) : "";

	for (size_t i = 0; i < k->parts; i++)
		if (!fetch_is_ours(&k->part[i]->fetcher) &&
		    k->part[i]->part.partition == m->partition &&
		    strcmp(k->part[i]->part.topic, topic) == 0)
			return k->part[i];
	return NULL;
}

/* The offset is not in the log any more (or not yet): which are? */
static int judge_lost(struct kafka *k, const struct kafka_part *p, int64_t offset, struct err *err)
{
	struct ranges one = { 0 };
	struct range *r = ranges_add(&one, slice_z(p->part.topic), p->part.partition);
	int rc = kafka_ends(k, &one, err);

	if (rc == 0) {
		int64_t from = offset, to = r->from;

		if (k->lost && offset < to)
			*k->lost = (struct input_lost){
				.is = true,
				.part = p->part,
				.from = from,
				.to = to,
			};
		if (offset > r->to)
			rc = err_set(err, EX_CONFIG,
				     "%s/%d ends at %lld, the position is %lld: the topic was made "
				     "anew; a new job reads the new topic",
				     p->part.topic, p->part.partition, (long long)r->to,
				     (long long)offset);
		else if (offset >= r->from)
			rc = err_set(err, EX_TEMPFAIL,
				     "%s/%d: offset %lld was not there for a moment, the log may "
				     "have been cut off; start the pipeline again",
				     p->part.topic, p->part.partition, (long long)offset);
		else
			rc = err_set(
				err, EX_DATAERR,
				"%s/%d: offsets %lld to %lld are gone (retention): `--on-gap skip` "
				"at hta-consume goes on behind them and books them as lost",
				p->part.topic, p->part.partition, (long long)from,
				(long long)to - 1);
	}
	ranges_fini(&one);
	return rc;
}

/* 1: the event's offset is the log's end, as far as can be known; 0: it was. Without transactions
 * the high watermark of librdkafka's last fetch decides: where it stopped fetching because its
 * queue was full, it went on long before the queue was used up to this event. The last stable
 * offset it does not tell: asked for where the event may have waited. */
static int is_end_still(struct kafka *k, const struct kafka_part *p, int64_t offset,
			struct err *err)
{
	struct ranges one = { 0 };
	int64_t low, high;
	int rc;

	if (tm_mono_us() - k->batch_since_us < FRESH_US ||
	    rd_kafka_get_watermark_offsets(k->rk, p->part.topic, p->part.partition, &low, &high) ||
	    high <= offset)
		return 1;
	if (!k->committed)
		return 0;
	ranges_add(&one, slice_z(p->part.topic), p->part.partition);
	rc = kafka_ends(k, &one, err) ? -1 : offset >= one.v[0].to;
	ranges_fini(&one);
	return rc;
}

static int take_end(struct kafka *k, const rd_kafka_message_t *m, struct kafka_part *p,
		    struct input_batch *batch, struct err *err)
{
	int rc = m->offset < p->fetcher.next ? 0 : is_end_still(k, p, m->offset, err);

	if (rc <= 0)
		return rc;
	p->fetcher.next = m->offset;
	*batch = (struct input_batch){ .part = &p->part, .position = m->offset, .end = true };
	return 1;
}

static int take_error(struct kafka *k, const rd_kafka_message_t *m, struct kafka_part *p,
		      struct input_batch *batch, struct err *err)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		return take_end(k, m, p, batch, err);
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		return judge_lost(k, p, m->offset, err);
	default:
		break;
	}
	if (kafka_unknown(m->err))
		k->metadata_suspect = m->err;
	else if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return kafka_no_right(err, m->err, "topic", rd_kafka_topic_name(m->rkt), "read");
	else if (!kafka_temporary(m->err)) {
		kafka_failed(err, m->err, rd_kafka_message_errstr(m));
		return p ? err_in(err, "%s/%d", p->part.topic, (int)p->part.partition) : -1;
	}
	return 0; /* librdkafka goes on by itself */
}

/* Messages of one partition from k->at on. */
static void take_run(struct kafka *k, struct kafka_part *p, struct input_batch *batch)
{
	const rd_kafka_message_t *first = k->m[k->at];
	size_t n = 0;

	for (; k->at < k->n; k->at++, n++) {
		const rd_kafka_message_t *m = k->m[k->at];
		rd_kafka_timestamp_type_t type;
		rd_kafka_headers_t *headers;
		int64_t ms;

		if (m->err || m->partition != first->partition || m->rkt != first->rkt)
			break;
		ms = rd_kafka_message_timestamp(m, &type);
		k->record[n] = (struct input_record){
			.value = slice(m->payload, m->len),
			.offset = m->offset,
			.next = m->offset + 1,
			.time_us = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ||
						   ms > INT64_MAX / 1000
					   ? POS_NONE
					   : ms * 1000,
			.place = m,
			.appended = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME,
			.headers = !rd_kafka_message_headers(m, &headers),
		};
	}
	*batch = (struct input_batch){
		.part = &p->part,
		.v = k->record,
		.n = n,
		.position = k->record[n - 1].next,
	};
	p->fetcher.next = batch->position;
}

static bool next_messages(struct kafka *k)
{
	int64_t now = tm_mono_us();
	uint64_t count;
	ssize_t n;

	kafka_drop_batch(k);
	k->batch_since_us = k->empty_at_us;
	if (read(k->message_fd, &count, sizeof(count)) < 0)
		count = 0;
	n = rd_kafka_consume_batch_queue(k->messages, 0, k->m, KAFKA_BATCH);
	k->n = n > 0 ? (size_t)n : 0;
	if (k->n < KAFKA_BATCH)
		k->empty_at_us = now;
	return k->n;
}

/* Are the topics still there? One that was away may be another one now: the next start looks. */
static int settle_metadata(struct kafka *k, struct err *err)
{
	struct partitions all = { 0 };
	int rc = kafka_partitions(k, &all, err);

	if (rc == 0 && k->metadata_suspect != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
		rc = err_set(err, EX_TEMPFAIL,
			     "kafka: a topic was unknown for a moment, it may have been made anew; "
			     "start the pipeline again");
	k->metadata_suspect = RD_KAFKA_RESP_ERR_NO_ERROR;
	partitions_fini(&all);
	return rc;
}

/* 1: a batch; 0: nothing now. */
static int read_fallback(struct kafka *k, struct input_batch *batch, struct err *err)
{
	while (k->at < k->n || next_messages(k)) {
		const rd_kafka_message_t *m = k->m[k->at];
		struct kafka_part *p = part_of_message(k, m);

		if (p && !m->err && m->offset >= p->fetcher.next) {
			take_run(k, p, batch);
			return 1;
		}
		k->at++;
		if (m->err) {
			int rc = p || !kafka_temporary(m->err) ? take_error(k, m, p, batch, err)
							       : 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}

static void add_header(struct wire_extra *x, const char *name, const void *value, size_t n)
{
	mem_reserve(&x->header, &x->cap, x->n + 1, sizeof(*x->header));
	x->header[x->n++] = (struct input_header){ .name = slice_z(name),
						   .value = slice(value, n) };
}

static void read_extra_of_message(struct wire_extra *x, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t n;

	x->key = slice(m->key, m->key_len);
	x->n = 0;
	if (rd_kafka_message_headers(m, &headers))
		return;
	while (!rd_kafka_header_get_all(headers, x->n, &name, &value, &n))
		add_header(x, name, value, n);
}

void kafka_extra(void *self, const struct input_record *r, struct input_extra *out)
{
	struct kafka *k = self;

	if (k->direct)
		wire_extra_read(&k->extra, r);
	else
		read_extra_of_message(&k->extra, r->place);
	*out = (struct input_extra){ .key = k->extra.key,
				     .header = k->extra.header,
				     .n = k->extra.n };
}

int kafka_read(void *self, struct input_batch *batch, int *fd, struct err *err)
{
	struct kafka *k = self;
	int rc = 0;

	*batch = (struct input_batch){ 0 };
	*fd = k->fetcher ? fetcher_fd(k->fetcher) : k->message_fd;
	if (kafka_judge(k, err) || (k->metadata_suspect && settle_metadata(k, err)))
		return -1;
	if (k->back.at_us && !k->down && tm_mono_us() >= k->back.at_us)
		kafka_take_back(k);
	k->turn = !k->turn;
	if (k->indirect && k->turn)
		rc = read_fallback(k, batch, err);
	if (rc == 0 && k->fetcher)
		rc = fetcher_read(k->fetcher, k->record, KAFKA_BATCH, batch);
	if (rc == 0)
		rc = read_fallback(k, batch, err);
	k->direct = batch->direct;
	if (rc > 0)
		kafka_reached(k);
	return rc < 0 ? -1 : 0;
}

/* ---- one record, by itself */

static int give_up_record(struct kafka *k, const struct partition *part, struct err *err)
{
	struct err why;

	kafka_why(k, "reading", RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, &why);
	return err_set(err, EX_UNAVAILABLE, "kafka: %s/%d cannot be read: %s; given up%s",
		       part->topic, (int)part->partition, why.msg, k->retry_flag);
}

int kafka_fingerprint(void *self, const struct partition *part, int64_t offset, bool *found,
		      struct pos_last *out, struct err *err)
{
	struct kafka *k = self;
	struct ranges one = { 0 }, none = { 0 };
	struct input_batch b = { 0 };
	int64_t until = tm_mono_us() + k->retry_for_us;
	struct range *r = ranges_add(&one, slice_z(part->topic), part->partition);
	int rc, fd;

	*found = false;
	rc = kafka_ends(k, &one, err);
	if (rc == 0 && offset >= r->from && offset < r->to) {
		r->from = offset;
		rc = kafka_assign(k, &one, err);
		while (rc == 0 && (rc = kafka_read(k, &b, &fd, err)) == 0 && !b.part) {
			if (tm_mono_us() > until)
				rc = give_up_record(k, part, err);
			else if (loop_wait(k->loop, fd, 1 /* POLLIN */, tm_mono_us() + 1000000,
					   err) < 0)
				rc = -1;
		}
		if (rc == 0 && b.n && b.v[0].offset == offset) {
			*found = true;
			*out = (struct pos_last){ .offset = offset,
						  .time_us = b.v[0].time_us,
						  .hash = record_hash(b.v[0].value) };
		}
		if (rc == 0)
			rc = kafka_assign(k, &none, err);
	}
	ranges_fini(&one);
	return rc;
}
