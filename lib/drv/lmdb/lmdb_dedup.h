/* The state of hta-dedup in a folder of LMDB, for more keys than memory holds: `lmdb:DIR`. One
 * machine, one process at a time. LMDB is shown nowhere else. */
#ifndef DRV_LMDB_LMDB_DEDUP_H
#define DRV_LMDB_LMDB_DEDUP_H

#include "xform/dedup_state.h"

extern const struct dedup_state lmdb_dedup;

#endif
