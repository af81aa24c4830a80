/* The Redis driver (hiredis; server 6 or newer, one server or one node of a cluster). All
 * waiting is done in the program's loop.
 *
 * Keys. All begin with "{PREFIX}:" (--prefix, default hta): one hash tag, so one slot of a
 * cluster. NAME, JOB, SINK stand percent-encoded in keys, as in a URL (all bytes but A-Z a-z 0-9
 * - . _ ~). START and END are seconds since 1970, with a fraction where a window has one; HASH
 * is dims_hash.
 *
 *   r:NAME:START:END:HASH  hash    a row: metric, window_start, window_end (RFC 3339), dims
 *                                  (JSON), dims_hash, count; with --value value_count, and sum,
 *                                  min, max
 *                                  where there was a value: canonical decimals, exact; with
 *                                  --uniq uniq, the estimate; with --agg its columns by their
 *                                  names
 *                                  (row/columns.h: "latency.avg.sum"); updated_at
 *   u:NAME:START:END:HASH  string  its HyperLogLog: PFCOUNT and PFMERGE work on it
 *   i:NAME:START:END       zset    the window's rows: dims_hash by count. Top ten: ZREVRANGE .. 0 9
 *   w:NAME                 zset    the metric's windows: "START:END" by start. The newest that
 *                                  has begun: ZREVRANGEBYSCORE .. <now> -inf LIMIT 0 1
 *   x:NAME                 zset    the same windows by the second at which their rows expire
 *                                  (inf: never)
 *   gone                   hash    of a job's metric the highest end of a window whose rows have
 *                                  expired or were given up
 *   metric                 hash    by name: {"job":..|null,"sink":..|null,"cfg":..,"def":{..},
 *                                  "columns":[..],"since":..|null}
 *   job:JOB:SINK           hash    generation, group ("" files), by_now, lateness_us; resetting
 *                                  while --reset is under way
 *   pos:JOB:SINK           hash    "TOPIC/PARTITION": "INIT NEXT LAST_OFFSET LAST_TIME LAST_HASH
 *                                  WATERMARK IDLE", "-" where there is none; times in us
 *   t:NAME:RULE            hash    what hta-trend keeps of a rule: turn, settings, judged, state
 *   a:NAME:RULE            zset    its alerts (JSON) by the end of their window
 *   schema                 string  1
 *   tmp, zeros                     exist inside scripts only
 *
 * r, u and i expire (EXPIREAT) at the window's end + --ttl as it was when the window's first row
 * was written. A row past that is not written but counted. What a job's metric has lost so is
 * never begun anew, whatever --ttl says later (half a row would be a wrong one): a window
 * without an entry in x that ends at or before `gone` takes no rows. w and x lose a window's
 * entry with the first write to its metric after the window has expired: a reader skips a window
 * whose i is not there. A plain stream may lengthen the time of the windows that it writes; then
 * a member of i may outlive its r: skipped as well. Nothing else expires. The server must not
 * evict (maxmemory-policy noeviction): an evicted row would begin anew. */
#ifndef DRV_REDIS_REDIS_H
#define DRV_REDIS_REDIS_H

#include "sink/driver.h"
#include "read/driver.h"

extern const struct sink_driver redis_driver;
extern const struct read_driver redis_reader;

#endif
