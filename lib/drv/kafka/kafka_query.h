/* Where a log ends, for hta-query -b. */
#ifndef DRV_KAFKA_KAFKA_QUERY_H
#define DRV_KAFKA_KAFKA_QUERY_H

#include "read/driver.h"

/* query_program.ends. Tries for ten seconds. */
int kafka_query_ends(const struct read_log *log, struct loop *loop, struct ranges *parts,
		     struct err *err);

#endif
