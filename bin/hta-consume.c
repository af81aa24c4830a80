/* The inputs of this build, handed to the source. */
#include "drv/files/files.h"

#ifdef WITH_KAFKA
#include <stdlib.h>

#include "base/mem.h"
#include "drv/kafka/kafka.h"

static struct input *input_new(const struct consume_conf *c, bool join, struct err *err)
{
	struct kafka *k = kafka_new();
	struct input *log;

	for (size_t i = 0; i < c->cluster.settings; i++)
		if (c->cluster.setting[i].file
			    ? kafka_set_file(k, c->cluster.setting[i].text, err)
			    : kafka_set_text(k, c->cluster.setting[i].text, err)) {
			kafka_free(k);
			return NULL;
		}
	kafka_retry(k, c->retry_for_us, " (--retry-for)");
	if (kafka_topics(k, c->cluster.brokers, c->topics.v, c->topics.n, c->group, join, err)) {
		kafka_free(k);
		return NULL;
	}
	log = mem_zalloc(sizeof *log);
	*log = (struct input){ .ops = join ? &kafka_group_ops : &kafka_plain_ops, .self = k };
	kafka_lost_at(k, &log->lost);
	return log;
}

static void input_free(struct input *log)
{
	kafka_free(log->self);
	free(log);
}

static const struct consume_driver kafka = { .input_new = input_new,
					     .input_free = input_free,
					     .list_settings = kafka_list };
#define DRIVER &kafka
#else
#define DRIVER NULL
#endif

int main(int argc, char **argv)
{
	return consume_main(DRIVER, &files_driver, argc, argv);
}
