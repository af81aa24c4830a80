/* The sink framework: a filter that stores the epochs of a stream in one store, through a
 * driver. Every sink program is this and a driver.
 *
 *   rows come      -> copied into the batch of the epoch, passed on at once (two sinks work at
 *                  the same time)
 *   probe comes    -> the driver's state of the job goes into it
 *   barrier comes  -> the batch is applied with the positions, in one transaction; then the
 *                  barrier passes
 * What is temporary is tried again with backoff and jitter up to --retry-for; nothing passes
 * before it is stored. Plain streams: final rows in batches, printed nothing unless --pass. */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "sink/driver.h"
#include "tool/prog.h"

struct sink_program {
	const char *name, *summary, *synopsis, *examples;
	const struct sink_driver *driver;
	const struct opt *opts; /* sink_opts with --table, --prefix, --ttl as fits */
	bool needs_where;       /* the operand is required (a file) */
};

/* For struct opt tables of sink programs: over struct sink_conf and the framework's own
 * settings. */
extern const struct opt sink_opts_table[]; /* --table */
extern const struct opt sink_opts_redis[]; /* --prefix, --ttl */

int sink_main(const struct sink_program *p, int argc, char **argv);

#endif
