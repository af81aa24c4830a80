/* Sending letters again, a batch a transaction. With the records goes an offset: the marks of
 * letters in a topic, or, in a group of the call's own, the batch's number as an offset of the
 * target's partition 0. So what an earlier call has sent can be asked for: its transactional id
 * is taken over, which ends what it had begun, and then its group says how many batches were
 * committed.
 *
 *   call              CLUSTER:TOPIC:SECONDS:ID, or the topic of the letters
 *   transactional id  hta-dlq.ID, or hta-dlq.TOPIC
 *   group             hta-dlq.ID, or hta-dlq
 *
 * A group without members is forgotten after a week (offsets.retention.minutes): what is older
 * than KNOWN_S cannot be told any more. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_dlq_internal.h"
#include "drv/kafka/kafka_end.h"

enum { TRY_MS = 30000, GIVE_UP_US = 90000000, KNOWN_S = 6 * 86400, END_MS = 5000 };

struct resend {
	const struct letters_conf *conf;
	struct kafka *k;
	struct kafka_originals *originals;
	rd_kafka_t *producer;
	rd_kafka_consumer_group_metadata_t *group;
	char group_name[LETTERS_CALL_BYTES + 16];
	char *topic; /* of the batches' numbers */
	/* the first record of the transaction that was refused */
	rd_kafka_resp_err_t refused;
	struct buf refused_of;
};

/* ---- life cycle */

static void resend_close(void *d)
{
	struct resend *s = d;

	if (!s)
		return;
	kafka_originals_free(s->originals);
	if (s->group)
		rd_kafka_consumer_group_metadata_destroy(s->group);
	kafka_end(s->producer);
	kafka_dlq_free(s->k);
	buf_fini(&s->refused_of);
	free(s->topic);
	free(s);
}

static void *resend_open(const struct letters_conf *conf, struct err *err)
{
	struct resend *s = mem_zalloc(sizeof(*s));

	s->conf = conf;
	s->k = kafka_dlq_client(conf, NULL, err);
	if (s->k)
		s->originals = kafka_originals_new(s->k, err);
	if (s->originals)
		return s;
	resend_close(s);
	return NULL;
}

struct ask_topic {
	const char *topic;
	int32_t partitions;
};

static rd_kafka_resp_err_t ask_topic(struct kafka *k, void *arg)
{
	struct ask_topic *a = arg;
	const struct rd_kafka_metadata *m = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, 0, kafka_topic(k, a->topic), &m,
						     KAFKA_ASK_MS);

	if (code)
		return code;
	code = m->topic_cnt ? m->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	a->partitions = code ? 0 : m->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(m);
	return code;
}

static int resend_topic(void *d, const char *topic, int32_t *partitions, struct err *err)
{
	struct resend *s = d;
	struct ask_topic a = { .topic = topic };
	char *what = mem_printf("topic %s", topic);
	int rc = kafka_insist(s->k, what, ask_topic, &a, err);

	free(what);
	*partitions = a.partitions;
	return rc;
}

static int resend_original(void *d, const char *topic, int32_t partition, int64_t offset,
			   struct letters_original *out, struct err *err)
{
	return kafka_originals_get(((struct resend *)d)->originals, topic, partition, offset, out,
				   err);
}

static void resend_forget(void *d)
{
	kafka_originals_forget(((struct resend *)d)->originals);
}

/* ---- calls */

static void cluster_of(struct resend *s, char *out, size_t n)
{
	char *id = rd_kafka_clusterid(s->k->rk, KAFKA_ASK_MS);

	snprintf(out, n, "%s", id && *id ? id : "-");
	if (id)
		rd_kafka_mem_free(s->k->rk, id);
}

static void resend_name(void *d, const char *topic, char *out)
{
	char cluster[100];
	uint64_t id;

	cluster_of(d, cluster, sizeof(cluster));
	hash_random(&id, sizeof(id));
	snprintf(out, LETTERS_CALL_BYTES, "%s:%s:%lld:%016" PRIx64, cluster, topic,
		 (long long)(tm_now_us() / TM_S), id);
}

