/* A transaction, one call after the other. librdkafka blocks in each of them: so it is given a
 * second at a time, and the loop is served between. What it says:
 *
 *   retriable, or out of time   the same call again, until transaction.timeout.ms has passed
 *   requires abort              aborted; the source cuts the records anew after a start (75)
 *   fatal, fenced               the producer is of no use any more (75)
 *
 * Nothing is mended in place: after a commit that was not answered in time it may have been applied
 * or not, and a broker without KIP-890 may apply it to what the same producer sends next. Whoever
 * starts anew reads what holds. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { LOOK_S = 2 }; /* a record waits for a topic that is gone as for one that is made */

/* The group has another generation, or this member is none of it any more. */
static bool has_moved_on(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	       code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
	       code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

static bool is_refused(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
	       code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT || !kafka_temporary(code);
}

bool kafka_tx_fenced(rd_kafka_t *rk)
{
	return rd_kafka_fatal_error(rk, NULL, 0) == RD_KAFKA_RESP_ERR__FENCED;
}

int kafka_tx_fatal(const struct kafka_sink *d, rd_kafka_t *rk, struct err *err)
{
	char why[512];
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(rk, why, sizeof(why));

	if (kafka_tx_fenced(rk))
		return kafka_sink_put_out(d, err);
	/* what an idempotent producer needs is the right to write to any topic */
	if (code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		return kafka_no_right(err, code, "topic", d->conf->sink.place, "written to");
	return code ? kafka_failed(err, code, why) : 0;
}

static enum sink_result tell(const struct kafka_sink *d, const char *what, rd_kafka_error_t *e,
			     struct err *err)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(e);
	enum sink_result r = SINK_FATAL;

	if (has_moved_on(code)) {
		err_set(err, EX_TEMPFAIL,
			"the group has moved on: another pipeline has these partitions now (%s); "
			"start again",
			rd_kafka_err2str(code));
		r = SINK_CONFLICT;
	} else if (code == RD_KAFKA_RESP_ERR__FENCED) {
		kafka_sink_put_out(d, err);
	} else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		kafka_no_right(err, code, "topic", kafka_sink_denied(d), "written to");
	} else if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		kafka_no_right(err, code, "group", d->group, "read");
	} else {
		err_set(err, is_refused(code) ? EX_CONFIG : EX_TEMPFAIL, "kafka: %s: %s", what,
			rd_kafka_error_string(e));
	}
	rd_kafka_error_destroy(e);
	return r;
}

/* A moment between two tries of a call. False: there will be none. */
static bool may_try_again(struct kafka_sink *d, rd_kafka_error_t *e, int64_t until_us,
			  struct err *err)
{
	if (rd_kafka_error_is_fatal(e) || rd_kafka_error_txn_requires_abort(e) ||
	    !(rd_kafka_error_is_retriable(e) ||
	      rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR__TIMED_OUT) ||
	    tm_mono_us() >= until_us)
		return false;
	return loop_turn(d->conf->sink.loop, 0, err) >= 0;
}

static int64_t deadline_us(const struct kafka_sink *d)
{
	return tm_mono_us() + kafka_sink_number(d->settings, "transaction.timeout.ms") * 1000;
}

static enum sink_result id_denied(rd_kafka_t *rk, rd_kafka_error_t *e, struct err *err)
{
	char id[1024] = "";
	size_t size = sizeof(id);

	rd_kafka_conf_get(rd_kafka_conf(rk), "transactional.id", id, &size);
	err_set(err, EX_CONFIG, "transactional id %s: %s", id,
		rd_kafka_err2str(rd_kafka_error_code(e)));
	rd_kafka_error_destroy(e);
	return SINK_FATAL;
}

enum sink_result kafka_tx_init(struct kafka_sink *d, rd_kafka_t *rk, struct err *err)
{
	rd_kafka_error_t *e = rd_kafka_init_transactions(rk, 10 * KAFKA_SINK_ASK_MS);
	enum sink_result r;

	rd_kafka_poll(rk, 0);
	if (!e)
		return SINK_OK;
	if (rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
		return id_denied(rk, e, err);
	if (rd_kafka_error_is_retriable(e)) {
		r = kafka_sink_unanswered(d, "transactions", rd_kafka_error_code(e), err);
		rd_kafka_error_destroy(e);
		return r;
	}
	return tell(d, "transactions", e, err);
}

enum sink_result kafka_tx_ready(struct kafka_sink *d, bool single, struct err *err)
{
	enum sink_result r;

	if ((!d->producer || d->single != single) && kafka_sink_renew(d, single, err))
		return SINK_FATAL;
	if (d->begun)
		return SINK_OK;
	r = kafka_tx_init(d, d->producer, err);
	d->begun = r == SINK_OK;
	return r;
}

enum sink_result kafka_tx_begin(struct kafka_sink *d, rd_kafka_t *rk, struct err *err)
{
	rd_kafka_error_t *e;

	if (d->failed.code) {
		err_copy(err, &d->failed);
		return SINK_FATAL;
	}
	e = rd_kafka_begin_transaction(rk);
	return e ? tell(d, "transaction", e, err) : SINK_OK;
}

void kafka_tx_abort(struct kafka_sink *d, rd_kafka_t *rk)
{
	int64_t until_us = tm_mono_us() + 5 * TM_S;
	struct err ignored;
	rd_kafka_error_t *e;
	bool again;

	d->gathered.n = d->gathered.keys.n = 0;
	rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	do {
		e = rd_kafka_abort_transaction(rk, KAFKA_SINK_ASK_MS);
		again = e && may_try_again(d, e, until_us, &ignored);
		if (e)
			rd_kafka_error_destroy(e);
	} while (again);
	rd_kafka_poll(rk, 0);
}

static rd_kafka_consumer_group_metadata_t *membership(const char *group, const char *member,
						      struct err *err)
{
	rd_kafka_consumer_group_metadata_t *m = NULL;
	struct buf bytes = { 0 };
	rd_kafka_error_t *e = NULL;

