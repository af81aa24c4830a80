/* How far a value is from what was expected: the methods of hta-trend. Pure arithmetic on doubles.
 *
 *   method     baseline                                    factor (how far)      spike
 *   ema        the running average a*x + (1-a)*baseline    x / baseline          > factor
 *   season     the median of the same hour of the week     x / baseline          > factor
 *   mad        the median of the last values               |x - baseline| / MAD  > factor
 *   threshold  the bound (above or below)                  x / bound             x > bound
 *
 * A drop is the mirror image: baseline / x > factor, baseline - x in MADs, x < bound; but for a
 * threshold it is judged only where it was asked for. ema and season compare by quotients: below a
 * baseline that is negative nothing is judged. Where a factor has no value (a baseline or a MAD of
 * 0) the distance is beyond any factor. `absent` is no matter of values: see series.h. */
#ifndef TREND_JUDGE_H
#define TREND_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trend_method { TREND_EMA, TREND_MAD, TREND_SEASON, TREND_THRESHOLD, TREND_NO_ROWS };
enum trend_kind { TREND_NORMAL, TREND_SPIKE, TREND_DROP, TREND_ABSENT, TREND_CLEAR, TREND_KINDS };
enum trend_severity { TREND_LOW, TREND_MEDIUM, TREND_HIGH };

/* "spike", "drop", "absent", "clear"; "LOW", "MEDIUM", "HIGH" */
extern const char *const trend_kinds[TREND_KINDS];
extern const char *const trend_severities[];

struct trend_rule {
	enum trend_method method;
	double alpha;  /* ema: 0 < alpha <= 1 */
	double factor; /* > 1; mad: > 0 */
	bool drop;
	bool has_above, has_below; /* threshold */
	double above, below;
	uint64_t last;        /* mad: values, at least 1; season: weeks, at least 1 */
	uint64_t warm_up;     /* windows of a series (absent: with a row) before it is told of */
	uint64_t cool_down;   /* windows after an alert without another one */
	uint64_t for_windows; /* at least 1 */
	bool clear;
	int64_t forget_us; /* a series without a row for so long is forgotten */
};

struct trend_verdict {
	enum trend_kind kind;          /* NORMAL, SPIKE, DROP */
	bool has_baseline, has_factor; /* numbers that are there */
	double baseline, factor;
};

/* Of ema and season; expected NULL: there is no baseline yet. */
struct trend_verdict judge_ratio(const struct trend_rule *rule, double x, const double *expected);
/* values, of which there are n, are put into another order. */
struct trend_verdict judge_mad(const struct trend_rule *rule, double x, double *values, size_t n);
struct trend_verdict judge_threshold(const struct trend_rule *rule, double x);

/* By the factor in units of the one that was asked for: LOW below 1.5, MEDIUM below 3, HIGH from
 * there on, and where it has no value. */
enum trend_severity judge_severity(const struct trend_rule *rule, const struct trend_verdict *v);

/* The middle value, the mean of the two where n is even; n > 0. values are put into order. */
double judge_median(double *values, size_t n);

#endif
