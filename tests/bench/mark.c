/* Lines into partition 0 of a topic, each sent at once: mark BROKERS TOPIC. For `latency`: kcat
 * waits until its input has filled a buffer. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { SENT_MS = 30000 };

static void die(const char *what, const char *why)
{
	fprintf(stderr, "mark: %s: %s\n", what, why);
	exit(EX_UNAVAILABLE);
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512], *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (argc != 3) {
		fprintf(stderr, "mark: usage: mark BROKERS TOPIC\n");
		return EX_USAGE;
	}
	if (rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], why, sizeof(why)) ||
	    rd_kafka_conf_set(conf, "linger.ms", "0", why, sizeof(why)))
		die(argv[1], why);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk)
		die(argv[1], why);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, line, (size_t)n, NULL, 0,
				     NULL) ||
		    rd_kafka_flush(rk, SENT_MS))
			die(argv[2], rd_kafka_err2str(rd_kafka_last_error()));
	}
	free(line);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return 0;
}
