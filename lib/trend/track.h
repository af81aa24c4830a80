/* All series of a metric on their way through time: which windows each has, with a row and without,
 * and what is told of them (series.h).
 *
 * Windows are of one length and tile the time. Rows come in order of their windows; a row proves
 * that the windows before its own are complete, and track_final proves it without a row. A series
 * begins with its first row; from then on a proven window without one is judged as a row without
 * events would be (track_empty), and one that a series has had already is passed over: who goes on
 * from a stored state may read its last window again.
 *
 * Order of what is told: by window; in one first the series with a row, in the order of the rows,
 * then those without, in the order in which they began. */
#ifndef TREND_TRACK_H
#define TREND_TRACK_H

#include "base/err.h"
#include "trend/series.h"

struct track;

/* Slices are valid during the call. */
struct track_alert {
	enum trend_kind kind;
	enum trend_severity severity;
	int64_t start_us, end_us;
	struct slice dims;
	const uint8_t *hash;
	bool has_value;
	double value;
	struct trend_verdict verdict;
};

struct track_calls {
	void *arg;
	/* 0, or -1 with err */
	int (*alert)(void *arg, const struct track_alert *a, struct err *err);
	/* season: what is expected of the series in the window that starts there; *has false: not
	 * known. first_us: the series' first window. NULL: nothing is. */
	int (*expect)(void *arg, const uint8_t hash[16], int64_t first_us, int64_t start_us,
		      int64_t length_us, bool *has, double *expected, struct err *err);
	/* false: events of this window were not counted, or not all; without a row it says nothing
	 * and is passed over. NULL: all were. */
	bool (*counted)(void *arg, int64_t start_us, int64_t end_us);
};

struct track_row {
	int64_t start_us, end_us;
	const uint8_t *hash; /* 16 */
	struct slice dims;   /* JSON object */
	bool has_value;
	double value;
};

/* rule is borrowed until track_free. */
struct track *track_new(const struct trend_rule *rule, const struct track_calls *calls);
void track_free(struct track *t); /* NULL is fine */

/* What a row without events has; *has_value false: no value. It stands in the state. */
void track_empty(struct track *t, bool has_value, double value);
bool track_has_empty(const struct track *t);
/* False: it has no value, or is not known. */
bool track_empty_value(const struct track *t, double *out);

/* EX_DATAERR: the window is another length than those before, does not tile the time with them, or
 * is before one that was complete. Else what a call returned. */
int track_row(struct track *t, const struct track_row *row, struct err *err);
/* All windows that end at or before until_us are complete. */
int track_final(struct track *t, int64_t until_us, struct err *err);

/* The start of the first window that is not known to be complete: where reading goes on. False:
 * there was none yet. */
bool track_next(const struct track *t, int64_t *start_us);

/* Appends the state as a JSON object: the same bytes for the same state. */
void track_save(const struct track *t, struct buf *out);
/* Into a new track, of the same rule. EX_DATAERR: it is no such state. */
int track_load(struct track *t, struct slice text, struct err *err);

#endif
