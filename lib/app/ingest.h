/* The program hta-ingest: takes events over HTTP, answers when they are durable in a local log. */
#ifndef APP_INGEST_H
#define APP_INGEST_H

#include "tool/http_program.h"

int ingest_main(const struct http_parts *parts, int argc, char **argv); /* the exit code */

#endif
