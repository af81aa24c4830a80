/* The stores that this build can read, for each program that reads one. */
#ifndef BIN_STORES_H
#define BIN_STORES_H

#include "read/stores.h"

extern const struct read_stores read_stores;

/* Who can keep positions for a sink whose rows are elsewhere (struct sink_program). */
const struct sink_driver *stores_keeper(const char *where, struct err *err);

#endif
