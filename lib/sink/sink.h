/* The sink framework: a filter that stores the epochs of a stream in one store, through a
 * driver. Every sink program is this and a driver.
 *
 *   rows come      -> copied into the batch of the epoch, passed on at once (two sinks work at
 *                  the same time)
 *   probe comes    -> what the keeper has of the job goes into it; metrics are compared
 *   init comes     -> generation and starts are written, then metrics registered
 *   barrier comes  -> the batch is stored, its positions with it or after it (enum
 *                  sink_delivery); then the barrier passes
 * What is temporary is tried again with backoff and jitter up to --retry-for; nothing passes
 * before it is stored. Plain streams: final rows in batches, printed nothing unless --pass. */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "sink/driver.h"
#include "tool/prog.h"

struct sink_program {
	const char *name, *summary, *synopsis, *examples;
	const struct sink_driver *driver;
	/* Where the driver has no keeper: the driver of the store that --positions names. NULL with
	 * err: EX_USAGE, EX_CONFIG it was not built. */
	const struct sink_driver *(*positions)(const char *where, struct err *err);
	/* for a driver that encodes records; NULL: this build has none, or it does not */
	const struct registry_ops *registry;
	bool needs_where; /* the operand is required (a file) */
};

int sink_main(const struct sink_program *p, int argc, char **argv);

#endif
