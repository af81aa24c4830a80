/* What is read, and by whom: each partition by the fetcher where that goes (fetch/fetcher.h), else
 * by librdkafka's simple consumer. fetcher.state says by whom, fetcher.next how far, whoever reads.
 *
 *	ours (fetch_is_ours)   --kafka_fallback-->   librdkafka's
 *	                       <--kafka_take_back--  .. of these those that are AWAY
 *
 * The way back costs what librdkafka has fetched ahead, and where the fetcher fails again the time
 * until it notices. So it is tried after RETURN_US, and each further time after twice as long, up
 * to RETURN_MOST_US; the wait is short again after RETURN_CALM_US without a fall. Only a read tries
 * it: a partition to which nothing comes stays where it is.
 *
 * Messages of librdkafka's that were in the batch at work when their partition went back are passed
 * over while it is the fetcher's, and later where they lie below its next offset (kafka_read.c):
 * so each record is handed out once, whoever reads it. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_internal.h"

enum { RETURN_US = 1000000, RETURN_CALM_US = 600000000 };
static const int64_t RETURN_MOST_US = 3600 * TM_S;

void kafka_drop_batch(struct kafka *k)
{
	for (size_t i = 0; i < k->n; i++)
		rd_kafka_message_destroy(k->m[i]);
	k->n = k->at = 0;
}

void kafka_forget_parts(struct kafka *k)
{
	kafka_drop_batch(k);
	for (size_t i = 0; i < k->parts; i++)
		if (!fetch_is_ours(&k->part[i]->fetcher))
			rd_kafka_consume_stop(k->part[i]->rkt, k->part[i]->part.partition);
	if (k->fetcher)
		fetcher_forget(k->fetcher);
	for (size_t i = 0; i < k->parts; i++) {
		free(k->part[i]->part.topic);
		free(k->part[i]);
	}
	k->parts = k->indirect = 0;
	k->back = (struct kafka_back){ 0 };
}

/* ---- falling back, and the way back */

static void plan_return(struct kafka *k)
{
	int64_t now = tm_mono_us();

	if (k->back.at_us)
		return;
	if (!k->back.after_us || now - k->back.last_us > RETURN_CALM_US)
		k->back.after_us = RETURN_US;
	else if (k->back.after_us < RETURN_MOST_US)
		k->back.after_us *= 2;
	k->back.at_us = now + k->back.after_us;
}

static rd_kafka_resp_err_t start_librdkafka(struct kafka *k, struct kafka_part *p)
{
	k->indirect++;
	if (p->fetcher.state == FETCH_AWAY)
		plan_return(k);
	return rd_kafka_consume_start_queue(p->rkt, p->part.partition, p->fetcher.next, k->messages)
		       ? rd_kafka_last_error()
		       : RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_fallback(void *arg, struct fetcher_part *d)
{
	struct kafka *k = arg;

	for (size_t i = 0; i < k->parts; i++)
		if (&k->part[i]->fetcher == d) {
			rd_kafka_resp_err_t code = start_librdkafka(k, k->part[i]);

			if (code)
				kafka_failed(&k->failed, code, NULL);
			if (d->state == FETCH_GONE)
				k->metadata_suspect = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		}
}

/* Metadata of the topics of all that are AWAY, each once. false: not to be had now. */
static bool ask_leaders_away(struct kafka *k)
{
	const char *last = "";

	for (size_t i = 0; i < k->parts; i++) {
		const struct kafka_part *p = k->part[i];

		if (p->fetcher.state != FETCH_AWAY || strcmp(p->part.topic, last) == 0)
			continue;
		last = p->part.topic;
		if (kafka_ask_leaders(k, last))
			return false;
	}
	return true;
}

void kafka_take_back(struct kafka *k)
{
	bool known = ask_leaders_away(k);
	size_t left = 0;

	for (size_t i = 0; i < k->parts; i++) {
		struct kafka_part *p = k->part[i];

		if (p->fetcher.state != FETCH_AWAY)
			continue;
		if (!known || !fetcher_add(k->fetcher, &p->fetcher)) {
			left++;
			continue;
		}
		rd_kafka_consume_stop(p->rkt, p->part.partition);
		k->indirect--;
		log_info("%s/%d@%lld: fetched without librdkafka again", p->part.topic,
			 (int)p->part.partition, (long long)p->fetcher.next);
	}
	k->back.last_us = tm_mono_us();
	k->back.at_us = 0;
	if (left)
		plan_return(k);
}

/* ---- assign */

/* Once: which way records come. */
static void tell_path(struct kafka *k)
{
	if (k->path_told)
		return;
	k->path_told = true;
	if (k->fetcher)
		log_info("kafka: the fast path is on: records are fetched without librdkafka");
	else
		log_info("kafka: the fast path is off: %s: librdkafka reads",
			 buf_z(&k->fetcher_off));
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
	if (starts->n)
		tell_path(k);
	for (size_t i = 0; i < starts->n; i++) {
		struct kafka_part *p = add_part(k, &starts->v[i]);
		rd_kafka_resp_err_t code;

		if (k->fetcher && fetcher_add(k->fetcher, &p->fetcher))
			continue;
		code = start_librdkafka(k, p);
		if (code)
			return kafka_failed(err, code, NULL);
	}
	return 0;
}
