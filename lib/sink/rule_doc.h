/* What a sink keeps of a job's rules, as one JSON document: in which version and state each rule
 * is, which rows it writes, and over which spans of the log these rows were counted. Pure: what is
 * stored and what a stream brings in, what is to be stored out. Model: tests/model/rules.pml.
 *
 * A rule's state only rises: by its version, and within one from active to paused to retired.
 *
 *   the stream says, against what is stored             the answer
 *   a rule that is not stored                           it begins here
 *   a higher version                                    it replaces the stored one; rows go on
 *                                                       where both have one cfg
 *   the same version, another cfg                       EX_CONFIG
 *   the same version: paused, where active is stored    paused
 *   retired, where something else is stored             retired
 *   a lower version; active, where paused or retired    EX_TEMPFAIL: this pipeline is stale
 *   nothing of a rule that is stored as active          EX_TEMPFAIL, too
 *
 * A set that is stale in one rule changes none. So of all sets that were ever said, the stored one
 * is at least as high in every rule, and two pipelines cannot take a rule away from each other in
 * turn.
 *
 * Rows of a metric are the sum, over its spans, of what was counted from one set of positions to
 * another, or to where the sink stands. A window that is not within one span lacks events, or may.
 *
 *   {"rules":[{"rule":"web","version":3,"state":"active","cfg":"<16 hex>","rows":"web@2"}],
 *    "metrics":[{"name":"web@2","spans":[{"from":1,"since":us,"to":2,"until":us},{"from":3}]}],
 *    "positions":[[["events",0,17],..],..]}
 *
 * from, to: which of the positions, from 1; 0 is the job's start, and where partitions begin that
 * the positions do not have; without `to` the span is open. since: the start of the first whole
 * window; until: the watermark by which windows were final when the span ended. */
#ifndef SINK_RULE_DOC_H
#define SINK_RULE_DOC_H

#include "base/arena.h"
#include "sink/driver.h"

struct rule_span {
	size_t from, to; /* to 0: open */
	/* POS_NONE: all windows are whole; there is no end. until 0: none was final */
	int64_t since_us, until_us;
};
struct rule_metric {
	struct slice name;
	struct rule_span *span;
	size_t n;
};
struct rule_stored {
	struct slice rule, cfg, rows;
	uint64_t version;
	enum ctl_rule_state state;
};
struct rule_doc {
	struct rule_stored *rule;
	struct rule_metric *metric;
	struct slice *positions; /* JSON */
	size_t rules, metrics, marks;
	struct arena arena;
}; /* {0}: nothing is stored */
void rule_doc_fini(struct rule_doc *d);

/* text NULL: nothing is stored. EX_DATAERR. */
int rule_doc_parse(struct rule_doc *d, const char *text, struct err *err);
void rule_doc_format(const struct rule_doc *d, struct buf *out);

/* The name that the rows of a rule of the stream have in the store. */
struct slice rule_doc_rows(const struct rule_doc *d, const struct ctl_rule *r);
/* NULL: it has none. */
const struct rule_metric *rule_doc_metric(const struct rule_doc *d, struct slice name);

/* 0: the stream is as high or higher in every rule; -1 with err, as the table says. */
int rule_doc_judge(const struct rule_doc *d, const struct ctl_rules *rules, struct err *err);
/* After rule_doc_judge: raises what is stored to what the stream says, at these positions. m: its
 * active metrics under their names in the store, looked up there (fresh, since_us). False: it is
 * so already. */
bool rule_doc_raise(struct rule_doc *d, const struct ctl_rules *rules, const struct sink_metric *m,
		    size_t n, const struct positions *pos);

/* All spans, in order: free(). */
struct keeper_span *rule_doc_spans(const struct rule_doc *d, size_t *n);

#endif
