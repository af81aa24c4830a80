/* The reference of hta-sink-kafka: rd_kafka_produce_batch over the lines of a file and nothing
 * else, with the same settings. Prints the seconds from the first record to the last one stored.
 *
 *	bare_producer BROKERS TOPIC FILE */
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 1024 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		fprintf(stderr, "bare_producer: %s\n", why);
		exit(64);
	}
}

static void put(rd_kafka_t *rk, rd_kafka_topic_t *topic, rd_kafka_message_t *m, int n)
{
	int sent = rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, m, n);

	while (sent < n) {
		int left = 0;

		for (int i = 0; i < n; i++)
			if (m[i].err)
				m[left++] = m[i];
		for (int i = 0; i < left; i++)
			m[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
		rd_kafka_poll(rk, 10);
		n = left;
		sent = rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, m,
					      n);
	}
}

int main(int argc, char **argv)
{
	static const char *const settings[][2] = {
		{ "enable.idempotence", "true" },
		{ "linger.ms", "5" },
		{ "batch.num.messages", "10000" },
		{ "batch.size", "1000000" },
		{ "queue.buffering.max.kbytes", "262144" },
		{ "queue.buffering.max.messages", "1000000" },
		{ "compression.codec", "lz4" },
		{ "partitioner", "murmur2_random" },
	};
	static rd_kafka_message_t m[BATCH];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int fd = argc == 4 ? open(argv[3], O_RDONLY) : -1, n = 0;
	unsigned long long records = 0;
	rd_kafka_topic_t *topic;
	const char *p, *end;
	rd_kafka_t *rk;
	struct stat st;
	double began;
	char why[256];

	if (fd < 0 || fstat(fd, &st)) {
		fputs("usage: bare_producer BROKERS TOPIC FILE\n", stderr);
		return 64;
	}
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		set(conf, settings[i][0], settings[i][1]);
	set(conf, "bootstrap.servers", argv[1]);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk) {
		fprintf(stderr, "bare_producer: %s\n", why);
		return 78;
	}
	topic = rd_kafka_topic_new(rk, argv[2], NULL);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	end = p + st.st_size;
	began = now();
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		m[n++] = (rd_kafka_message_t){ .payload = (void *)(size_t)p,
					       .len = (size_t)(nl - p) };
		p = nl + 1;
		if (n == BATCH || p == end) {
			put(rk, topic, m, n);
			records += (unsigned)n;
			n = 0;
			rd_kafka_poll(rk, 0);
		}
	}
	while (rd_kafka_flush(rk, 100))
		;
	printf("%llu records, %.3f s\n", records, now() - began);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return 0;
}
