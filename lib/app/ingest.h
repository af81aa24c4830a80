/* The program hta-ingest: takes events over HTTP, answers when they are durable in a local log. */
#ifndef APP_INGEST_H
#define APP_INGEST_H

#include "net/tls.h"

/* tls: what --cert is served by. The exit code. */
int ingest_main(int argc, char **argv, const struct tls_driver *tls);

#endif
