/* Clients, and what the topics say of themselves. A client without messages asks first: the longest
 * message that a topic takes is a setting of the producer (its batches must fit too), so it has to
 * be known before there is one. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

static const struct kafka_owned owned[] = {
	{ "enable.idempotence", "records keep their order, and none comes twice" },
	{ "delivery.report.only.error", "what is stored is counted here" },
	{ "message.timeout.ms", "--retry-for says how long" },
	{ "transactional.id", "it is made of the job's name and --slot" },
	{ NULL, NULL },
};

/* Batches of a megabyte, as large as brokers take them unless they are told otherwise. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "client.id", "hta-sink-kafka" },
	{ "enable.idempotence", "true" },
	{ "linger.ms", "5" },
	{ "batch.num.messages", "10000" },
	{ "batch.size", "1000000" },
	{ "queue.buffering.max.kbytes", "262144" },
	{ "queue.buffering.max.messages", "1000000" },
	{ "compression.codec", "lz4" },
	{ "partitioner", "murmur2_random" },
};

/* ---- settings */

static void log_of_librdkafka(const rd_kafka_t *rk, int level, const char *facility,
			      const char *text)
{
	struct kafka_sink *d = rd_kafka_opaque(rk);

	if (level < 7 && strcmp(facility, "FAIL") == 0)
		kafka_heard_say(&d->heard, text);
	if (strcmp(facility, "ADDPARTS") == 0)
		kafka_sink_heard_denied(d, text);
	if (level <= 3)
		log_info("librdkafka: %s: %s", facility, text);
	else
		log_debug("librdkafka: %s: %s", facility, text);
}

static void login_refused(struct kafka_sink *d, const char *text)
{
	struct buf why = { 0 };

	kafka_trouble_refused(text, &d->heard.login, &why);
	kafka_failed(&d->failed, RD_KAFKA_RESP_ERR__AUTHENTICATION, buf_z(&why));
	buf_fini(&why);
}

/* Fatal errors, and logins that are refused: all others are tried again below. */
static void on_error(rd_kafka_t *rk, int code, const char *text, void *self)
{
	struct kafka_sink *d = self;

	if (d->failed.code)
		return;
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		kafka_tx_fatal(d, rk, &d->failed);
	else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && !kafka_trouble_broke_off(text))
		login_refused(d, text);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		BUG("librdkafka: %s", why);
}

static void set_number(rd_kafka_conf_t *conf, const char *name, int64_t value)
{
	char *text = mem_printf("%lld", (long long)value);

	set(conf, name, text);
	free(text);
}

int64_t kafka_sink_number(const rd_kafka_conf_t *conf, const char *name)
{
	char value[64] = "";
	size_t size = sizeof(value);

	rd_kafka_conf_get(conf, name, value, &size);
	return strtoll(value, NULL, 10);
}

int kafka_sink_settings(struct kafka_sink *d, struct err *err)
{
	d->settings = rd_kafka_conf_new();
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		set(d->settings, defaults[i].name, defaults[i].value);
	kafka_heard_conf(&d->heard, d->settings);
	rd_kafka_conf_set_log_cb(d->settings, log_of_librdkafka);
	rd_kafka_conf_set_error_cb(d->settings, on_error);
	if (kafka_conf_take(d->settings, owned, &d->conf->cluster, err) ||
	    kafka_conf_brokers(d->settings, d->conf->cluster.brokers, &d->brokers, err))
		return -1;
	kafka_heard_settings(&d->heard, d->settings);
	return 0;
}

/* ---- what the topics say */

/* Is it there? One that the broker makes on demand may be in a moment. */
static enum sink_result await_topic(struct kafka_sink *d, const char *name, struct err *err)
{
	int64_t until_us = tm_mono_us() + 5 * TM_S;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(d->admin, name, NULL);
	rd_kafka_resp_err_t code;
	bool stopped = false;

