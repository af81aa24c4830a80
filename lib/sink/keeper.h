/* A position keeper: the place where a job's generation, group, lateness and positions stand, and
 * the one compare-and-set that moves them. The keeper of a SINK_TX driver is the driver itself:
 * its `store` writes the rows of the batch in the same transaction. That of a SINK_NAMED driver
 * may be its own or another store's: it then gets batches without rows, so every SINK_TX driver
 * can keep positions for others as it is.
 *
 * Invariants (hta-protocol(7)): positions move only by `store`; an epoch never inserts a position;
 * a generation is written once, by `init`. All is of one sink, conf->name of the store that was
 * opened. Every call may be repeated after SINK_RETRY: one whose answer was lost shows as
 * SINK_APPLIED. */
#ifndef SINK_KEEPER_H
#define SINK_KEEPER_H

#include "base/err.h"
#include "proto/ctl.h"

enum sink_result {
	SINK_OK,
	/* store: every position is at or beyond `to` already; init: this generation is there
	 * already; metrics_add: a name was taken meanwhile. Nothing was changed */
	SINK_APPLIED,
	/* store, init: positions or generation are others; nothing was changed. err says which:
	 * EX_TEMPFAIL */
	SINK_CONFLICT,
	/* temporary: connection lost, server starting, deadlock, out of connections */
	SINK_RETRY,
	/* err->code is the exit code: EX_CONFIG login, database, missing table; EX_DATAERR a row
	 * that cannot be stored */
	SINK_FATAL,
};

/* What a sink has taken upon itself to write into a store that keeps no positions (driver.h,
 * SINK_CLAIMED): the ranges and what the driver needs to settle it, in the form of sink_claims.h. A
 * claim is open while its partitions' positions are where it begins. */
enum { KEEPER_CLAIM_CHARS = 32 };
struct keeper_claim {
	char id[KEEPER_CLAIM_CHARS + 1]; /* hex digits of 128 random bits */
	char *doc;
};

/* What is kept of a job in a sink. */
struct keeper_doc {
	char gen[CTL_INC_CHARS + 1]; /* "": the job has not begun here; nothing else is set then */
	char *group;                 /* NULL or "": files */
	bool by_now;
	struct positions pos;
	/* of a job that counts by rules (sink/rule_doc.h): the hash of the active set, and all that
	 * is known of it, a JSON document; "" and NULL: of one that does not */
	char set[CTL_INC_CHARS + 1];
	char *rules;
	/* open ones, and done ones that nothing has taken the place of yet; in no order */
	struct keeper_claim *claim;
	size_t claims;
};
void keeper_doc_fini(struct keeper_doc *doc);
/* Adds a claim, of which id has at most KEEPER_CLAIM_CHARS bytes. */
void keeper_doc_claim(struct keeper_doc *doc, struct slice id, struct slice text);

/* Windows of a metric that are whole: those that begin at since_us or later (POS_NONE: all) and
 * end, with the lateness, at until_us or before (POS_NONE: all). */
struct keeper_span {
	struct slice metric;
	int64_t since_us, until_us;
};

/* A change from what was loaded to what is to be there: of the set of rules (rules), or of the
 * claims (rules NULL). */
struct keeper_change {
	/* generation, rules, positions and claims: those must still be so */
	const struct keeper_doc *found;
	const char *set, *rules;
	const struct keeper_span *span; /* of all metrics: they replace those that are there */
	size_t spans;
	const char *claim, *claim_doc; /* id and document of a new one; NULL: none */
	const char *const *drop;       /* ids of claims that go; one that is not there is gone */
	size_t drops;
};

struct sink_batch;
struct sink_counts;

/* k is what the `open` of the store's driver returned, connected. */
struct position_keeper {
	/* All that is kept, of one moment, into an empty document. */
	enum sink_result (*load)(void *k, const char *job, struct keeper_doc *doc, struct err *err);
	/* CTL_FRESH, ADOPT, BOOT: writes generation, group (NULL: files), by_now and starts in one
	 * transaction, only where there is no generation: SINK_OK. Where there is one:
	 * SINK_APPLIED if it is the same, else SINK_CONFLICT. CTL_NEW: inserts the partitions that
	 * are not known yet where the generation is this one, else SINK_CONFLICT. */
	enum sink_result (*init)(void *k, const char *job, const char *group,
				 const struct ctl_init *init, struct err *err);
	/* Compares as change_check does, and stores set, rules and spans, or drops and adds claims,
	 * all in one transaction that no `store` comes between: SINK_OK. SINK_CONFLICT: something
	 * has moved; load again and decide again. NULL: the job's rules cannot change here, and no
	 * claim is taken. */
	enum sink_result (*change)(void *k, const char *job, const struct keeper_change *c,
				   struct err *err);
	/* Sets the job's lateness, where the job has begun. */
	enum sink_result (*lateness)(void *k, const char *job, int64_t us, struct err *err);
	/* The compare-and-set over batch->gen, batch->set and batch->ranges, as cas_check decides
	 * it; then what the batch holds (SINK_TX) and the positions, all
	 * visible together or not at all. */
	enum sink_result (*store)(void *k, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err);
	/* --reset: deletes the job, in one transaction: its positions and, in its own store, its
	 * rows, metrics and dead records. *rows grows by the rollup rows deleted. Events stay: they
	 * name no job, and read again they are the same. */
	enum sink_result (*drop)(void *k, const char *job, uint64_t *rows, struct err *err);
};

/* The decision of `store`, over what is stored: SINK_OK apply, SINK_APPLIED, SINK_CONFLICT with
 * err (EX_TEMPFAIL) naming the first partition that differs. gen, set: the stored ones, "" none. */
enum sink_result cas_check(const struct sink_batch *batch, const char *gen, const char *set,
			   const struct positions *stored, struct err *err);
/* The decision of `change`: whether what is stored now is what was found. */
bool change_check(const struct keeper_change *c, const struct keeper_doc *stored);

/* batch->name, of the job, generation and ranges of the batch. */
enum { BATCH_NAME_CHARS = 32 };
void batch_name(const struct sink_batch *batch, const char *sink, char name[BATCH_NAME_CHARS + 1]);

#endif
