/* MongoDB as a store of events: no rows, no library's type shows here.
 *
 * An event is a document, known by its place in the log or by members of its own, and written by
 * an upsert that changes nothing where it is there already. So a batch may come any number of
 * times (SINK_NAMED). Positions stand in the same database, a document for each job and sink,
 * whose replacement is a compare-and-set: no second store is needed. */
#ifndef DRV_MONGO_MONGO_H
#define DRV_MONGO_MONGO_H

#include "read/driver.h"
#include "sink/driver.h"

extern const struct sink_driver mongo_driver;
/* Of events only: `open` of the reader of rows says so. */
extern const struct read_driver mongo_reader;

#endif
