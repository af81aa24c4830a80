#include "app/top.h"

int main(int argc, char **argv)
{
	return top_main(argc, argv);
}
