/* The state of hta-dedup that hosts share (xform/dedup_shared.h), in Redis 6 or newer.
 *
 * Keys. All begin with {hta:JOB}, which is one hash tag; JOB is percent-encoded as in redis.h.
 * PART is TOPIC/PARTITION. No key expires.
 *
 *   k<16 bytes>   string  places of a key, 20 bytes each: PLACE
 *   state         hash    format 1, fields (canonical), generation, keys: how many places
 *   part          hash    PART: "FENCE NEXT FLOOR SAFE SAFE_S": all sinks have what is below SAFE,
 *                         and everything below has at most that time
 *   open:PART     list    blobs: what the host that has it now was told to be unique, since the
 *                         last barrier
 *   left:PART     list    the same of those who had it before
 *   chunk:PART    list    blobs: what barriers have gone over, oldest first
 *
 *   PLACE   ID (8 bytes: XXH3-64 of PART), offset (8), seconds since 1970 (4)
 *   RECORD  key (16), offset (8), seconds (4)
 *   blob    kind (1), header (28), RECORDs. Kind C: claimed; A: found again, its place was there
 *   header  ID of the records' own partition (8), the highest offset at which one stands + 1 (8),
 *           their highest time (4), the offset at which the one record stands, else -1 (8)
 *
 * Numbers are big-endian. So a key that was seen once takes a string of 20 bytes under a name of
 * about 30, and 28 in a blob. */
#ifndef DRV_REDIS_REDIS_DEDUP_H
#define DRV_REDIS_REDIS_DEDUP_H

#include "xform/dedup_state.h"

/* redis://.., rediss://.., unix://..; "redis:" alone: REDIS_URL. */
extern const struct dedup_state redis_dedup, redis_dedup_tls, redis_dedup_unix;

#endif