	do {
		const struct rd_kafka_metadata *m = NULL;

		code = rd_kafka_metadata(d->admin, 0, topic, &m, KAFKA_SINK_ASK_MS);
		if (!code)
			code = m->topic_cnt ? m->topics[0].err
					    : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		if (m)
			rd_kafka_metadata_destroy(m);
		rd_kafka_poll(d->admin, 0);
		if (d->failed.code ||
		    !(kafka_unknown(code) || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
		      kafka_sink_too_early(d, code)) ||
		    tm_mono_us() >= until_us)
			break;
		stopped = loop_turn(d->conf->sink.loop, tm_mono_us() + 100000, err) < 0;
	} while (!stopped);
	rd_kafka_topic_destroy(topic);
	d->reached = d->reached || !code;
	if (stopped)
		return SINK_FATAL;
	return code ? kafka_sink_unanswered(d, name, code, err) : SINK_OK;
}

static struct kafka_topic_says read_answer(const rd_kafka_event_t *answer)
{
	struct kafka_topic_says says = { .longest = 0 };
	const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(
		(rd_kafka_event_t *)(uintptr_t)answer);
	size_t n = 0, entries = 0;
	const rd_kafka_ConfigResource_t *
		*resource = result ? rd_kafka_DescribeConfigs_result_resources(result, &n) : NULL;
	const rd_kafka_ConfigEntry_t **entry = n && !rd_kafka_ConfigResource_error(resource[0])
						       ? rd_kafka_ConfigResource_configs(
								 resource[0], &entries)
						       : NULL;

	for (size_t i = 0; i < entries; i++) {
		const char *name = rd_kafka_ConfigEntry_name(entry[i]),
			   *value = rd_kafka_ConfigEntry_value(entry[i]);

		if (value && strcmp(name, "max.message.bytes") == 0)
			says.longest = strtoll(value, NULL, 10);
		if (value && strcmp(name, "cleanup.policy") == 0) {
			says.compacts = strstr(value, "compact");
			says.deletes = strstr(value, "delete");
		}
	}
	return says;
}

struct kafka_topic_says kafka_sink_ask_topic(struct kafka_sink *d, const char *name)
{
	rd_kafka_ConfigResource_t *topic = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC,
								       name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(d->admin);
	struct kafka_topic_says says = { .longest = 0 };
	rd_kafka_event_t *answer;

	rd_kafka_DescribeConfigs(d->admin, &topic, 1, NULL, queue);
	answer = rd_kafka_queue_poll(queue, 10 * KAFKA_SINK_ASK_MS);
	if (answer)
		says = read_answer(answer);
	if (!says.longest) {
		log_info("kafka: topic %s does not tell its max.message.bytes (is DescribeConfigs "
			 "allowed?): %d is taken",
			 name, KAFKA_SINK_USUAL);
		says.longest = KAFKA_SINK_USUAL;
	}
	if (answer)
		rd_kafka_event_destroy(answer);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(topic);
	return says;
}

/* ---- clients */

static void set_limit(const struct kafka_sink *d, rd_kafka_conf_t *conf)
{
	int64_t limit = (int64_t)(d->limit > d->dead_limit ? d->limit : d->dead_limit);

	set_number(conf, "message.max.bytes", limit < 1000 ? 1000 : limit);
	/* batches of either topic */
	if (d->dead_limit && d->dead_limit < d->limit)
		limit = (int64_t)d->dead_limit;
	else if (d->limit && d->limit < d->dead_limit)
		limit = (int64_t)d->limit;
	if (kafka_sink_number(conf, "batch.size") > limit)
		set_number(conf, "batch.size", limit);
}

/* One that sends. limit: of its messages and batches. */
static rd_kafka_t *new_producer(struct kafka_sink *d, bool alone, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(d->settings);
	int64_t retry_ms = d->conf->sink.retry_for_us / 1000;

	rd_kafka_conf_set_dr_msg_cb(conf, kafka_sink_delivered);
	set_limit(d, conf);
	set(conf, "delivery.report.only.error", "true");
	set_number(conf, "message.timeout.ms", retry_ms > INT32_MAX ? 0 : retry_ms);
	if (alone)
		set(conf, "batch.num.messages", "1");
	return kafka_client_new(RD_KAFKA_PRODUCER, conf, err);
}

