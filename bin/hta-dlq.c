/* The stores and the cluster of this build. */
#include "app/dlq.h"
#include "stores.h"

#ifdef WITH_KAFKA
#include "drv/kafka/kafka_letters.h"
#define TOPIC &kafka_letters
#define CLUSTER_ &kafka_cluster
#else
#define TOPIC NULL
#define CLUSTER_ NULL
#endif

int main(int argc, char **argv)
{
	const struct dlq_program program = { .stores = &read_stores,
					     .topic = TOPIC,
					     .cluster = CLUSTER_ };

	return dlq_main(&program, argc, argv);
}
