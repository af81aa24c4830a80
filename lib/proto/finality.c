#include "proto/finality.h"

struct finality finality_plain(void)
{
	return (struct finality){ .until_us = INT64_MAX, .since_us = POS_NONE };
}

struct finality finality_of_job(const struct positions *p, int64_t lateness_us, int64_t since_us)
{
	int64_t mark = p ? positions_mark(p) : POS_NONE;

	return (struct finality){ .until_us = mark == POS_NONE ? POS_NONE : mark - lateness_us,
				  .since_us = since_us };
}

bool finality_open(const struct finality *f, int64_t end_us)
{
	return end_us > f->until_us;
}

bool finality_final(const struct finality *f, int64_t start_us, int64_t end_us)
{
	return !finality_open(f, end_us) && start_us >= f->since_us;
}
