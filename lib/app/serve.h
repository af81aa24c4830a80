/* The program hta-serve: what the sinks have stored, over HTTP. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "read/stores.h"
#include "tool/http_program.h"

/* The exit code. */
int serve_main(const struct read_stores *stores, const struct http_parts *parts, int argc,
	       char **argv);

#endif