rd_kafka_t *kafka_sink_new_transactional(struct kafka_sink *d, const char *id, bool single,
					 struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(d->settings);

	rd_kafka_conf_set_dr_msg_cb(conf, kafka_sink_delivered);
	set_limit(d, conf);
	set(conf, "transactional.id", id);
	/* offsets and the commit stand behind one another, and meet while the first is at work */
	if (kafka_sink_number(conf, "retry.backoff.ms") == 100)
		set(conf, "retry.backoff.ms", "20");
	if (single)
		set(conf, "batch.num.messages", "1");
	return kafka_client_new(RD_KAFKA_PRODUCER, conf, err);
}

static void drop_producer(rd_kafka_t **rk, rd_kafka_topic_t **topic)
{
	if (*topic)
		rd_kafka_topic_destroy(*topic);
	if (*rk)
		kafka_end(*rk);
	*topic = NULL;
	*rk = NULL;
}

static void drop_own(struct kafka_sink *d)
{
	if (d->dead_topic)
		rd_kafka_topic_destroy(d->dead_topic);
	d->dead_topic = NULL;
	drop_producer(&d->producer, &d->topic);
	d->begun = d->single = false;
	free(d->member);
	d->member = NULL;
}

int kafka_sink_renew(struct kafka_sink *d, bool single, struct err *err)
{
	drop_own(d);
	d->producer = d->mode == KAFKA_SENDS
			      ? new_producer(d, false, err)
			      : kafka_sink_new_transactional(d, d->transactional_id, single, err);
	if (!d->producer)
		return -1;
	d->single = single;
	if (!d->conf->dead_only)
		d->topic = rd_kafka_topic_new(d->producer, d->conf->sink.place, NULL);
	if (d->dead_name)
		d->dead_topic = rd_kafka_topic_new(d->producer, d->dead_name, NULL);
	return 0;
}

static enum sink_result look_at(struct kafka_sink *d, const char *name, size_t *limit,
				bool *compacted, struct err *err)
{
	int64_t own = kafka_sink_number(d->settings, "message.max.bytes");
	enum sink_result r = await_topic(d, name, err);
	struct kafka_topic_says says;

	if (r != SINK_OK)
		return r;
	says = kafka_sink_ask_topic(d, name);
	*compacted = says.compacts;
	*limit = (size_t)(own != KAFKA_SINK_USUAL && own < says.longest ? own : says.longest);
	return SINK_OK;
}

enum sink_result kafka_sink_look(struct kafka_sink *d, struct err *err)
{
	enum sink_result r = SINK_OK;
	bool any;

	d->compacted = false;
	if (!d->conf->dead_only)
		r = look_at(d, d->conf->sink.place, &d->limit, &d->compacted, err);
	if (r == SINK_OK && d->dead_name)
		r = look_at(d, d->dead_name, &d->dead_limit, &any, err);
	return r;
}

enum sink_result kafka_sink_connect(void *self, struct err *err)
{
	struct kafka_sink *d = self;
	enum sink_result r;

	if (!d->admin)
		d->admin = kafka_client_new(RD_KAFKA_PRODUCER, rd_kafka_conf_dup(d->settings), err);
	if (!d->admin)
		return SINK_FATAL;
	r = kafka_sink_look(d, err);
	if (r != SINK_OK)
		return r;
	return kafka_sink_renew(d, false, err) ? SINK_FATAL : SINK_OK;
}

int kafka_sink_connect_alone(struct kafka_sink *d, struct err *err)
{
	if (!d->alone)
		d->alone = new_producer(d, true, err);
	if (d->alone && !d->alone_topic)
		d->alone_topic = rd_kafka_topic_new(d->alone, d->conf->sink.place, NULL);
	return d->alone ? 0 : -1;
}

void kafka_sink_disconnect(void *self)
{
	struct kafka_sink *d = self;

	drop_own(d);
	drop_producer(&d->alone, &d->alone_topic);
	kafka_end(d->admin);
	d->admin = NULL;
}
