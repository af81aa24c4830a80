/* Final rows of a store as an input: one partition a metric, whose offsets are times.
 *
 *   offset     of a row: its window_end less a microsecond; position T means that the rows of all
 *              windows with window_end <= T are out
 *   read()     rows of windows that the store's mark has passed, whole windows, each from one
 *              snapshot with the mark; once a second, in parts where there are many
 *   the mark   is that of hta_final (proto/finality.h). It may go back, a position does not: what
 *              is out is never out again
 *
 * Nothing is kept of rows that are out. A store that is not reached is tried again for
 * conf->retry_for_us. Never a cluster, never a group. */
#ifndef SOURCE_FINAL_INPUT_H
#define SOURCE_FINAL_INPUT_H

#include "source/consume.h"

/* Over conf->finals. input_new: EX_USAGE where no store is named, EX_CONFIG where this build cannot
 * read it. */
extern const struct consume_driver final_driver;

#endif
