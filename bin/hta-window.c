#include "app/window.h"

int main(int argc, char **argv)
{
	return agg_main(argc, argv);
}
