/* Events over HTTP into a log: app/ingest.h. */
#include "app/ingest.h"
#include "servers.h"

int main(int argc, char **argv)
{
	return ingest_main(&http_parts, argc, argv);
}
