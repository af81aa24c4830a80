/* The program hta-serve: what the sinks have stored, over HTTP. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "read/stores.h"

int serve_main(const struct read_stores *stores, int argc, char **argv); /* the exit code */

#endif
