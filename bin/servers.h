/* What this build's servers of HTTP can speak. */
#ifndef BIN_SERVERS_H
#define BIN_SERVERS_H

#include "tool/http_program.h"

extern const struct http_parts http_parts;

#endif
