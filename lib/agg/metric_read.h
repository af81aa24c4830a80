/* A metric's definition as a store keeps it (metric_describe), read back as far as its rows go:
 * window and columns. Whoever hands stored rows on tells those below what is in them. */
#ifndef AGG_METRIC_READ_H
#define AGG_METRIC_READ_H

#include "agg/metric_def.h"

/* With one reference; only m.window and the columns mean anything. NULL: EX_CONFIG, it is no
 * definition, or one of a later version of this program. */
struct metric_def *metric_def_read(struct slice def, struct err *err);

#endif
