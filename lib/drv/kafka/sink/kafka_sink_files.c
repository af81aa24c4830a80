/* Positions of a job over files: records of a compacted topic, in the transaction of their epoch.
 *
 *	key    ["JOB","SINK","FILE",0]
 *	value  {"s":SINK,"gen":..,"now":..,"pos":[{"t":FILE,"p":0,"init":..,"next":..,..}]}
 *
 * All of them stand in partition 0, so the last record of a key is its position, however many
 * partitions the topic has.
 *
 * Files have no group that could say whose turn it is, and one writer. The transactional id is the
 * job's and sink's own: whoever takes it (init_transactions) ends the transaction of the process
 * that had it, and puts that one out. Positions are read after that, so nobody moves them before
 * we do; a producer that is made anew takes the id anew, and so they are read anew.
 *
 * They are read up to the log's end of that moment, with read_committed. Another job's open
 * transaction in the partition hides what is behind it until it ends, by its time-out at last. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { READ_S = 20, SERVE_EVERY = 1000 /* records, between turns of the loop */ };

/* ---- reading */

static void key_begin(const struct kafka_sink *d, const char *job, struct buf *key)
{
	buf_addc(key, '[');
	json_quote_z(key, job);
	buf_addc(key, ',');
	json_quote_z(key, d->conf->sink.name);
	buf_addc(key, ',');
}

static int take_record(const struct kafka_sink *d, const rd_kafka_message_t *m,
		       const struct buf *key, struct keeper_doc *doc, struct err *err)
{
	struct ctl_sink_state state;
	const struct position *p;
	int rc = 0;

	if (m->key_len < key->n || memcmp(m->key, key->p, key->n) != 0 || !m->payload)
		return 0;
	if (ctl_sink_state_read(slice(m->payload, m->len), &state, err)) {
		err->code = EX_CONFIG;
		err_in(err, "topic %s, offset %lld", d->conf->positions, (long long)m->offset);
		return -1;
	}
	p = state.pos.n == 1 ? &state.pos.v[0] : NULL;
	if (p && !kafka_state_take(&state, slice_z(p->topic), p->partition, p->next, doc))
		rc = err_set(err, EX_CONFIG,
			     "topic %s: the positions of this job and sink are of two starts "
			     "(generations %s and %s)",
			     d->conf->positions, doc->gen, state.gen);
	ctl_sink_state_fini(&state);
	return rc;
}

/* What a message is: a record, or the end for now. *at: the offset behind it. */
static enum sink_result take_message(struct kafka_sink *d, const rd_kafka_message_t *m,
				     const struct buf *key, struct keeper_doc *doc, int64_t *at,
				     struct err *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		*at = m->offset;
		return SINK_OK;
	}
	if (m->err)
		return kafka_sink_unanswered(d, d->conf->positions, m->err, err);
	*at = m->offset + 1;
	return take_record(d, m, key, doc, err) ? SINK_FATAL : SINK_OK;
}

static enum sink_result read_up_to(struct kafka_sink *d, rd_kafka_topic_t *topic, int64_t end,
				   const struct buf *key, struct keeper_doc *doc, struct err *err)
{
	int64_t at = -1, until_us = tm_mono_us() + READ_S * TM_S;
	enum sink_result r = SINK_OK;

	for (uint64_t n = 1; r == SINK_OK && at < end; n++) {
		rd_kafka_message_t *m = rd_kafka_consume(topic, 0, KAFKA_SINK_TURN_MS);

		if (m)
			r = take_message(d, m, key, doc, &at, err);
		if ((!m || n % SERVE_EVERY == 0) && loop_turn(d->conf->sink.loop, 0, err) < 0)
			r = SINK_FATAL;
		if (!m && r == SINK_OK && tm_mono_us() > until_us) {
			err_set(err, EX_TEMPFAIL,
				"topic %s: cannot be read beyond offset %lld; another job has a "
				"transaction open there",
				d->conf->positions, (long long)at);
			r = SINK_RETRY;
		}
		if (m)
			rd_kafka_message_destroy(m);
	}
	return r;
}

/* `begin` is a number: librdkafka looks up the logical beginning half a second late. */
static enum sink_result read_positions(struct kafka_sink *d, int64_t begin, int64_t end,
				       const struct buf *key, struct keeper_doc *doc,
				       struct err *err)
{
	rd_kafka_t *rk = kafka_positions_reader(d, "read_committed", err);
	rd_kafka_topic_t *topic = rk ? rd_kafka_topic_new(rk, d->conf->positions, NULL) : NULL;
	enum sink_result r = SINK_FATAL;

