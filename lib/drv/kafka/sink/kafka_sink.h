/* The Kafka sink: lines of a stream, and dead records, as records of topics. The one table is
 * what hta-sink-kafka hands to the sink framework. */
#ifndef DRV_KAFKA_SINK_KAFKA_SINK_H
#define DRV_KAFKA_SINK_KAFKA_SINK_H

#include "sink/driver.h"

extern const struct sink_driver kafka_sink_driver;

#endif
