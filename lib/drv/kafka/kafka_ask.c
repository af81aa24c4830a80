/* Questions to the cluster. Each blocks for at most a second at a time; kafka_insist serves the
 * loop between the tries. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_internal.h"

/* ---- partitions */

rd_kafka_topic_t *kafka_topic(struct kafka *k, const char *name)
{
	for (size_t i = 0; i < k->n_rkt; i++)
		if (strcmp(rd_kafka_topic_name(k->rkt[i]), name) == 0)
			return k->rkt[i];
	k->rkt = mem_grow(k->rkt, k->n_rkt + 1, sizeof(*k->rkt));
	return k->rkt[k->n_rkt++] = rd_kafka_topic_new(k->rk, name, NULL);
}

struct ask_topic {
	const char *topic;
	struct partitions *out; /* NULL: only leaders are wanted */
};

static void note_leader(struct kafka *k, const char *topic, const struct rd_kafka_metadata *m,
			const rd_kafka_metadata_partition_t *part)
{
	for (int i = 0; i < m->broker_cnt; i++)
		if (m->brokers[i].id == part->leader)
			fetcher_leader(k->fetcher, topic, part->id, m->brokers[i].host,
				       m->brokers[i].port);
}

static rd_kafka_resp_err_t kafka_ask_partitions(struct kafka *k, void *arg)
{
	struct ask_topic *a = arg;
	const struct rd_kafka_metadata *m = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, 0, kafka_topic(k, a->topic), &m,
						     KAFKA_ASK_MS);

	if (code)
		return code;
	code = m->topic_cnt ? m->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	for (int i = 0; !code && i < m->topics[0].partition_cnt; i++) {
		if (a->out)
			partitions_add(a->out, slice_z(a->topic), m->topics[0].partitions[i].id);
		if (k->fetcher)
			note_leader(k, a->topic, m, &m->topics[0].partitions[i]);
	}
	rd_kafka_metadata_destroy(m);
	return code;
}

rd_kafka_resp_err_t kafka_ask_leaders(struct kafka *k, const char *topic)
{
	struct ask_topic a = { .topic = topic };

	return kafka_ask_partitions(k, &a);
}

int kafka_partitions(void *self, struct partitions *out, struct err *err)
{
	struct kafka *k = self;

	for (size_t i = 0; i < k->topics.n; i++) {
		struct ask_topic a = { k->topics.v[i].topic, out };
		char *what = mem_printf("topic %s", a.topic);
		int rc = kafka_insist(k, what, kafka_ask_partitions, &a, err);

		free(what);
		if (rc)
			return -1;
	}
	return 0;
}

/* ---- offsets */

static rd_kafka_topic_partition_list_t *list_of_ranges(const struct ranges *s)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->n);

	for (size_t i = 0; i < s->n; i++)
		rd_kafka_topic_partition_list_add(list, s->v[i].topic, s->v[i].partition);
	return list;
}

struct ask_list {
	rd_kafka_topic_partition_list_t *list;
	int64_t time_ms;
};

static rd_kafka_resp_err_t list_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err)
			return list->elems[i].err;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A client goes on asking the leader that it knows, which may have died, until it hears of another:
 * that is topic.metadata.refresh.interval.ms, five minutes. */
static void learn_leaders(rd_kafka_t *rk)
{
	const struct rd_kafka_metadata *m = NULL;

	if (!rd_kafka_metadata(rk, 0, NULL, &m, KAFKA_ASK_MS))
		rd_kafka_metadata_destroy(m);
}

static rd_kafka_resp_err_t ask_times(struct kafka *k, void *arg)
{
	/* the reader's connections may be in a long poll */
	rd_kafka_t *rk = k->member ? k->member : k->rk;
	struct ask_list *a = arg;
	rd_kafka_resp_err_t code;

	for (int i = 0; i < a->list->cnt; i++)
		a->list->elems[i].offset = a->time_ms;
	code = rd_kafka_offsets_for_times(rk, a->list, KAFKA_ASK_MS);
	if (!code)
		code = list_error(a->list);
	if (code)
		learn_leaders(rk);
	return code;
}

/* Offsets of a time, or of RD_KAFKA_OFFSET_BEGINNING or _END: into *list.
 * (rd_kafka_query_watermark_offsets of 2.0.2 waits for ever for a leader that died.) */
static int offsets_at(struct kafka *k, const struct ranges *parts, int64_t time_ms,
		      rd_kafka_topic_partition_list_t **list, struct err *err)
{
	struct ask_list a = { .list = list_of_ranges(parts), .time_ms = time_ms };

	*list = a.list;
	return parts->n ? kafka_insist(k, "offsets", ask_times, &a, err) : 0;
}

int kafka_ends(void *self, struct ranges *parts, struct err *err)
{
	rd_kafka_topic_partition_list_t *low, *high = NULL;
	int rc = offsets_at(self, parts, RD_KAFKA_OFFSET_BEGINNING, &low, err);

	if (rc == 0)
		rc = offsets_at(self, parts, RD_KAFKA_OFFSET_END, &high, err);
	for (size_t i = 0; rc == 0 && i < parts->n; i++) {
		parts->v[i].from = low->elems[i].offset;
		parts->v[i].to = high->elems[i].offset;
	}
	rd_kafka_topic_partition_list_destroy(low);
	if (high)
		rd_kafka_topic_partition_list_destroy(high);
	return rc;
}

