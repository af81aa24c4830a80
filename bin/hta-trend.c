/* The stores that this build has. */
#include "app/trend.h"
#include "stores.h"

int main(int argc, char **argv)
{
	return trend_main(&read_stores, argc, argv);
}
