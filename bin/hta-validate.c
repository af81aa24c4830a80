#include "app/validate.h"

int main(int argc, char **argv)
{
	return validate_main(argc, argv);
}
