/* What programs with a command line have of Kafka: the input of hta-consume, and where a log ends
 * for hta-query -b. */
#ifndef DRV_KAFKA_KAFKA_DRIVER_H
#define DRV_KAFKA_KAFKA_DRIVER_H

#include "source/consume.h"

/* A cluster's topics, for consume_main. */
extern const struct consume_driver kafka_driver;

/* query_program.ends. Tries for ten seconds. */
int kafka_driver_ends(const struct cluster_options *cluster, struct loop *loop,
		      struct ranges *parts, struct err *err);

#endif
