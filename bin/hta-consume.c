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
#include "drv/s3/s3.h"
#define BUCKET &s3_input_driver
#define REGISTRY &registry_http
#else
#define BUCKET NULL
#define REGISTRY NULL
#endif

int main(int argc, char **argv)
{
	const struct consume_build build = { .cluster = CLUSTER,
					     .files = &files_driver,
					     .bucket = BUCKET,
					     .stores = &read_stores,
					     .registry = REGISTRY };

	return consume_main(&build, argc, argv);
}
