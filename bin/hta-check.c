/* The inputs and stores of this build, for --connect. */
#include "app/check.h"
#include "stores.h"

#ifdef WITH_KAFKA
#include "drv/kafka/kafka_driver.h"
#define CLUSTER &kafka_driver
#else
#define CLUSTER NULL
#endif

int main(int argc, char **argv)
{
	const struct check_servers servers = { .stores = &read_stores, .cluster = CLUSTER };

	return check_main(&servers, argc, argv);
}
