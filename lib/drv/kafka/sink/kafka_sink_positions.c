/* The topic of positions itself: found, made, and still the one it was.
 *
 * It may be shared, and outlives the processes; what it has forgotten would be sent again. So it
 * has to be compacted and nothing else, and one that is deleted while a job runs ends the job for
 * good (78): a start that may make the topic would begin at the files' start. One that was made
 * anew is known by its offsets, which have gone back; a producer that finds it missing may well be
 * given an empty one by the broker. */
#include "base/log.h"
#include "base/tm.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

/* It reads a short log up to its end, which a broker tells only once it has waited for more. It
 * asks for topics without making them, as a producer's questions may. */
rd_kafka_t *kafka_positions_reader(const struct kafka_sink *d, const char *isolation,
				   struct err *err)
{
	const char *const set[][2] = {
		{ "isolation.level", isolation },    { "enable.partition.eof", "true" },
		{ "auto.offset.reset", "earliest" }, { "allow.auto.create.topics", "false" },
		{ "fetch.wait.max.ms", "10" },
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(d->settings);
	char why[512];

	for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++)
		if (rd_kafka_conf_set(conf, set[i][0], set[i][1], why, sizeof(why)) !=
		    RD_KAFKA_CONF_OK)
			BUG("librdkafka: %s", why);
	return kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
}

static rd_kafka_resp_err_t find_topic(const struct kafka_sink *d, rd_kafka_t *rk, int wait_ms)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, d->conf->positions, NULL);
	const struct rd_kafka_metadata *m = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &m, wait_ms);

	if (!code)
		code = m->topic_cnt ? m->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	if (m)
		rd_kafka_metadata_destroy(m);
	rd_kafka_topic_destroy(topic);
	return code;
}

/* (rd_kafka_query_watermark_offsets of 2.0.2 waits for ever for a leader that died.) */
static rd_kafka_resp_err_t ask_bound(const struct kafka_sink *d, rd_kafka_t *rk, int64_t which,
				     int64_t *offset, int wait_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, d->conf->positions,
									  0);
	rd_kafka_resp_err_t code;

	p->offset = which;
	code = rd_kafka_offsets_for_times(rk, list, wait_ms);
	if (!code)
		code = p->err;
	*offset = p->offset;
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static rd_kafka_resp_err_t ask_bounds(const struct kafka_sink *d, rd_kafka_t *rk, int64_t *begin,
				      int64_t *end, int wait_ms)
{
	rd_kafka_resp_err_t code = find_topic(d, rk, wait_ms);

	if (!code)
		code = ask_bound(d, rk, RD_KAFKA_OFFSET_BEGINNING, begin, wait_ms);
	return code ? code : ask_bound(d, rk, RD_KAFKA_OFFSET_END, end, wait_ms);
}

static int made_anew(const struct kafka_sink *d, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "topic %s was deleted and made anew while the job runs, and has lost "
		       "positions; what would be sent again is in %s already",
		       d->conf->positions, d->conf->sink.place);
}

enum sink_result kafka_positions_bounds(struct kafka_sink *d, int64_t *begin, int64_t *end,
					struct err *err)
{
	rd_kafka_t *rk = kafka_positions_reader(d, "read_uncommitted", err);
	rd_kafka_resp_err_t code;

	if (!rk)
		return SINK_FATAL;
	code = ask_bounds(d, rk, begin, end, 10 * KAFKA_SINK_ASK_MS);
	kafka_end(rk);
	if (kafka_unknown(code) && d->conf->sink.create && !d->positions_end) {
		err_set(err, EX_TEMPFAIL, "%s: not all brokers know of the new topic yet",
			d->conf->positions);
		return SINK_RETRY;
	}
	if (kafka_unknown(code)) {
		err_set(err, EX_CONFIG,
			"topic %s, which has the positions of jobs over files, is missing; --init "
			"makes the topic",
			d->conf->positions);
		return SINK_FATAL;
	}
	if (code)
		return kafka_sink_unanswered(d, d->conf->positions, code, err);
	if (*end < d->positions_end) {
		made_anew(d, err);
		return SINK_FATAL;
	}
	d->positions_end = *end;
	return SINK_OK;
}

int kafka_positions_same(const struct kafka_sink *d, struct err *err)
{
	return d->positions_lost ? made_anew(d, err) : 0;
}

