#include "drv/kafka/sink/kafka_sink.h"
#include "sink/sink.h"

#ifdef WITH_CURL
#include "drv/registry/registry.h"
#define REGISTRY &registry_http
#else
#define REGISTRY NULL
#endif

int main(int argc, char **argv)
{
	static const struct sink_program program = {
		.name = "hta-sink-kafka",
		.summary = "write records and rollups to a Kafka topic, exactly once",
		.synopsis = "[OPTIONS] -b HOST:PORT -t TOPIC",
		.driver = &kafka_sink_driver,
		.registry = REGISTRY,
		.examples = "hta-gen --rate 1000 --seconds 10 | hta-sink-kafka -b kafka:9092 -t "
			    "events",
	};

	return sink_main(&program, argc, argv);
}
