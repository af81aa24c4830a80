/* An epoch as a transaction:
 *
 *	begin, lines and dead letters, all stored? -- offsets as the member -- commit
 *	            |                 |                    |
 *	            |                 |                    +-- the group has moved on: abort, 75
 *	            |                 +-- the broker refuses a record: abort, and the same again
 *	            |                     without those that the topic does not take any more. If it
 *	            |                     refuses one still, each message goes alone, so that it is
 *	            |                     known which, and again without that one
 *	            +-- anything else: abort, 75
 *
 * The compare-and-set is made of two things. Positions are read once for each membership, when no
 * transaction over them is open any more, and compared here; and whoever is a member later is the
 * only one whose offsets are taken, so what was read stays so until we change it. */
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { ROUNDS_MOST = 100 };

/* ---- what is stored */

static enum sink_result read_stored(struct kafka_sink *d, const struct sink_batch *batch,
				    struct err *err)
{
	enum sink_result r;

	if (!batch->member) {
		err_set(err, EX_DATAERR,
			"the barrier does not say who the source is in its group: hta-consume and "
			"hta-sink-kafka are of different releases");
		return SINK_FATAL;
	}
	if (d->member && strcmp(d->member, batch->member) == 0)
		return SINK_OK;
	keeper_doc_fini(&d->doc);
	r = kafka_group_load(d, batch->job, &d->doc, err);
	free(d->member);
	d->member = r == SINK_OK ? mem_strdup(batch->member) : NULL;
	return r;
}

static void move_positions(struct kafka_sink *d, const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		struct position *p = positions_find(&d->doc.pos, slice_z(r->topic), r->partition);

		if (!p || (r->to == r->from && p->next != r->to))
			continue;
		p->next = r->to;
		p->idle = r->idle;
		if (r->last.offset >= 0)
			p->last = r->last;
		if (r->watermark_us > p->watermark_us)
			p->watermark_us = r->watermark_us;
	}
}

/* The commits of the epoch's partitions, where they stand now. */
static rd_kafka_topic_partition_list_t *commits_of(struct kafka_sink *d,
						   const struct ranges *ranges)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ranges->n);

	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		const struct position *p = positions_find(&d->doc.pos, slice_z(r->topic),
							  r->partition);

		if (p && p->next == r->to)
			kafka_group_add(d, d->doc.gen, d->doc.by_now, p, list);
	}
	return list;
}

/* ---- a transaction */

static int send_dead(struct kafka_sink *d, const struct sink_batch *batch, struct err *err)
{
	for (size_t i = 0; d->dead_name && i < batch->n_dead; i++)
		if (kafka_sink_bury(d, &batch->dead[i], err))
			return -1;
	return 0;
}

static int not_stored(const struct kafka_sink *d, struct err *err)
{
	char why[512];
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(d->producer, why, sizeof(why));

	if (code == RD_KAFKA_RESP_ERR__FENCED)
		return err_set(err, EX_TEMPFAIL,
			       "another process has the transactional id %s (--slot), and has put "
			       "this one out; start again",
			       d->transactional_id);
	if (code)
		return kafka_failed(err, code, why);
	return err_set(err, EX_TEMPFAIL, "kafka: %llu of %llu records are stored; start again",
		       (unsigned long long)d->tally.stored, (unsigned long long)d->tally.handed);
}

/* Until all that was handed over is stored or refused. */
static int send_all(struct kafka_sink *d, const struct sink_batch *batch, struct err *err)
{
	int rc;

	d->tally = (struct kafka_tally){ 0 };
	rc = kafka_sink_send_kept(d, err) || send_dead(d, batch, err) ? -1 : 0;
	while (rc == 0 && rd_kafka_outq_len(d->producer)) {
		rd_kafka_flush(d->producer, KAFKA_SINK_TURN_MS);
		if (rd_kafka_outq_len(d->producer))
			rc = kafka_sink_wait(d, d->producer, err);
	}
	if (rc)
		rd_kafka_poll(d->producer, KAFKA_SINK_TURN_MS);
	/* behind a refusal librdkafka takes no more, and gives the others back */
	if (d->n_refused)
		return 0;
	if (rc)
		return -1;
	return d->tally.stored == d->tally.handed ? 0 : not_stored(d, err);
}

/* In a transaction of single messages those that were refused are at fault themselves. */
static int mark_refused(struct kafka_sink *d, bool single, struct err *err)
{
	int rc = 0;

	if (!single)
		return kafka_sink_look(d, err) == SINK_OK ? kafka_sink_judge_kept(d, err) : -1;
	for (size_t i = 0; i < d->n_refused && rc == 0; i++)
		rc = d->refused[i].line
			     ? kafka_sink_refuse_kept(d, d->refused[i].line - 1,
						      "the broker refuses this record", err)
			     : err_set(err, EX_CONFIG,
				       "topic %s refuses dead letters: it has to take records of "
				       "any "
				       "size and form",
				       d->dead_name);
	return rc;
}

static enum sink_result commit_epoch(struct kafka_sink *d, const struct sink_batch *batch,
				     struct err *err)
{
	rd_kafka_topic_partition_list_t *list;
	enum sink_result r = SINK_OK;

	move_positions(d, batch->ranges);
	list = commits_of(d, batch->ranges);
	if (list->cnt)
		r = kafka_tx_offsets(d, d->producer, list, d->group, batch->member, err);
	rd_kafka_topic_partition_list_destroy(list);
	crash_at(CRASH_SINK_INSIDE);
	if (r == SINK_OK)
		r = kafka_tx_commit(d, d->producer, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_SENT);
	return r;
}

/* *again: records were refused, and the transaction is aborted. */
static enum sink_result try_epoch(struct kafka_sink *d, const struct sink_batch *batch, bool single,
				  bool *again, struct err *err)
{
	enum sink_result r = kafka_tx_ready(d, single, err);

	*again = false;
	if (r == SINK_OK)
		r = kafka_tx_begin(d, d->producer, err);
	if (r != SINK_OK)
		return r;
	if (send_all(d, batch, err))
		r = SINK_FATAL;
	else if (d->n_refused)
		*again = true;
	else
		r = commit_epoch(d, batch, err);
	if (*again || r != SINK_OK)
		kafka_tx_abort(d, d->producer);
	if (*again && mark_refused(d, single, err))
		r = SINK_FATAL;
	kafka_sink_forget_refused(d);
	return r;
}

enum sink_result kafka_sink_store(void *self, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err)
{
	struct kafka_sink *d = self;
	enum sink_result r = read_stored(d, batch, err);
	bool again = true, single = false;

	(void)counts;
	if (r == SINK_OK)
		r = cas_check(batch, d->doc.gen, d->doc.set, &d->doc.pos, err);
	for (int round = 0; r == SINK_OK && again; round++) {
		if (round == ROUNDS_MOST) {
			err_set(err, EX_TEMPFAIL, "kafka: records are refused, each time others");
			return SINK_FATAL;
		}
		r = try_epoch(d, batch, single, &again, err);
		single = again;
	}
	if (r == SINK_OK || r == SINK_APPLIED)
		kafka_sink_forget(d);
	return r;
}
