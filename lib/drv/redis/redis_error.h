/* What Redis' errors mean for a sink. A part of the driver without a server, so that a table can
 * test it. An error's first word is its code; ERR says only that there is none. There, and there
 * alone, the text decides, by how it begins: what follows may hold anybody's names and operands. */
#ifndef DRV_REDIS_REDIS_ERROR_H
#define DRV_REDIS_REDIS_ERROR_H

#include "base/str.h"
#include "sink/driver.h"

/* SINK_RETRY where it may pass by itself (*code: EX_TEMPFAIL), else SINK_FATAL: EX_CONFIG for a
 * login, a right, a key of somebody else's; EX_SOFTWARE for what is not known. */
enum sink_result redis_error_means(const char *text, int *code);

/* The error has this code, such as NOSCRIPT, also out of a script. */
bool redis_error_is(const char *text, const char *word);

/* A right is missing, and the text says which: *command, "" for keys. Lent by text. */
bool redis_error_right(const char *text, struct slice *command);

#endif
