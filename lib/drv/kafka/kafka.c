/* Settings, and the tables of functions that the driver shows. A setting is librdkafka's: kept in
 * its configuration until the clients take it, and judged by it, but for the few that the protocol
 * owns. What the program needs to know of them it reads back from there, so that -X, -F and -b
 * cannot disagree. */
#include "drv/kafka/kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/kafka_internal.h"
#include "drv/kafka/kafka_settings.h"

/* What the protocol owns, and why. */
static const struct kafka_owned owned[] = {
	{ "enable.auto.commit", "offsets are committed when the sinks hold the data" },
	{ "enable.auto.offset.store", "offsets are committed when the sinks hold the data" },
	{ "auto.offset.reset", "the sinks' positions say where to start; --from is for the first "
			       "start, --on-gap for lost offsets" },
	{ "enable.partition.eof", "the end of a partition is part of every barrier" },
	{ "group.id", "the group is said with -g" },
	{ "partition.assignment.strategy", "a rebalance must be one revoke and one assignment" },
	{ NULL, NULL },
};

/* Small queues stall a second at a time: the queue holds about a second of a fast reader's
 * traffic. A fetch that waits at the end of one partition holds up the start of another one:
 * with the library's 500 ms a start that looks at the last record of thirty partitions took a
 * quarter of a minute. */
static const struct {
	const char *name, *value;
	bool may_lack;
} defaults[] = {
	{ "client.id", "hta-consume", false },
	{ "enable.auto.commit", "false", false },
	{ "enable.auto.offset.store", "false", false },
	{ "auto.offset.reset", "error", false },
	{ "enable.partition.eof", "true", false },
	{ "queued.min.messages", "500000", false },
	{ "queued.max.messages.kbytes", "131072", false },
	{ "fetch.queue.backoff.ms", "10", true },
	{ "fetch.wait.max.ms", "50", false },
	{ "isolation.level", "read_committed", false },
};

/* Called in any thread. Level 7 has what it is not sure of. */
static void log_of_librdkafka(const rd_kafka_t *rk, int level, const char *facility,
			      const char *text)
{
	bool failed = level < 7 && strcmp(facility, "FAIL") == 0;

	if (failed)
		kafka_heard_say(rd_kafka_opaque(rk), text);
	if (level <= 3 || failed)
		log_info("librdkafka: %s: %s", facility, text);
	else
		log_debug("librdkafka: %s: %s", facility, text);
}

struct kafka *kafka_new(void)
{
	struct kafka *k = mem_zalloc(sizeof(*k));
	char why[256];

	k->conf = rd_kafka_conf_new();
	k->control_fd = k->message_fd = -1;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (rd_kafka_conf_set(k->conf, defaults[i].name, defaults[i].value, why,
				      sizeof(why)) != RD_KAFKA_CONF_OK &&
		    !defaults[i].may_lack)
			BUG("librdkafka: %s", why);
	kafka_heard_init(&k->heard);
	kafka_heard_conf(&k->heard, k->conf);
	rd_kafka_conf_set_log_cb(k->conf, log_of_librdkafka);
	rd_kafka_conf_set_events(k->conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT |
						  RD_KAFKA_EVENT_ERROR);
	return k;
}

void kafka_free(struct kafka *k)
{
	if (!k || kafka_left_behind())
		return;
	if (k->conf)
		rd_kafka_conf_destroy(k->conf);
	partitions_fini(&k->topics);
	partitions_fini(&k->assigned);
	kafka_heard_fini(&k->heard);
	buf_fini(&k->why);
	buf_fini(&k->membership);
	buf_fini(&k->fetcher_off);
	wire_extra_fini(&k->extra);
	free(k->brokers);
	free(k->group);
	free(k);
}

int kafka_set(struct kafka *k, const char *property, const char *value, struct err *err)
{
	return kafka_conf_set(k->conf, owned, property, value, err);
}

int kafka_set_text(struct kafka *k, const char *text, struct err *err)
{
	return kafka_conf_set_text(k->conf, owned, text, err);
}

int kafka_set_file(struct kafka *k, const char *path, struct err *err)
{
	return kafka_conf_set_file(k->conf, owned, path, err);
}

void kafka_list(FILE *out)
{
	rd_kafka_conf_properties_show(out);
}

static void get_property(struct kafka *k, const char *property, char *value, size_t size)
{
	value[0] = 0;
	rd_kafka_conf_get(k->conf, property, value, &size);
}

int kafka_topics(struct kafka *k, const char *brokers, const char *const *topics, size_t n,
		 const char *group, bool join, struct err *err)
{
	char creates[8];

	if (kafka_conf_brokers(k->conf, brokers, &k->brokers, err))
		return -1;
	get_property(k, "allow.auto.create.topics", creates, sizeof(creates));
	k->creates = strcmp(creates, "true") == 0;
	kafka_heard_settings(&k->heard, k->conf);
	for (size_t i = 0; i < n; i++)
		partitions_add(&k->topics, slice_z(topics[i]), 0);
	k->group = group ? mem_strdup(group) : NULL;
	k->joins = group && join;
	return 0;
}

void kafka_retry(struct kafka *k, int64_t for_us, const char *flag)
{
	k->retry_for_us = for_us;
	k->retry_flag = flag;
}

void kafka_lost_at(struct kafka *k, struct input_lost *lost)
{
	k->lost = lost;
}

#define KAFKA_OPS                                                                     \
	.open = kafka_open, .change = kafka_change, .assign = kafka_assign,           \
	.revoked = kafka_revoked, .read = kafka_read, .extra = kafka_extra,           \
	.partitions = kafka_partitions, .ends = kafka_ends, .starts = kafka_starts,   \
	.committed = kafka_committed, .commit = kafka_commit, .member = kafka_member, \
	.fingerprint = kafka_fingerprint, .close = kafka_close

const struct input_ops kafka_group_ops = { .group = true, KAFKA_OPS };
const struct input_ops kafka_plain_ops = { .group = false, KAFKA_OPS };