	if (!rk)
		return SINK_FATAL;
	if (rd_kafka_consume_start(topic, 0, begin)) {
		kafka_failed(err, rd_kafka_last_error(), NULL);
	} else {
		r = read_up_to(d, topic, end, key, doc, err);
		rd_kafka_consume_stop(topic, 0);
	}
	rd_kafka_topic_destroy(topic);
	kafka_end(rk);
	return r;
}

enum sink_result kafka_files_load(struct kafka_sink *d, const char *job, struct keeper_doc *doc,
				  struct err *err)
{
	/* whoever had the id is out when this returns */
	enum sink_result r = kafka_tx_ready(d, d->single, err);
	struct buf key = { 0 };
	int64_t begin = 0, end = 0;

	if (r == SINK_OK)
		r = kafka_positions_bounds(d, &begin, &end, err);
	key_begin(d, job, &key);
	if (r == SINK_OK && end > 0)
		r = read_positions(d, begin, end, &key, doc, err);
	buf_fini(&key);
	return r;
}

/* ---- writing */

static int put_position(struct kafka_sink *d, const char *gen, bool by_now,
			const struct position *p, struct err *err)
{
	struct buf key = { 0 }, value = { 0 };
	rd_kafka_resp_err_t code;
	int rc = 0;

	key_begin(d, d->job, &key);
	json_quote_z(&key, p->topic);
	buf_printf(&key, ",%d]", (int)p->partition);
	kafka_state_write(d, gen, by_now, p, &value);
	do {
		code = rd_kafka_producev(
			d->producer, RD_KAFKA_V_TOPIC(d->conf->positions), RD_KAFKA_V_PARTITION(0),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_VALUE(value.p, value.n), RD_KAFKA_V_KEY(key.p, key.n),
			RD_KAFKA_V_OPAQUE(KAFKA_POSITION), RD_KAFKA_V_END);
		if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rc = kafka_sink_wait(d, d->producer, err);
		else if (code)
			rc = kafka_failed(err, code, NULL);
	} while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && rc == 0);
	d->tally.handed += !code;
	buf_fini(&key);
	buf_fini(&value);
	return rc;
}

int kafka_files_send(struct kafka_sink *d, const struct ranges *ranges, struct err *err)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		const struct position *p = positions_find(&d->doc.pos, slice_z(r->topic),
							  r->partition);
		struct position moved;

		if (!p)
			continue;
		moved = *p;
		kafka_state_move(&moved, r);
		if (moved.next == r->to && put_position(d, d->doc.gen, d->doc.by_now, &moved, err))
			return -1;
	}
	return 0;
}

static int send_first(struct kafka_sink *d, const struct ctl_init *init,
		      const struct keeper_doc *doc, struct err *err)
{
	int rc = 0;

	d->tally = (struct kafka_tally){ 0 };
	for (size_t i = 0; i < init->start.n && rc == 0; i++) {
		const struct range *r = &init->start.v[i];
		const struct position first = kafka_state_first(r);

		if (init->act != CTL_NEW ||
		    !positions_find(&doc->pos, slice_z(r->topic), r->partition))
			rc = put_position(d, init->gen, doc->by_now || init->by_now, &first, err);
	}
	return kafka_tx_stored(d, rc, err) || kafka_positions_same(d, err) ? -1 : 0;
}

enum sink_result kafka_files_init(struct kafka_sink *d, const struct ctl_init *init,
				  struct err *err)
{
	struct keeper_doc doc = { .gen = "" };
	enum sink_result r = kafka_files_load(d, d->job, &doc, err);

	if (r == SINK_OK)
		r = kafka_state_judge_init(d, init, &doc, err);
	if (r == SINK_OK)
		r = kafka_tx_begin(d, d->producer, err);
	if (r == SINK_OK) {
		r = send_first(d, init, &doc, err) ? SINK_FATAL
						   : kafka_tx_commit(d, d->producer, err);
		if (r != SINK_OK)
			kafka_tx_abort(d, d->producer);
	}
	keeper_doc_fini(&doc);
	/* the next epoch reads anew */
	free(d->member);
	d->member = NULL;
	return r;
}