int kafka_positions_there(struct kafka_sink *d, struct err *err)
{
	struct err ignored;
	rd_kafka_t *rk = kafka_positions_reader(d, "read_uncommitted", &ignored);
	int64_t begin, end = INT64_MAX;
	rd_kafka_resp_err_t code;

	if (!rk)
		return 0;
	code = ask_bounds(d, rk, &begin, &end, KAFKA_SINK_ASK_MS);
	kafka_end(rk);
	if (!code && end < d->positions_end)
		return made_anew(d, err);
	if (!kafka_unknown(code))
		return 0;
	return err_set(err, EX_CONFIG,
		       "topic %s was deleted while the job runs, with the job's positions; what "
		       "would be sent again is in %s already",
		       d->conf->positions, d->conf->sink.place);
}

/* ---- the start */

static enum sink_result create_topic(struct kafka_sink *d, struct err *err)
{
	char why[256];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(d->conf->positions, 1, -1, why,
							   sizeof(why));
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *answer;
	size_t n = 0;

	if (!topic) {
		err_set(err, EX_USAGE, "--positions %s: %s", d->conf->positions, why);
		return SINK_FATAL;
	}
	queue = rd_kafka_queue_new(d->admin);
	rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
	rd_kafka_NewTopic_set_config(topic, "segment.bytes", "16777216");
	rd_kafka_CreateTopics(d->admin, &topic, 1, NULL, queue);
	answer = rd_kafka_queue_poll(queue, 10 * KAFKA_SINK_ASK_MS);
	if (answer)
		code = rd_kafka_event_error(answer);
	if (answer && !code)
		code = rd_kafka_topic_result_error(rd_kafka_CreateTopics_result_topics(
			rd_kafka_event_CreateTopics_result(answer), &n)[0]);
	if (answer)
		rd_kafka_event_destroy(answer);
	rd_kafka_queue_destroy(queue);
	rd_kafka_NewTopic_destroy(topic);
	if (!code)
		log_note("topic %s is made: jobs over files have no positions yet, and begin at "
			 "the start",
			 d->conf->positions);
	if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return SINK_OK;
	if (code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return kafka_sink_unanswered(d, d->conf->positions, code, err);
	kafka_no_right(err, code, "topic", d->conf->positions, "made");
	return SINK_FATAL;
}

/* Made where it is missing and may be, and waited for then: brokers hear of it one by one. */
static enum sink_result await_topic(struct kafka_sink *d, struct err *err)
{
	int64_t until_us = tm_mono_us() + (d->conf->sink.create ? 5 * TM_S : 0);
	rd_kafka_t *rk = kafka_positions_reader(d, "read_uncommitted", err);
	rd_kafka_resp_err_t code = rk ? find_topic(d, rk, 10 * KAFKA_SINK_ASK_MS)
				      : RD_KAFKA_RESP_ERR_NO_ERROR;
	enum sink_result r = rk ? SINK_OK : SINK_FATAL;
	bool waiting = kafka_unknown(code) && d->conf->sink.create;

	if (waiting)
		r = create_topic(d, err);
	while (waiting && r == SINK_OK) {
		if (loop_turn(d->conf->sink.loop, tm_mono_us() + 50000, err) < 0)
			r = SINK_FATAL;
		code = find_topic(d, rk, KAFKA_SINK_ASK_MS);
		waiting = kafka_unknown(code) && tm_mono_us() < until_us;
	}
	kafka_end(rk);
	return r;
}

enum sink_result kafka_positions_connect(struct kafka_sink *d, struct err *err)
{
	enum sink_result r = await_topic(d, err);
	struct kafka_topic_says says;
	int64_t begin, end;

	if (r == SINK_OK)
		r = kafka_positions_bounds(d, &begin, &end, err);
	if (r != SINK_OK)
		return r;
	says = kafka_sink_ask_topic(d, d->conf->positions);
	if (says.compacts && !says.deletes)
		return SINK_OK;
	err_set(err, EX_CONFIG,
		"topic %s %s, so positions in it could be deleted: set its "
		"cleanup.policy=compact%s",
		d->conf->positions,
		says.deletes && says.compacts ? "is compacted and loses what is old"
					      : "is not known to be compacted",
		says.deletes ? "" : ", and give the right DescribeConfigs");
	return SINK_FATAL;
}
