/* The inputs of this build, handed to the source. */
#include "drv/files/files.h"

#ifdef WITH_KAFKA
#include "drv/kafka/kafka_driver.h"
#define CLUSTER &kafka_driver
#else
#define CLUSTER NULL
#endif

int main(int argc, char **argv)
{
	return consume_main(CLUSTER, &files_driver, argc, argv);
}
