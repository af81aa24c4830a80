/* Rows that come on standard input, as hta-window prints them or hta-query has read them, as a
 * store: all of them are read when it is opened, and kept. Metrics are plain, and there are no
 * positions.
 *
 * The same row may come twice. EX_DATAERR: what is no row, what has left out what rows are added
 * up by (--no-sketch), deltas, two rows of one key that differ. EX_USAGE: an acknowledged
 * stream. */
#ifndef READ_STDIN_ROWS_H
#define READ_STDIN_ROWS_H

#include "read/driver.h"

extern const struct read_driver stdin_rows;

#endif
