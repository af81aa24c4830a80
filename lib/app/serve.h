/* The program hta-serve: what the sinks have stored, over HTTP. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "net/tls.h"
#include "read/stores.h"

/* tls: what --cert is served by. The exit code. */
int serve_main(const struct read_stores *stores, const struct tls_driver *tls, int argc,
	       char **argv);

#endif