	if (!member)
		return rd_kafka_consumer_group_metadata_new(group);
	if (str_unbase64(slice_z(member), &bytes) == 0)
		e = rd_kafka_consumer_group_metadata_read(&m, bytes.p, bytes.n);
	if (!m)
		err_set(err, EX_DATAERR,
			"the barrier's member cannot be read: run programs of one installation in "
			"a pipeline");
	if (e)
		rd_kafka_error_destroy(e);
	buf_fini(&bytes);
	return m;
}

/* Whoever commits offsets of a topic has to have the right to read it. Which of several topics it
 * is the broker does not tell. */
static enum sink_result source_denied(const rd_kafka_topic_partition_list_t *offsets,
				      struct err *err)
{
	const char *last = "";
	struct buf names = { 0 };

	for (int i = 0; i < offsets->cnt; i++) {
		const char *name = offsets->elems[i].topic;

		if (strcmp(name, last) != 0)
			buf_printf(&names, "%s%s", names.n ? " or " : "", name);
		last = name;
	}
	kafka_no_right(err, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "topic", buf_z(&names),
		       "read by this sink, which commits its offsets");
	buf_fini(&names);
	return SINK_FATAL;
}

enum sink_result kafka_tx_offsets(struct kafka_sink *d, rd_kafka_t *rk,
				  const rd_kafka_topic_partition_list_t *offsets, const char *group,
				  const char *member, struct err *err)
{
	rd_kafka_consumer_group_metadata_t *m = membership(group, member, err);
	int64_t until_us = deadline_us(d);
	rd_kafka_error_t *e;

	if (!m)
		return SINK_FATAL;
	while ((e = rd_kafka_send_offsets_to_transaction(rk, offsets, m, KAFKA_SINK_ASK_MS)) &&
	       may_try_again(d, e, until_us, err))
		rd_kafka_error_destroy(e);
	rd_kafka_consumer_group_metadata_destroy(m);
	if (e && rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		rd_kafka_error_destroy(e);
		return source_denied(offsets, err);
	}
	return e ? tell(d, "offsets", e, err) : SINK_OK;
}

enum sink_result kafka_tx_commit(struct kafka_sink *d, rd_kafka_t *rk, struct err *err)
{
	int64_t until_us = deadline_us(d);
	rd_kafka_error_t *e;

	while ((e = rd_kafka_commit_transaction(rk, KAFKA_SINK_ASK_MS)) &&
	       may_try_again(d, e, until_us, err))
		rd_kafka_error_destroy(e);
	return e ? tell(d, "commit", e, err) : SINK_OK;
}

/* librdkafka tells why a transaction cannot go on when the next call of it comes. One that cannot
 * be right in any transaction changes nothing. */
static rd_kafka_error_t *ask_why(rd_kafka_t *rk)
{
	rd_kafka_error_t *e = rd_kafka_begin_transaction(rk);

	if (!e || rd_kafka_error_txn_requires_abort(e))
		return e;
	rd_kafka_error_destroy(e);
	return NULL;
}

static int not_stored(const struct kafka_sink *d, struct err *err)
{
	rd_kafka_error_t *e;

	if (kafka_tx_fatal(d, d->producer, err))
		return -1;
	e = ask_why(d->producer);
	if (e)
		return tell(d, "records", e, err) == SINK_OK ? 0 : -1;
	return err_set(err, EX_TEMPFAIL, "kafka: %llu of %llu records are stored; start again",
		       (unsigned long long)d->tally.stored, (unsigned long long)d->tally.handed);
}

/* One that stands still for as long as the coordinator lets it be open will not come to its end.
 * The client may have lost the question that it waits for, where the coordinator died. */
static int stands_still(const struct kafka_sink *d, uint64_t *stored, int64_t *until_us,
			struct err *err)
{
	if (d->tally.stored != *stored) {
		*stored = d->tally.stored;
		*until_us = deadline_us(d);
	}
	if (tm_mono_us() < *until_us)
		return 0;
	return err_set(err, EX_TEMPFAIL,
		       "kafka: a transaction stood still for its time (transaction.timeout.ms), "
		       "%llu of %llu records are stored; start again",
		       (unsigned long long)d->tally.stored, (unsigned long long)d->tally.handed);
}

int kafka_tx_stored(struct kafka_sink *d, int rc, struct err *err)
{
	int64_t look_us = tm_mono_us() + LOOK_S * TM_S, until_us = deadline_us(d);
	uint64_t stored = d->tally.stored;

	while (rc == 0 && rd_kafka_outq_len(d->producer)) {
		rd_kafka_flush(d->producer, KAFKA_SINK_TURN_MS);
		if (rd_kafka_outq_len(d->producer))
			rc = kafka_sink_wait(d, d->producer, err) ||
			     stands_still(d, &stored, &until_us, err);
		if (rc || d->mode != KAFKA_FILES || tm_mono_us() < look_us)
			continue;
		rc = kafka_positions_there(d, err);
		look_us = tm_mono_us() + LOOK_S * TM_S;
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
