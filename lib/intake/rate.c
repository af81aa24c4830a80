#include "intake/rate.h"

static const int64_t unit = 1000000; /* of a level; and microseconds in a second */

static int64_t rate_full(const struct rate_limit *l)
{
	return (int64_t)l->burst * unit;
}

/* A token a second is a millionth of one a microsecond. */
static int64_t fill_us(const struct rate_limit *l, int64_t missing)
{
	int64_t per_us = (int64_t)l->per_s;

	return missing / per_us + (missing % per_us != 0);
}

static void fill(const struct rate_limit *l, struct rate *r, int64_t now_us)
{
	int64_t full = rate_full(l), past_us = now_us - r->at_us;

	if (r->at_us == 0)
		r->level = full;
	else if (past_us > 0 && r->level < full)
		r->level = past_us >= fill_us(l, full - r->level)
				   ? full
				   : r->level + past_us * (int64_t)l->per_s;
	if (r->at_us == 0 || past_us > 0)
		r->at_us = now_us;
	if (r->level > full)
		r->level = full; /* the limit was lowered */
}

int64_t rate_wait_us(const struct rate_limit *l, struct rate *r, uint64_t n, int64_t now_us)
{
	int64_t need;

	if (l->per_s == 0)
		return 0;
	fill(l, r, now_us);
	need = (int64_t)(n < l->burst ? n : l->burst) * unit;
	return need <= r->level ? 0 : fill_us(l, need - r->level);
}

void rate_take(const struct rate_limit *l, struct rate *r, uint64_t n, int64_t now_us)
{
	if (l->per_s == 0)
		return;
	fill(l, r, now_us);
	r->level -= (int64_t)n * unit;
}

uint64_t rate_left(const struct rate_limit *l, struct rate *r, int64_t now_us)
{
	if (l->per_s == 0)
		return RATE_MOST;
	fill(l, r, now_us);
	return r->level > 0 ? (uint64_t)(r->level / unit) : 0;
}

int64_t rate_full_us(const struct rate_limit *l, struct rate *r, int64_t now_us)
{
	if (l->per_s == 0)
		return 0;
	fill(l, r, now_us);
	return fill_us(l, rate_full(l) - r->level);
}
