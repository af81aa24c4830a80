/* The stores that this build can read, for each program that reads one. */
#ifndef BIN_STORES_H
#define BIN_STORES_H

#include "read/stores.h"

extern const struct read_stores read_stores;

#endif
