/* Events over HTTP into a log: app/ingest.h. */
#include "app/ingest.h"

#include "drv/tls/tls.h"

int main(int argc, char **argv)
{
	return ingest_main(argc, argv, &tls_openssl);
}
