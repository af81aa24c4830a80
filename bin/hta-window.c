#include "agg/agg.h"

int main(int argc, char **argv)
{
	return agg_main(argc, argv);
}