int kafka_starts(void *self, struct ranges *parts, enum input_when when, int64_t time_us,
		 struct err *err)
{
	rd_kafka_topic_partition_list_t *list;
	int rc = kafka_ends(self, parts, err);

	if (rc || when == INPUT_EARLIEST)
		return rc;
	if (when == INPUT_LATEST) {
		for (size_t i = 0; i < parts->n; i++)
			parts->v[i].from = parts->v[i].to;
		return 0;
	}
	rc = offsets_at(self, parts, time_us / 1000 + (time_us % 1000 > 0), &list, err);
	for (size_t i = 0; rc == 0 && i < parts->n; i++)
		/* none: after the last record */
		parts->v[i].from = list->elems[i].offset >= 0 ? list->elems[i].offset
							      : parts->v[i].to;
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

/* ---- commits */

static rd_kafka_resp_err_t ask_committed(struct kafka *k, void *arg)
{
	struct ask_list *a = arg;
	rd_kafka_resp_err_t code = rd_kafka_committed(k->member, a->list, KAFKA_ASK_MS);

	return code ? code : list_error(a->list);
}

int kafka_committed(void *self, struct ranges *parts, struct buf *meta, struct err *err)
{
	struct ask_list a = { .list = list_of_ranges(parts) };
	int rc = kafka_insist(self, "committed offsets", ask_committed, &a, err);
	size_t before = meta->n;

	for (size_t i = 0; rc == 0 && i < parts->n; i++) {
		const rd_kafka_topic_partition_t *e = &a.list->elems[i];
		struct slice text = slice(e->metadata, e->metadata_size);

		/* what a sink that commits keeps of a partition stands in lines of their own */
		if (text.n && memchr(text.p, '\n', text.n))
			text.n = (size_t)((char *)memchr(text.p, '\n', text.n) - text.p);
		while (text.n && text.p[text.n - 1] == 0)
			text.n--;
		parts->v[i].from = e->offset >= 0 ? e->offset : -1;
		if (e->offset < 0 || text.n == 0)
			continue;
		if (meta->n == before)
			buf_adds(meta, text);
		else if (!slice_eq(slice(meta->p + before, meta->n - before), text))
			rc = err_set(err, EX_CONFIG,
				     "the commits of the group name two jobs: \"%.*s\" and "
				     "\"%.*s\"; use a group of its own (-g)",
				     (int)(meta->n - before), meta->p + before, (int)text.n,
				     text.p);
	}
	rd_kafka_topic_partition_list_destroy(a.list);
	return rc;
}

int kafka_member(void *self, struct buf *out, struct err *err)
{
	struct kafka *k = self;

	(void)err;
	buf_adds(out, buf_slice(&k->membership));
	return 0;
}

/* The group does not know us any more, or not in this generation. */
static bool is_evicted(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	       code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

struct ask_commit {
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_queue_t *answers;
	int64_t sent_us; /* 0: no answer is waited for */
	rd_kafka_resp_err_t refused;
};

/* While a rebalance waits for our answer every commit of an evicted member is refused, and who
 * waits for the commit cannot answer. (rd_kafka_commit waits without a limit, and an answer may be
 * lost.) */
static rd_kafka_resp_err_t ask_commit(struct kafka *k, void *arg)
{
	struct ask_commit *a = arg;
	int64_t now = tm_mono_us();
	rd_kafka_event_t *answer;
	rd_kafka_resp_err_t code;

	if (!a->sent_us || now - a->sent_us > KAFKA_COMMIT_AGAIN_US) {
		code = rd_kafka_commit_queue(k->member, a->list, a->answers, NULL, NULL);
		if (code)
			return code;
		a->sent_us = now;
	}
	answer = rd_kafka_queue_poll(a->answers, KAFKA_ASK_MS);
	if (!answer)
		return RD_KAFKA_RESP_ERR__TIMED_OUT;
	code = rd_kafka_event_error(answer);
	rd_kafka_event_destroy(answer);
	a->sent_us = 0;
	if (!k->rebalance || !is_evicted(code))
		return code;
	a->refused = code;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int commit_and_wait(struct kafka *k, struct ask_commit *a, struct err *err)
{
	int rc;

	a->answers = rd_kafka_queue_new(k->member);
	rc = kafka_insist(k, "commit", ask_commit, a, err);
	rd_kafka_queue_destroy(a->answers);
	return rc;
}

int kafka_commit(void *self, const struct ranges *offsets, const char *meta, bool wait,
		 struct err *err)
{
	struct kafka *k = self;
	struct ask_commit a = { .list = list_of_ranges(offsets) };
	int rc = 0;

	for (size_t i = 0; i < offsets->n; i++) {
		rd_kafka_topic_partition_t *e = &a.list->elems[i];

		e->offset = offsets->v[i].to;
		if (meta) {
			e->metadata = strdup(meta); /* freed by the list, with free() */
			e->metadata_size = strlen(meta);
		}
	}
	if (wait)
		rc = commit_and_wait(k, &a, err);
	else
		a.refused = rd_kafka_commit(k->member, a.list, 1);
	if (a.refused && a.refused != RD_KAFKA_RESP_ERR__NO_OFFSET)
		log_warn("kafka: commit: %s", rd_kafka_err2str(a.refused));
	rd_kafka_topic_partition_list_destroy(a.list);
	return rc;
}
