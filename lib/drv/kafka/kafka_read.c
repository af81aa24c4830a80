/* What is read: directly where that goes (fetcher.h), else by librdkafka. A batch of its
 * messages is handed out in runs of one partition; the payloads stay librdkafka's until the next
 * read. Stale messages of an earlier start are dropped by librdkafka (they carry the version of
 * their fetch) and, where they sat in our batch, by us. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_internal.h"

void kafka_drop_batch(struct kafka *k)
{
	for (size_t i = 0; i < k->n; i++)
		rd_kafka_message_destroy(k->m[i]);
	k->n = k->at = 0;
}

rd_kafka_topic_t *kafka_topic(struct kafka *k, const char *name)
{
	for (size_t i = 0; i < k->n_rkt; i++)
		if (strcmp(rd_kafka_topic_name(k->rkt[i]), name) == 0)
			return k->rkt[i];
	k->rkt = mem_grow(k->rkt, k->n_rkt + 1, sizeof(*k->rkt));
	return k->rkt[k->n_rkt++] = rd_kafka_topic_new(k->rk, name, NULL);
}

/* ---- assign */

void kafka_forget_parts(struct kafka *k)
{
	kafka_drop_batch(k);
	if (k->fetcher)
		fetcher_forget(k->fetcher);
	for (size_t i = 0; i < k->parts; i++) {
		if (!k->part[i]->is_fetched)
			rd_kafka_consume_stop(k->part[i]->rkt, k->part[i]->part.partition);
		free(k->part[i]->part.topic);
		free(k->part[i]);
	}
	k->parts = k->indirect = 0;
}

static rd_kafka_resp_err_t kafka_start(struct kafka *k, struct kafka_part *p)
{
	p->is_fetched = false;
	k->indirect++;
	return rd_kafka_consume_start_queue(p->rkt, p->part.partition, p->fetcher.next, k->messages)
		       ? rd_kafka_last_error()
		       : RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_fallback(void *arg, struct fetcher_part *d)
{
	struct kafka *k = arg;

	for (size_t i = 0; i < k->parts; i++)
		if (&k->part[i]->fetcher == d) {
			rd_kafka_resp_err_t code = kafka_start(k, k->part[i]);

			if (code)
				kafka_failed(&k->failed, code, NULL);
			if (d->lost)
				k->metadata_suspect = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		}
}

static struct kafka_part *add_part(struct kafka *k, const struct range *r)
{
	struct kafka_part *p = mem_zalloc(sizeof(*p));

	p->part.topic = mem_strdup(r->topic);
	p->part.partition = r->partition;
	p->rkt = kafka_topic(k, r->topic);
	p->fetcher = (struct fetcher_part){ .part = &p->part, .next = r->from };
	mem_reserve(&k->part, &k->part_cap, k->parts + 1, sizeof(*k->part));
	k->part[k->parts++] = p;
	return p;
}

int kafka_assign(void *self, const struct ranges *starts, struct err *err)
{
	struct kafka *k = self;

	kafka_forget_parts(k);
	for (size_t i = 0; i < starts->n; i++) {
		struct kafka_part *p = add_part(k, &starts->v[i]);
		rd_kafka_resp_err_t code;

		p->is_fetched = k->fetcher && fetcher_add(k->fetcher, &p->fetcher);
		code = p->is_fetched ? RD_KAFKA_RESP_ERR_NO_ERROR : kafka_start(k, p);
		if (code)
			return kafka_failed(err, code, NULL);
	}
	return 0;
}

/* ---- read */

static struct kafka_part *part_of(struct kafka *k, const rd_kafka_message_t *m)
{
	const char *topic = m->rkt ? rd_kafka_topic_name(m->rkt) : "";

	for (size_t i = 0; i < k->parts; i++)
		if (!k->part[i]->is_fetched && k->part[i]->part.partition == m->partition &&
		    strcmp(k->part[i]->part.topic, topic) == 0)
			return k->part[i];
	return NULL;
}

/* The offset is not in the log any more (or not yet): which are? */
static int lost_offsets(struct kafka *k, const struct kafka_part *p, int64_t offset,
			struct err *err)
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

static int take_error(struct kafka *k, const rd_kafka_message_t *m, const struct kafka_part *p,
		      struct input_batch *batch, struct err *err)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		*batch = (struct input_batch){ .part = &p->part,
					       .position = m->offset,
					       .end = true };
		return 1;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		return lost_offsets(k, p, m->offset, err);
	default:
		break;
	}
	if (kafka_unknown(m->err))
		k->metadata_suspect = m->err;
	else if (!kafka_temporary(m->err)) {
		kafka_failed(err, m->err, rd_kafka_message_errstr(m));
		return p ? err_in(err, "%s/%d", p->part.topic, (int)p->part.partition) : -1;
	}
	return 0; /* librdkafka goes on by itself */
}

/* Messages of one partition from k->at on. */
static void kafka_take_run(struct kafka *k, const struct kafka_part *p, struct input_batch *batch)
{
	const rd_kafka_message_t *first = k->m[k->at];
	size_t n = 0;

	for (; k->at < k->n; k->at++, n++) {
		const rd_kafka_message_t *m = k->m[k->at];
		rd_kafka_timestamp_type_t type;
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
		};
	}
	*batch = (struct input_batch){
		.part = &p->part,
		.v = k->record,
		.n = n,
		.position = k->record[n - 1].next,
	};
}

static bool fetch(struct kafka *k)
{
	uint64_t count;
	ssize_t n;

	kafka_drop_batch(k);
	if (read(k->message_fd, &count, sizeof(count)) < 0)
		count = 0;
	n = rd_kafka_consume_batch_queue(k->messages, 0, k->m, KAFKA_BATCH);
	k->n = n > 0 ? (size_t)n : 0;
	return k->n;
}

/* Are the topics still there? One that was away may be another one now: the next start looks. */
static int kafka_settle(struct kafka *k, struct err *err)
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
	while (k->at < k->n || fetch(k)) {
		const rd_kafka_message_t *m = k->m[k->at];
		const struct kafka_part *p = part_of(k, m);

		if (p && !m->err) {
			kafka_take_run(k, p, batch);
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

int kafka_read(void *self, struct input_batch *batch, int *fd, struct err *err)
{
	struct kafka *k = self;
	int rc = 0;

	*batch = (struct input_batch){ 0 };
	*fd = k->fetcher ? fetcher_fd(k->fetcher) : k->message_fd;
	if (kafka_judge(k, err) || (k->metadata_suspect && kafka_settle(k, err)))
		return -1;
	k->turn = !k->turn;
	if (k->indirect && k->turn)
		rc = read_fallback(k, batch, err);
	if (rc == 0 && k->fetcher)
		rc = fetcher_read(k->fetcher, k->record, KAFKA_BATCH, batch);
	if (rc == 0)
		rc = read_fallback(k, batch, err);
	if (rc > 0)
		kafka_reached(k);
	return rc < 0 ? -1 : 0;
}

/* ---- one record, by itself */

static int unreadable(struct kafka *k, const struct partition *part, struct err *err)
{
	struct err why;

	kafka_why(k, "reading", RD_KAFKA_RESP_ERR__TIMED_OUT, &why);
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
				rc = unreadable(k, part, err);
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
