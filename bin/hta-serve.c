/* What is stored, over HTTP: app/serve.h. */
#include "app/serve.h"
#include "servers.h"
#include "stores.h"

int main(int argc, char **argv)
{
	return serve_main(&read_stores, &http_parts, argc, argv);
}
