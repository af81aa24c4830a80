/* One series of a metric: what is remembered of it, and what a window makes of that.
 *
 *   window of the series: judged against what is remembered
 *     warm-up over and beyond the factor?  no: run = 0     yes: run of this kind + 1
 *     an alert of another kind was open    clear, where asked for
 *     run >= for, and not cooling down     alert; it is open, and cool-down begins
 *     the baseline takes the value in, whatever was said
 *
 * A window is judged (it has a value), is without a row, or says nothing (a measure without a value
 * there): the latter changes nothing. All of it is a function of the values in their order, so it
 * may be stored after any window and go on from there. */
#ifndef TREND_SERIES_H
#define TREND_SERIES_H

#include "base/str.h"
#include "trend/judge.h"

struct series {
	uint8_t hash[16];
	char *dims;                         /* JSON object, owned */
	int64_t first_us, last_us, seen_us; /* starts: its first window, its last one, and the last
					       with a row */
	uint64_t n;                         /* windows judged; of absent: those with a row */
	double baseline;                    /* ema; undefined before the first value */
	enum trend_kind run_kind, open;     /* of the run at work; of the alert that is open */
	uint64_t run, quiet;                /* windows: of the run; left to cool down */
	double *value;                      /* mad: the last ones, oldest first */
	size_t values;
	bool gone; /* forgotten */
};
void series_fini(struct series *s);

/* What one window of a series has. */
struct series_window {
	bool has_row;
	bool has_value;
	double value;
	const double *expected; /* season: the baseline; NULL: none */
};

struct series_alert {
	enum trend_kind kind;
	enum trend_severity severity;
	struct trend_verdict verdict;
};

enum { SERIES_ALERTS_MAX = 2 };

/* The next window; alerts come into out, the one that clears first. Returns how many. */
unsigned series_window(struct series *s, const struct trend_rule *rule,
		       const struct series_window *w, struct series_alert out[SERIES_ALERTS_MAX]);

#endif
