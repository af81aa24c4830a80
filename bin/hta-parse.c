#include "app/parse.h"

int main(int argc, char **argv)
{
	return parse_main(argc, argv);
}
