#include "drv/kafka/kafka_query.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka.h"

enum { RETRY_S = 10 };

static int take_settings(struct kafka *k, const struct read_log *log, struct err *err)
{
	if (kafka_set(k, "client.id", "hta-query", err))
		return -1;
	for (size_t i = 0; i < log->settings; i++)
		if (log->setting[i].file ? kafka_set_file(k, log->setting[i].text, err)
					 : kafka_set_text(k, log->setting[i].text, err))
			return -1;
	return 0;
}

int kafka_query_ends(const struct read_log *log, struct loop *loop, struct ranges *parts,
		     struct err *err)
{
	const struct input_ops *ops = &kafka_plain_ops;
	const char **topic = mem_array(parts->n + 1, sizeof(*topic));
	struct kafka *k = kafka_new();
	size_t n = 0;
	int rc = take_settings(k, log, err);

	ranges_sort(parts);
	for (size_t i = 0; i < parts->n; i++)
		if (n == 0 || strcmp(topic[n - 1], parts->v[i].topic) != 0)
			topic[n++] = parts->v[i].topic;
	kafka_retry(k, RETRY_S * TM_S, "");
	if (rc == 0)
		rc = kafka_topics(k, log->brokers, topic, n, NULL, false, err);
	if (rc == 0) {
		rc = ops->open(k, loop, err) || ops->ends(k, parts, err) ? -1 : 0;
		ops->close(k);
	}
	kafka_free(k);
	free(topic);
	return rc;
}