struct call {
	char cluster[100], topic[250], id[LETTERS_CALL_BYTES];
	long long at_s;
	bool numbered; /* its batches are */
};

static void read_call(const char *text, struct call *c)
{
	*c = (struct call){ .numbered = true };
	if (sscanf(text, "%99[^:]:%249[^:]:%lld:%99[^:]", c->cluster, c->topic, &c->at_s, c->id) ==
	    4)
		return;
	c->numbered = false;
	snprintf(c->id, sizeof(c->id), "%s", text);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct resend *s = m->_private;

	(void)rk;
	(void)opaque;
	if (!m->err || s->refused)
		return;
	if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
		return;
	s->refused = m->err;
	s->refused_of.n = 0;
	buf_printf(&s->refused_of, "a record of %zu bytes for %s", m->len,
		   rd_kafka_topic_name(m->rkt));
}

static rd_kafka_t *new_producer(struct resend *s, const char *id, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(s->k->conf);
	char name[LETTERS_CALL_BYTES + 16], why[512];
	const char *const set[][2] = { { "transactional.id", name },
				       { "partitioner", "murmur2_random" },
				       { "message.max.bytes", "1000000000" },
				       /* a topic's limit is one of what is sent at once */
				       { "batch.num.messages", "1" } };
	rd_kafka_t *rk = NULL;

	snprintf(name, sizeof(name), "hta-dlq.%s", id);
	rd_kafka_conf_set_events(conf, 0);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++)
		if (rd_kafka_conf_set(conf, set[i][0], set[i][1], why, sizeof(why)) !=
		    RD_KAFKA_CONF_OK)
			goto failed;
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (rk)
		return rk;
failed:
	rd_kafka_conf_destroy(conf);
	err_set(err, EX_CONFIG, "kafka: %s", why);
	return NULL;
}

/* Takes ownership of e. */
static int failed_by(rd_kafka_error_t *e, const char *what, struct err *err)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(e);

	if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
	    code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
		err_set(err, EX_TEMPFAIL, "another hta-dlq retry has taken over");
	else if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
		 code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		kafka_failed(err, code, NULL);
	else
		kafka_failed(err, code, rd_kafka_error_string(e));
	rd_kafka_error_destroy(e);
	return err_in(err, "%s", what);
}

static bool is_worth_another(const rd_kafka_error_t *e, int64_t until_us)
{
	return rd_kafka_error_is_retriable(e) && tm_mono_us() < until_us;
}

static int init_transactions(rd_kafka_t *rk, struct err *err)
{
	int64_t until_us = tm_mono_us() + GIVE_UP_US;
	rd_kafka_error_t *e;

	while ((e = rd_kafka_init_transactions(rk, TRY_MS)) != NULL) {
		if (!is_worth_another(e, until_us))
			return failed_by(e, "transactions", err);
		rd_kafka_error_destroy(e);
	}
	return 0;
}

static int resend_begin(void *d, const char *text, struct err *err)
{
	struct resend *s = d;
	struct call c;

	read_call(text, &c);
	s->producer = new_producer(s, c.id, err);
	if (!s->producer || init_transactions(s->producer, err))
		return -1;
	if (c.numbered) {
		s->topic = mem_strdup(c.topic);
		snprintf(s->group_name, sizeof(s->group_name), "hta-dlq.%s", c.id);
	} else {
		snprintf(s->group_name, sizeof(s->group_name), "hta-dlq");
	}
	s->group = rd_kafka_consumer_group_metadata_new(s->group_name);
	return 0;
}

