/* A Kafka broker for tests on machines without Java: librdkafka's mock cluster with one node, in
 * a process of its own.
 *
 * Prints "HOST:PORT" on a line, then serves until its standard input ends or TERM or INT comes.
 * Lines of standard input are orders, each answered by a line, "ok" or "error: why":
 * 	topic NAME PARTITIONS	creates a topic (one that a producer names has four partitions)
 * 	down | up		closes all connections and refuses new ones | takes them again
 * 	delay MS		answers everything MS milliseconds late
 * 	fail APIKEY ERROR N	answers the next N requests of that kind with that error code
 * It has groups and commits, but no real transactions, no static members, no look-up by time,
 * and each partition keeps about 5 MiB. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { ALL_BROKERS = -1, ONLY_BROKER = 1, ORDER_BYTES = 512, FAIL_MAX = 1000 };

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* No SA_RESTART: a read that waits for the next order ends. */
static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
}

static rd_kafka_resp_err_t fail_next(rd_kafka_mock_cluster_t *cluster, int api_key, int code,
				     int times)
{
	rd_kafka_resp_err_t codes[FAIL_MAX];

	if (times < 1 || times > FAIL_MAX)
		return RD_KAFKA_RESP_ERR__INVALID_ARG;
	for (int i = 0; i < times; i++)
		codes[i] = (rd_kafka_resp_err_t)code;
	rd_kafka_mock_push_request_errors_array(cluster, (int16_t)api_key, (size_t)times, codes);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t obey(rd_kafka_mock_cluster_t *cluster, const char *order)
{
	char topic[250];
	int a, b, c;

	if (sscanf(order, "topic %249s %d", topic, &a) == 2)
		return rd_kafka_mock_topic_create(cluster, topic, a, 1);
	if (strcmp(order, "down\n") == 0)
		return rd_kafka_mock_broker_set_down(cluster, ONLY_BROKER);
	if (strcmp(order, "up\n") == 0)
		return rd_kafka_mock_broker_set_up(cluster, ONLY_BROKER);
	if (sscanf(order, "delay %d", &a) == 1)
		return rd_kafka_mock_broker_set_rtt(cluster, ALL_BROKERS, a);
	if (sscanf(order, "fail %d %d %d", &a, &b, &c) == 3)
		return fail_next(cluster, a, b, c);
	return RD_KAFKA_RESP_ERR__INVALID_ARG;
}

/* Reads orders until the end of input or a signal. read(2) by the byte: a signal between stdio's
 * reads would be lost. */
static void serve(rd_kafka_mock_cluster_t *cluster)
{
	char order[ORDER_BYTES];
	size_t len = 0;

	while (!stopped) {
		ssize_t got = read(STDIN_FILENO, order + len, 1);
		rd_kafka_resp_err_t code;

		if (got == 0 || (got < 0 && errno != EINTR))
			return;
		if (got < 0 || (order[len++] != '\n' && len < sizeof(order) - 1))
			continue;
		order[len] = '\0';
		len = 0;
		code = obey(cluster, order);
		if (code)
			printf("error: %s\n", rd_kafka_err2str(code));
		else
			puts("ok");
		fflush(stdout);
	}
}

int main(void)
{
	char why[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *rk;

	/* syslog's errors and above: a producer without a broker warns, and this one needs none */
	rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why));
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	cluster = rk ? rd_kafka_mock_cluster_new(rk, 1) : NULL;
	if (!cluster) {
		fprintf(stderr, "hta-mock-broker: no mock cluster: %s\n",
			rk ? "librdkafka refused" : why);
		return EX_UNAVAILABLE;
	}
	catch_signals();
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	serve(cluster);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return EX_OK;
}
