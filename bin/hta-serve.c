/* What is stored, over HTTP: app/serve.h. */
#include "app/serve.h"
#include "drv/tls/tls.h"
#include "stores.h"

int main(int argc, char **argv)
{
	return serve_main(&read_stores, &tls_openssl, argc, argv);
}
