/* hta-trend: alerts over final rows, out of a pipe or of a store. What is an alert is decided in
 * lib/trend; here are rows, stores and words. */
#ifndef APP_TREND_H
#define APP_TREND_H

#include "read/stores.h"

int trend_main(const struct read_stores *stores, int argc, char **argv);

#endif
