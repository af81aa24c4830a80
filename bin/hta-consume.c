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

int main(int argc, char **argv)
{
	return consume_main(CLUSTER, &files_driver, &read_stores, argc, argv);
}
