/* Synthetic events: app/gen_main.h. */
#include "app/gen_main.h"

int main(int argc, char **argv)
{
	return gen_main(argc, argv);
}
