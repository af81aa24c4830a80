#include "job/commit.h"

int main(int argc, char **argv)
{
	return commit_main(argc, argv);
}
