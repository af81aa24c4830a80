/* Inside of hta-serve: serve_options.c (the table of options), serve_choose.c (from what they name
 * to stores that queries read), serve_main.c (its life). */
#ifndef APP_SERVE_INTERNAL_H
#define APP_SERVE_INTERNAL_H

#include "read/stores.h"
#include "serve/live.h"
#include "tool/opt.h"

struct serve_named {
	const char *kind; /* as --with-KIND builds it in; NULL: -d */
	const char *where;
};

struct serve_conf {
	struct http_program_conf http;
	struct serve_named store[SERVE_STORES];
	size_t stores;
	const char *table, *prefix, *events, *rules, *log;
	uint64_t workers;
	int64_t deadline_us;
	bool openapi, no_introspection;
	struct serve_live_conf live;
};

extern const struct opt serve_opts[];

/* Fills the source. EX_USAGE: none is named, or by a word that means another kind; EX_CONFIG: one
 * was not built in. */
int serve_choose_stores(const struct serve_conf *conf, const struct read_stores *stores,
			struct serve_source *source, struct err *err);
void serve_source_fini(struct serve_source *source);

/* Where --events names a table, it has to be there: EX_CONFIG. */
int serve_check_events(const struct serve_conf *conf, const struct serve_source *source,
		       struct err *err);

#endif
