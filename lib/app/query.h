/* hta-query: what the sinks have stored, at the prompt. The program is this and the
 * readers of the stores that were built in.
 *
 *   latest, top   the newest window that has begun (window_start <= now); rows in order of their
 *                 dimensions, or of their count
 *   history       rows of the windows that start in a span of time, added up into steps (days of
 *                 a time zone ..) where that is asked for
 *   metrics       names, definitions and owners
 *   positions     what each sink has of a job, by partition
 *   events        records that a sink has stored as events, newest first
 * of a store, or for "-" of the rows that come on standard input.
 * A row is open while what comes can still change it: it is of a job and its window is not final
 * by the rule of the view hta_final. */
#ifndef APP_QUERY_H
#define APP_QUERY_H

#include "read/stores.h"
#include "tool/cluster_options.h"

struct query_program {
	const struct read_stores *stores;
	/* Fills `to` of each range with the log's end (EX_CONFIG: unknown topic). NULL: not
	 * built in. */
	int (*ends)(const struct cluster_options *cluster, struct loop *loop, struct ranges *parts,
		    struct err *err);
};

int query_main(const struct query_program *program, int argc, char **argv);

#endif
