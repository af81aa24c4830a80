/* Where a store keeps what hta-trend has found: alerts, and for each rule how far it has judged. A
 * small contract of its own beside the reader's (driver.h), because it writes.
 *
 * A rule's state and its alerts are of one transaction: `store` is a compare-and-set over the turn,
 * which counts how often the state was written. So a run that was cut short is as if it had not
 * been, two at the same time are as one behind the other, and an alert, which has a key made of
 * what it is about, is there once. Rules are told apart by place (sink_conf), metric and name.
 *
 * All return 0, or -1 with err as a reader does (EX_UNAVAILABLE not reached, EX_CONFIG login or
 * missing table). Nothing is tried again. */
#ifndef READ_ALERTS_H
#define READ_ALERTS_H

#include "sink/driver.h"

struct alerts_state {
	int64_t turn;    /* 0: the rule has not begun here; nothing else is set then */
	struct buf rule; /* its settings, as they were when it began */
	struct buf text;
};
void alerts_state_fini(struct alerts_state *s);

struct alerts_text {
	struct slice key, json; /* json: the alert, an object without \n */
	int64_t end_us;
};

struct alerts_batch {
	const char *metric, *name;
	int64_t turn; /* that was loaded; stored is the next one */
	struct slice rule, text;
	int64_t judged_us; /* windows that end at or before are; for people */
	const struct alerts_text *alert;
	size_t n;
};

struct alerts_driver {
	/* Connected, for writing. conf is borrowed for ever; with conf->create makes what is
	 * missing, else EX_CONFIG with the command to run. */
	void *(*open)(const struct sink_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	/* Into an empty state. */
	int (*load)(void *d, const char *metric, const char *name, struct alerts_state *out,
		    struct err *err);
	/* *stored false: the turn is another one by now, and nothing was changed. */
	int (*store)(void *d, const struct alerts_batch *batch, bool *stored, struct err *err);
	/* Deletes the rule and its alerts; how many those were. */
	int (*drop)(void *d, const char *metric, const char *name, uint64_t *alerts,
		    struct err *err);
};

/* ---- for drivers */

/* EX_CONFIG: the tables are missing. */
int alerts_missing(const struct sink_conf *conf, struct err *err);
/* Appends the alerts as a JSON array. */
void alerts_array(const struct alerts_batch *batch, struct buf *out);

#endif
