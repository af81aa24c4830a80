/* The stores that a program can read, and which of them a text means (-d, $HTA_STORE). The array
 * is given by bin/, where products are known; also those stand in it that were not built in, so
 * that what is missing can be named. */
#ifndef READ_STORES_H
#define READ_STORES_H

#include "read/driver.h"

struct read_kind {
	const char *name;      /* as people say it */
	const char *configure; /* --with-CONFIGURE builds it in */
	const char *example;   /* what to give with -d */
	/* Does `store` mean this kind? The first in the array that says so has it. */
	bool (*accepts)(const char *store);
	/* The variables, with a NULL behind, one of which is enough to be found without -d; NULL:
	 * none are. */
	const char *const *environment;
	/* its rows stand in memory under a prefix of keys, not in a table: the quickest to ask */
	bool in_memory;
	const struct read_driver *driver; /* NULL: not built in */
	const struct sink_driver *sink;   /* what writes it; NULL: not built in */
};

struct read_stores {
	const struct read_kind *kind;
	size_t n;
	/* variables of the environment, as the hint at a missing -d says them */
	const char *variables;
};

/* The kind that `store` means; NULL: none does. */
const struct read_kind *read_stores_kind(const struct read_stores *s, const char *store);

/* The kind whose `configure` is this; NULL: there is none. */
const struct read_kind *read_stores_named(const struct read_stores *s, const char *configure);

/* The kind's driver, with its place where conf has none. NULL: EX_CONFIG, not built into
 * `program`. */
const struct read_driver *read_kind_driver(const struct read_kind *k, const char *program,
					   struct sink_conf *conf, struct err *err);

/* What is named without -d: $HTA_STORE, or a kind whose environment is set; sets where, where_env.
 * NULL with EX_USAGE: nothing is. */
const struct read_kind *read_stores_unnamed(const struct read_stores *s, struct sink_conf *conf,
					    struct err *err);

/* The driver for `given` (-d), else $HTA_STORE, else a kind whose environment is set: sets where,
 * where_env and (if it is NULL) place of conf. NULL with err: EX_USAGE no store is named,
 * EX_CONFIG it was not built into `program`. */
const struct read_driver *read_stores_choose(const struct read_stores *s, const char *given,
					     const char *program, struct sink_conf *conf,
					     struct err *err);

#endif
