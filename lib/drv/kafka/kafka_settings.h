/* Settings of librdkafka as command lines say them (-X, -F, -b), into its configuration. What a
 * program needs to know of them it reads back from there, so that -X, -F and -b cannot disagree.
 * Inside of the Kafka driver. */
#ifndef DRV_KAFKA_KAFKA_SETTINGS_H
#define DRV_KAFKA_KAFKA_SETTINGS_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "tool/cluster_options.h"

/* A property that cannot be set, and why. A list ends with a name NULL. */
struct kafka_owned {
	const char *name, *why;
};

/* value "@FILE": the first line of the file. EX_USAGE with the reason: owned, unknown, or out of
 * range. */
int kafka_conf_set(rd_kafka_conf_t *conf, const struct kafka_owned *owned, const char *property,
		   const char *value, struct err *err);
/* "property=value" (-X). */
int kafka_conf_set_text(rd_kafka_conf_t *conf, const struct kafka_owned *owned, const char *text,
			struct err *err);
/* A file of such lines, # comments (-F, kcat's). */
int kafka_conf_set_file(rd_kafka_conf_t *conf, const struct kafka_owned *owned, const char *path,
			struct err *err);
/* -X and -F, in the order of the command line. */
int kafka_conf_take(rd_kafka_conf_t *conf, const struct kafka_owned *owned,
		    const struct cluster_options *c, struct err *err);
/* -b, or where it is NULL the setting, as librdkafka takes it; *list: the same for messages,
 * free(). EX_USAGE: brokers are no list of any. */
int kafka_conf_brokers(rd_kafka_conf_t *conf, const char *brokers, char **list, struct err *err);

/* Takes conf. NULL with err, EX_CONFIG: librdkafka says what of it does not go together. */
rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err);

#endif
