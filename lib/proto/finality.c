#include "proto/finality.h"

#include <string.h>

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

void finality_add_span(struct finality *f, int64_t since_us, int64_t until_us, int64_t lateness_us)
{
	int64_t until = until_us == POS_NONE ? POS_NONE : until_us - lateness_us;

	if (f->spans == 0)
		f->mark_us = f->until_us;
	if (f->spans == FINALITY_SPANS)
		memmove(f->span, f->span + 1, --f->spans * sizeof(*f->span));
	f->span[f->spans++] = (struct finality_span){ since_us, until };
	f->until_us = until != POS_NONE && until < f->mark_us ? until : f->mark_us;
}

static bool in_a_span(const struct finality *f, int64_t start_us, int64_t end_us)
{
	for (unsigned i = 0; i < f->spans; i++)
		if (start_us >= f->span[i].since_us &&
		    (f->span[i].until_us == POS_NONE || end_us <= f->span[i].until_us))
			return true;
	return f->spans == 0;
}

bool finality_whole(const struct finality *f, int64_t start_us, int64_t end_us)
{
	return start_us >= f->since_us && in_a_span(f, start_us, end_us);
}

bool finality_open(const struct finality *f, int64_t end_us)
{
	return end_us > f->until_us;
}

bool finality_final(const struct finality *f, int64_t start_us, int64_t end_us)
{
	return !finality_open(f, end_us) && finality_whole(f, start_us, end_us);
}
