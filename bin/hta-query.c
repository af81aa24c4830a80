/* The readers that this build has. */
#include "app/query.h"
#include "stores.h"

#ifdef WITH_KAFKA
#include "drv/kafka/kafka_driver.h"
#define ENDS kafka_driver_ends
#else
#define ENDS NULL
#endif

int main(int argc, char **argv)
{
	const struct query_program program = { .stores = &read_stores, .ends = ENDS };

	return query_main(&program, argc, argv);
}