/* The batch that the call's group has; 0: none. */
static int ask_batch(struct resend *s, const struct call *c, uint64_t *sent, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	char group[LETTERS_CALL_BYTES + 16];
	rd_kafka_resp_err_t code;
	rd_kafka_t *rk;
	int rc = -1;

	snprintf(group, sizeof(group), "hta-dlq.%s", c->id);
	rk = kafka_dlq_group(s->k, group, true, err);
	if (rk) {
		rd_kafka_topic_partition_list_add(list, c->topic, 0);
		code = RD_KAFKA_RESP_ERR__TIMED_OUT;
		for (int i = 0; code == RD_KAFKA_RESP_ERR__TIMED_OUT && !s->k->failed.code &&
				i < TRY_MS / KAFKA_ASK_MS;
		     i++) {
			code = rd_kafka_committed(rk, list, KAFKA_ASK_MS);
			kafka_dlq_group_errors(s->k, rk);
		}
		code = code ? code : list->elems[0].err;
		*sent = !code && list->elems[0].offset > 0 ? (uint64_t)list->elems[0].offset : 0;
		rc = code ? kafka_failed(err, code, NULL) : 0;
		if (s->k->failed.code)
			err_copy(err, &s->k->failed);
		kafka_end(rk);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

static int resend_ask(void *d, const char *text, bool *known, uint64_t *sent, struct err *err)
{
	struct resend *s = d;
	char cluster[100];
	struct call c;
	rd_kafka_t *rk;
	int rc;

	read_call(text, &c);
	cluster_of(s, cluster, sizeof(cluster));
	*known = c.numbered && strcmp(c.cluster, cluster) == 0 &&
		 tm_now_us() / TM_S - c.at_s < KNOWN_S;
	if (!*known)
		return 0;
	rk = new_producer(s, c.id, err);
	if (!rk)
		return -1;
	rc = init_transactions(rk, err);
	kafka_end(rk);
	return rc ? rc : ask_batch(s, &c, sent, err);
}

/* ---- a batch */

static rd_kafka_headers_t *headers_of(const struct letters_record *r)
{
	rd_kafka_headers_t *h = r->headers ? rd_kafka_headers_copy(r->headers)
					   : rd_kafka_headers_new(2);
	char retries[24];

	rd_kafka_header_remove(h, "hta.from");
	rd_kafka_header_remove(h, "hta.retries");
	if (r->from.n)
		rd_kafka_header_add(h, "hta.from", -1, r->from.p, (ssize_t)r->from.n);
	snprintf(retries, sizeof(retries), "%" PRIu64, r->retries);
	rd_kafka_header_add(h, "hta.retries", -1, retries, -1);
	return h;
}

static int produce_record(struct resend *s, const struct letters_record *r, struct err *err)
{
	rd_kafka_resp_err_t code;

	for (;;) {
		rd_kafka_headers_t *h = headers_of(r);

		code = rd_kafka_producev(
			s->producer, RD_KAFKA_V_TOPIC(r->topic),
			RD_KAFKA_V_PARTITION(r->partition < 0 ? RD_KAFKA_PARTITION_UA
							      : r->partition),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_VALUE((void *)(uintptr_t)(r->value.n ? r->value.p : ""),
					 r->value.n),
			RD_KAFKA_V_KEY(r->key.p, r->key.n), RD_KAFKA_V_HEADERS(h),
			RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
		if (!code)
			return 0;
		rd_kafka_headers_destroy(h);
		if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		rd_kafka_poll(s->producer, 100);
	}
	kafka_failed(err, code, NULL);
	err->code = EX_DATAERR;
	return err_in(err, "a record of %zu bytes for %s", r->value.n, r->topic);
}

static int add_offsets(struct resend *s, uint64_t batch, const struct letters_mark *mark,
		       size_t marks, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)marks + 1);
	int64_t until_us = tm_mono_us() + GIVE_UP_US;
	rd_kafka_error_t *e;
	int rc = 0;

	for (size_t i = 0; i < marks; i++) {
		rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(
			list, mark[i].topic, mark[i].partition);

		p->offset = mark[i].offset;
		p->metadata = strdup(mark[i].metadata); /* the list's, free() */
		p->metadata_size = strlen(mark[i].metadata);
	}
	if (s->topic)
		rd_kafka_topic_partition_list_add(list, s->topic, 0)->offset = (int64_t)batch;
	while (rc == 0 && (e = rd_kafka_send_offsets_to_transaction(s->producer, list, s->group,
								    TRY_MS)) != NULL) {
		if (is_worth_another(e, until_us))
			rd_kafka_error_destroy(e);
		else
			rc = failed_by(e, "marks of what is sent", err);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

/* -1, and err is for abort_batch to set: one was refused. librdkafka 2.0.2 would wait in a commit
 * for those that stand behind it, which it does not send any more. */
static int await_reports(struct resend *s)
{
	int64_t until_us = tm_mono_us() + TRY_MS * 1000;

	while (!s->refused && rd_kafka_outq_len(s->producer) > 0 && tm_mono_us() < until_us)
		rd_kafka_poll(s->producer, 100);
	return s->refused ? -1 : 0;
}

static int commit_transaction(struct resend *s, struct err *err)
{
	int64_t until_us = tm_mono_us() + GIVE_UP_US;
	rd_kafka_error_t *e;

	if (await_reports(s))
		return -1;
	while ((e = rd_kafka_commit_transaction(s->producer, TRY_MS)) != NULL) {
		if (!is_worth_another(e, until_us))
			return failed_by(e, "sending", err);
		rd_kafka_error_destroy(e);
	}
	return 0;
}

/* Nothing of the batch is sent: what is not aborted here is by the next call, or by the broker in
 * time. A record that was refused is the cause, whatever it led to. */
static int abort_batch(struct resend *s, struct err *err)
{
	int64_t until_us = tm_mono_us() + TRY_MS * 1000;
	rd_kafka_error_t *e;
	bool again;

	rd_kafka_purge(s->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	do {
		e = rd_kafka_abort_transaction(s->producer, KAFKA_ASK_MS);
		again = e && is_worth_another(e, until_us);
		if (e)
			rd_kafka_error_destroy(e);
	} while (again);
	if (s->refused && !kafka_temporary(s->refused)) {
		kafka_failed(err, s->refused, NULL);
	} else if (s->refused) {
		kafka_failed(err, s->refused, NULL);
		err->code = EX_DATAERR;
	}
	if (s->refused)
		err_in(err, "%.*s", (int)s->refused_of.n, s->refused_of.p);
	return -1;
}

static int resend_send(void *d, const struct letters_record *v, size_t n, uint64_t batch,
		       const struct letters_mark *mark, size_t marks, struct err *err)
{
	struct resend *s = d;
	rd_kafka_error_t *e = rd_kafka_begin_transaction(s->producer);
	int rc = 0;

	if (e)
		return failed_by(e, "transactions", err);
	s->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = produce_record(s, &v[i], err);
	if (rc == 0)
		rc = add_offsets(s, batch, mark, marks, err);
	crash_at(CRASH_DLQ_INSIDE);
	if (rc == 0)
		rc = commit_transaction(s, err);
	return rc ? abort_batch(s, err) : 0;
}

/* ---- the end */

static void resend_end(void *d)
{
	struct resend *s = d;
	rd_kafka_DeleteGroup_t *group;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;

	if (!s->topic)
		return;
	group = rd_kafka_DeleteGroup_new(s->group_name);
	queue = rd_kafka_queue_new(s->producer);
	rd_kafka_DeleteGroups(s->producer, &group, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, END_MS);
	if (event) {
		if (rd_kafka_event_error(event))
			log_debug("group %s: %s", s->group_name,
				  rd_kafka_event_error_string(event));
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_DeleteGroup_destroy(group);
}

const struct letters_cluster kafka_cluster = {
	.open = resend_open,
	.close = resend_close,
	.topic = resend_topic,
	.original = resend_original,
	.forget = resend_forget,
	.name = resend_name,
	.ask = resend_ask,
	.begin = resend_begin,
	.send = resend_send,
	.end = resend_end,
};
