/* A step is found by a guess that is put right: what the clock shows at the instant, divided by the
 * usual length, is off by one at most. That the steps begin where steps_start says is then the only
 * rule there is, for an hour of a clock that is set back over midnight too: it belongs to the day
 * that has begun already. */
#include "read/steps.h"

#include "base/num.h"
#include "base/tm.h"

#define DAY_US (86400 * TM_S)
#define MEAN_MONTH_US (30436875 * 86400LL)

enum { MONDAY = 4 }; /* 1970-01-05, in days since 1970-01-01 */

const char *const step_names[STEP_KINDS + 1] = {
	[STEP_NONE] = "none", [STEP_1H] = "1h",     [STEP_1D] = "1d",
	[STEP_DAY] = "day",   [STEP_WEEK] = "week", [STEP_MONTH] = "month",
};

static const int64_t step_usual_us[STEP_KINDS] = {
	[STEP_NONE] = 1,     [STEP_1H] = 3600 * TM_S,  [STEP_1D] = DAY_US,
	[STEP_DAY] = DAY_US, [STEP_WEEK] = 7 * DAY_US, [STEP_MONTH] = MEAN_MONTH_US,
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

bool steps_local(enum step_kind kind)
{
	return kind >= STEP_DAY;
}

/* The first day of a step, in days since 1970-01-01. */
static int64_t first_day(enum step_kind kind, int64_t number)
{
	int64_t year = 1970 + floor_div(number, 12), days = 0;

	if (kind == STEP_DAY)
		return number;
	if (kind == STEP_WEEK)
		return number * 7 + MONDAY;
	tm_date((unsigned)year, (unsigned)(number - (year - 1970) * 12) + 1, 1, &days);
	return days;
}

int64_t steps_start(const struct steps *s, int64_t number)
{
	int64_t local_us;

	if (!steps_local(s->kind))
		return number * step_usual_us[s->kind];
	local_us = first_day(s->kind, number) * DAY_US;
	return local_us - zone_find(s->zone, local_us)->rule->east_s * TM_S;
}

int64_t steps_number(const struct steps *s, int64_t us)
{
	int64_t local_us = us, n;

	if (!steps_local(s->kind))
		return floor_div(us, step_usual_us[s->kind]);
	local_us += zone_rule_at(s->zone, us)->east_s * TM_S;
	if (s->kind == STEP_WEEK)
		local_us -= MONDAY * DAY_US;
	n = floor_div(local_us, step_usual_us[s->kind]);
	while (steps_start(s, n) > us)
		n--;
	while (steps_start(s, n + 1) <= us)
		n++;
	return n;
}

/* at_us: a bound of steps that windows of this length lie across. */
static int say_unfit(const struct steps *s, int64_t window_us, int64_t at_us, struct err *err)
{
	char length[32] = "", at[TM_TEXT_BYTES] = "";
	struct buf step = { 0 };

	num_duration_text(window_us, length);
	tm_text(at_us, at);
	steps_text(s, &step);
	err_set(err, EX_USAGE,
		"windows of %s do not fit into the step (%s): there is one on both sides of %s; "
		"windows whose length divides %s fit",
		length, buf_z(&step), at, steps_local(s->kind) ? "15m" : step_names[s->kind]);
	buf_fini(&step);
	return -1;
}

int steps_hold(const struct steps *s, int64_t *start_us, int64_t *end_us, struct err *err)
{
	int64_t n = steps_number(s, *start_us), next_us = steps_start(s, n + 1);

	if (*end_us > next_us)
		return say_unfit(s, *end_us - *start_us, next_us, err);
	*start_us = steps_start(s, n);
	*end_us = next_us;
	return 0;
}

int steps_check(const struct steps *s, int64_t window_us, int64_t from_us, int64_t to_us,
		struct err *err)
{
	int64_t n = steps_number(s, from_us), at_us;

	do {
		at_us = steps_start(s, n);
		if (at_us % window_us)
			return say_unfit(s, window_us, at_us, err);
		n++;
	} while (at_us < to_us && at_us < TM_MAX_US && steps_local(s->kind));
	if (!steps_local(s->kind) && step_usual_us[s->kind] % window_us)
		return say_unfit(s, window_us, steps_start(s, n), err);
	return 0;
}

void steps_text(const struct steps *s, struct buf *out)
{
	buf_addz(out, step_names[s->kind]);
	if (steps_local(s->kind))
		buf_printf(out, ", %s", zone_name(s->zone));
}
