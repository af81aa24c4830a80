/* Inside of hta-trend: see trend.c. */
#ifndef APP_TREND_INTERNAL_H
#define APP_TREND_INTERNAL_H

#include "app/trend.h"
#include "base/arena.h"
#include "io/out.h"
#include "read/alerts.h"
#include "read/ratios.h"
#include "read/stored_dims.h"
#include "trend/track.h"

enum trend_format { TREND_AUTO, TREND_TEXT, TREND_JSON };

struct trend {
	/* options */
	const char *where, *table, *metric /* NULL: a pipe */, *name, *measure, *since;
	int method; /* enum trend_method */
	struct trend_rule rule;
	bool has_alpha, has_factor, has_warm_up, has_last;
	bool follow, init, reset, exit_code;
	int format;

	const struct read_stores *stores;
	struct ratio number; /* measure */
	struct buf own_name; /* of the rule, where none was given */
	struct buf settings; /* what of the options decides what is told */
	bool text;
	uint64_t told; /* alerts */
	struct stored_dims dims;
	struct arena arena; /* of a line of text */
};

extern const struct opt trend_options[]; /* of a struct trend */

/* Options with each other, and those that were left out; name, settings. EX_USAGE. */
int trend_check_options(struct trend *t, struct err *err);

/* A metric under way. */
struct trend_metric {
	struct trend *t;
	struct slice name;
	struct track *track;
};

/* Appends the key of an alert; the alert as an object, without \n; as a line of text, with it. */
void trend_alert_key(const struct trend_metric *m, const struct track_alert *a, struct buf *out);
void trend_alert_json(const struct trend_metric *m, const struct track_alert *a, struct buf *out);
void trend_alert_text(const struct trend_metric *m, const struct track_alert *a, struct buf *out);

/* The measure of a row, which goes to the track with what it has in a window without events. dims
 * is canonical. EX_USAGE: rows have no such number. */
int trend_take_row(struct trend_metric *m, const struct rollup *row, struct slice dims,
		   struct err *err);

/* Rows of standard input. */
int trend_pipe(struct trend *t, struct err *err);
/* Rows of a store: once, or until a signal. */
int trend_store(struct trend *t, struct err *err);

/* ---- season: what a series had in the same hour of the weeks before, from the store. A store of
 * its own, for the one that is judged is in the midst of its answer. */
struct trend_season;
struct trend_season *trend_season_new(const struct trend_metric *m,
				      const struct read_driver *driver,
				      const struct sink_conf *conf);
void trend_season_free(struct trend_season *s);
/* Leaves the store until it is needed again. NULL is fine. */
void trend_season_close(struct trend_season *s);
/* For struct track_calls; self is a struct trend_season. */
int trend_season_expect(void *self, const uint8_t hash[16], int64_t first_us, int64_t start_us,
			int64_t length_us, bool *has, double *expected, struct err *err);

#endif
