/* Records of the log, looked up one by one. A partition that was read from stays open: the next
 * letter is most often a little further on, and what was fetched has it already. A client of its
 * own, that fetches little ahead. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_dlq_internal.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/kafka_settings.h"

enum { READ_ON = 200, SILENCE_MS = 15000 };

struct open_part {
	char *topic;
	int32_t partition;
	rd_kafka_topic_t *rkt;
	int64_t next; /* -1: stopped */
};

struct kafka_originals {
	struct kafka *k;
	rd_kafka_t *rk;
	struct open_part *part;
	size_t parts;
	rd_kafka_message_t *last;
	rd_kafka_headers_t **headers; /* lent until forget */
	size_t n, cap;
};

struct kafka_originals *kafka_originals_new(struct kafka *k, struct err *err)
{
	static const char *const set[][2] = { { "queued.min.messages", "1" },
					      { "queued.max.messages.kbytes", "8192" },
					      { "enable.partition.eof", "true" } };
	struct kafka_originals *o = mem_zalloc(sizeof(*o));
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(k->conf);
	char why[512];

	for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++)
		rd_kafka_conf_set(conf, set[i][0], set[i][1], why, sizeof(why));
	o->k = k;
	o->rk = kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
	if (o->rk)
		return o;
	free(o);
	return NULL;
}

static void stop_part(struct open_part *p)
{
	if (p->next >= 0)
		rd_kafka_consume_stop(p->rkt, p->partition);
	p->next = -1;
}

void kafka_originals_free(struct kafka_originals *o)
{
	if (!o)
		return;
	kafka_originals_forget(o);
	free(o->headers);
	if (o->last)
		rd_kafka_message_destroy(o->last);
	for (size_t i = 0; i < o->parts; i++) {
		stop_part(&o->part[i]);
		rd_kafka_topic_destroy(o->part[i].rkt);
		free(o->part[i].topic);
	}
	free(o->part);
	kafka_end(o->rk);
	free(o);
}

void kafka_originals_forget(struct kafka_originals *o)
{
	for (size_t i = 0; i < o->n; i++)
		rd_kafka_headers_destroy(o->headers[i]);
	o->n = 0;
}

static struct open_part *find_part(struct kafka_originals *o, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < o->parts; i++)
		if (o->part[i].partition == partition && strcmp(o->part[i].topic, topic) == 0)
			return &o->part[i];
	o->part = mem_grow(o->part, o->parts + 1, sizeof(*o->part));
	o->part[o->parts] = (struct open_part){ .topic = mem_strdup(topic),
						.partition = partition,
						.rkt = rd_kafka_topic_new(o->rk, topic, NULL),
						.next = -1 };
	return &o->part[o->parts++];
}

static int seek_part(struct open_part *p, int64_t offset, struct err *err)
{
	if (p->next >= 0 && offset >= p->next && offset < p->next + READ_ON)
		return 0;
	stop_part(p);
	if (rd_kafka_consume_start(p->rkt, p->partition, offset))
		return kafka_failed(err, rd_kafka_last_error(), NULL);
	p->next = offset;
	return 0;
}

/* What says that there is no such record, and not that it cannot be read now. */
static bool is_missing(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
	       code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
	       code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE || kafka_unknown(code);
}

/* *m NULL: the record is not there. */
static int read_record(struct open_part *p, int64_t offset, rd_kafka_message_t **m, struct err *err)
{
	for (;;) {
		int rc = 0;

		*m = rd_kafka_consume(p->rkt, p->partition, SILENCE_MS);
		if (!*m)
			return err_set(err, EX_UNAVAILABLE,
				       "kafka: %s/%d/%lld: nothing came for 15 s", p->topic,
				       p->partition, (long long)offset);
		if (!(*m)->err && (*m)->offset == offset) {
			p->next = offset + 1;
			return 0;
		}
		if (!(*m)->err && (*m)->offset < offset) {
			rd_kafka_message_destroy(*m);
			continue;
		}
		if ((*m)->err && !is_missing((*m)->err))
			rc = kafka_failed(err, (*m)->err, rd_kafka_message_errstr(*m));
		rd_kafka_message_destroy(*m);
		*m = NULL;
		stop_part(p);
		return rc;
	}
}

static void keep_headers(struct kafka_originals *o, rd_kafka_message_t *m,
			 struct letters_original *out)
{
	rd_kafka_headers_t *headers;
	int64_t retries;

	if (rd_kafka_message_detach_headers(m, &headers))
		return;
	mem_reserve(&o->headers, &o->cap, o->n + 1, sizeof(*o->headers));
	o->headers[o->n++] = headers;
	out->headers = headers;
	kafka_dlq_header(headers, "hta.from", &out->from);
	if (kafka_dlq_number(headers, "hta.retries", &retries))
		out->retries = (uint64_t)retries;
}

int kafka_originals_get(struct kafka_originals *o, const char *topic, int32_t partition,
			int64_t offset, struct letters_original *out, struct err *err)
{
	struct open_part *p = find_part(o, topic, partition);
	rd_kafka_timestamp_type_t type;
	rd_kafka_message_t *m;
	int64_t ms;

	if (seek_part(p, offset, err) || read_record(p, offset, &m, err))
		return -1;
	out->found = m != NULL;
	if (!m)
		return 0;
	if (o->last)
		rd_kafka_message_destroy(o->last);
	o->last = m;
	out->value = m->payload ? slice(m->payload, m->len) : slice(NULL, 0);
	out->key = m->key ? slice(m->key, m->key_len) : slice(NULL, 0);
	ms = rd_kafka_message_timestamp(m, &type);
	out->time_us = ms < 0 ? POS_NONE : ms * 1000;
	keep_headers(o, m, out);
	return 0;
}
