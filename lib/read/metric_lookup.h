/* A metric of a store by its name: whose it is, and which of its windows are final. */
#ifndef READ_METRIC_LOOKUP_H
#define READ_METRIC_LOOKUP_H

#include "proto/finality.h"
#include "read/driver.h"
#include "read/names.h"
#include "read/rows_hops.h"

struct metric_found {
	bool found;
	char *name;       /* in the store: of rules that of a version */
	char *job, *sink; /* NULL: plain */
	char *cfg, *def;  /* as it was registered; def is JSON */
	/* of its windows, as the definition has it; where they overlap, of the whole window, not of
	 * the panes that are stored. 0: not known, or not the same for all */
	int64_t length_us;
	int64_t purged_us; /* read_metric.purged_us */
	struct finality finality;
	struct hops hops; /* slide 0: of a plain stream, or windows do not overlap */
	/* a hash of the positions that finality comes from: while it stays the same, nothing was
	 * stored by the metric's sink */
	uint64_t moved;
	struct names names; /* of all metrics: names_nearest tells which one was meant */
};
void metric_found_fini(struct metric_found *m);

/* metric: a name; of rules its newest version, or NAME@N: version N, which may write rows of an
 * earlier one that counts the same; a version that there never was is not found. 0, found or not,
 * or -1 with the driver's err. out is filled in either case. */
int metric_lookup(const struct read_store *store, const char *metric, struct metric_found *out,
		  struct err *err);

#endif
