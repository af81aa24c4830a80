#include "drv/kafka/kafka_driver.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_internal.h"
#include "drv/kafka/kafka_probe.h"

enum { ENDS_RETRY_S = 10 };

int kafka_driver_settings(struct kafka *k, const struct cluster_options *c, struct err *err)
{
	for (size_t i = 0; i < c->settings; i++)
		if (c->setting[i].file ? kafka_set_file(k, c->setting[i].text, err)
				       : kafka_set_text(k, c->setting[i].text, err))
			return -1;
	return 0;
}

/* ---- the input of hta-consume */

static void input_free(struct input *log)
{
	kafka_free(log->self);
	free(log);
}

static struct input *input_new(const struct consume_conf *c, bool join, struct err *err)
{
	struct kafka *k = kafka_new();
	struct input *log = mem_zalloc(sizeof(*log));

	*log = (struct input){ .ops = join ? &kafka_group_ops : &kafka_plain_ops, .self = k };
	kafka_lost_at(k, &log->lost);
	kafka_retry(k, c->retry_for_us, " (--retry-for)");
	if (kafka_driver_settings(k, &c->cluster, err) ||
	    kafka_topics(k, c->cluster.brokers, c->topics.v, c->topics.n, c->group, join, err)) {
		input_free(log);
		return NULL;
	}
	return log;
}

static int probe_cluster(const struct consume_conf *c, struct loop *loop, const struct probe *probe,
			 struct err *err)
{
	struct input *log = input_new(c, false, err);
	int rc;

	if (!log)
		return -1;
	kafka_retry(log->self, c->retry_for_us, "");
	rc = kafka_probe_input(c, log, loop, probe, err);
	input_free(log);
	return rc;
}

const struct consume_driver kafka_driver = {
	.input_new = input_new,
	.input_free = input_free,
	.list_settings = kafka_list,
	.probe = probe_cluster,
};

/* ---- the log's end, for hta-query */

int kafka_driver_ends(const struct cluster_options *cluster, struct loop *loop,
		      struct ranges *parts, struct err *err)
{
	const struct input_ops *ops = &kafka_plain_ops;
	const char **topic = mem_array(parts->n + 1, sizeof(*topic));
	struct kafka *k = kafka_new();
	size_t n = 0;
	int rc = kafka_set(k, "client.id", "hta-query", err);

	if (rc == 0)
		rc = kafka_driver_settings(k, cluster, err);
	ranges_sort(parts);
	for (size_t i = 0; i < parts->n; i++)
		if (n == 0 || strcmp(topic[n - 1], parts->v[i].topic) != 0)
			topic[n++] = parts->v[i].topic;
	kafka_retry(k, ENDS_RETRY_S * TM_S, "");
	if (rc == 0)
		rc = kafka_topics(k, cluster->brokers, topic, n, NULL, false, err);
	if (rc == 0) {
		rc = ops->open(k, loop, err) || ops->ends(k, parts, err) ? -1 : 0;
		ops->close(k);
	}
	kafka_free(k);
	free(topic);
	return rc;
}
