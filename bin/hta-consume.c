/* The inputs of this build, handed to the source. */
#include "drv/files/files.h"
#include "source/consume.h"
#include "stores.h"

#ifdef WITH_KAFKA
#include "drv/kafka/kafka_driver.h"
#define CLUSTER &kafka_driver
#else
#define CLUSTER NULL
#endif

#ifdef WITH_CURL
#include "drv/registry/registry.h"
#define REGISTRY &registry_http
#else
#define REGISTRY NULL
#endif

int main(int argc, char **argv)
{
	const struct consume_build build = { .cluster = CLUSTER,
					     .files = &files_driver,
					     .stores = &read_stores,
					     .registry = REGISTRY };

	return consume_main(&build, argc, argv);
}
