/* The bare consumer, to the end of every partition: librdkafka BROKERS TOPIC. Writes how many
 * messages and bytes it got.
 *
 * The least that librdkafka asks of anybody who reads a topic: all partitions forwarded to one
 * queue, taken from it in batches, counted, freed. Settings, batch size and allocator are those
 * of hta-consume (lib/drv/kafka/kafka.c), so that what is left between the two is our own work. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { BATCH = 2048, WAIT_MS = 100, ASK_MS = 10000 };

static const struct {
	const char *name, *value;
	int may_lack;
} settings[] = {
	{ "auto.offset.reset", "error", 0 },    { "enable.partition.eof", "true", 0 },
	{ "queued.min.messages", "500000", 0 }, { "queued.max.messages.kbytes", "131072", 0 },
	{ "fetch.queue.backoff.ms", "10", 1 },  { "fetch.wait.max.ms", "50", 0 },
};

static int die(const char *what, const char *why)
{
	fprintf(stderr, "librdkafka: %s: %s\n", what, why);
	exit(EX_UNAVAILABLE);
}

static rd_kafka_t *client(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];
	rd_kafka_t *rk;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value, why,
				      sizeof(why)) != RD_KAFKA_CONF_OK &&
		    !settings[i].may_lack)
			die(settings[i].name, why);
	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) !=
	    RD_KAFKA_CONF_OK)
		die(brokers, why);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!rk)
		die(brokers, why);
	return rk;
}

/* How many partitions were started. */
static int start(rd_kafka_t *rk, rd_kafka_topic_t *topic, rd_kafka_queue_t *queue)
{
	const struct rd_kafka_metadata *m;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &m, ASK_MS);
	int n;

	if (code || m->topics[0].err)
		die(rd_kafka_topic_name(topic), rd_kafka_err2str(code ? code : m->topics[0].err));
	n = m->topics[0].partition_cnt;
	for (int i = 0; i < n; i++)
		if (rd_kafka_consume_start_queue(topic, m->topics[0].partitions[i].id,
						 RD_KAFKA_OFFSET_BEGINNING, queue))
			die(rd_kafka_topic_name(topic), rd_kafka_err2str(rd_kafka_last_error()));
	rd_kafka_metadata_destroy(m);
	return n;
}

static void count(rd_kafka_queue_t *queue, int open)
{
	static rd_kafka_message_t *batch[BATCH];
	unsigned long long messages = 0, bytes = 0;

	while (open) {
		ssize_t n = rd_kafka_consume_batch_queue(queue, WAIT_MS, batch, BATCH);

		for (ssize_t i = 0; i < n; i++) {
			if (!batch[i]->err) {
				messages++;
				bytes += batch[i]->len;
			} else if (batch[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
				open--;
			} else {
				die("reading", rd_kafka_message_errstr(batch[i]));
			}
			rd_kafka_message_destroy(batch[i]);
		}
	}
	printf("%llu %llu\n", messages, bytes);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "librdkafka: usage: librdkafka BROKERS TOPIC\n");
		return EX_USAGE;
	}
	rd_kafka_t *rk = client(argv[1]);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);

	count(queue, start(rk, topic, queue));
	rd_kafka_queue_destroy(queue);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return 0;
}
