#include "source/bounds.h"

/* N records before the end, by offsets: transaction markers and compacted records count too, as
 * in kcat. */
static int back_from_end(const struct consume_conf *c, struct input *log, struct ranges *starts,
			 struct err *err)
{
	if (log->ops->ends(log->self, starts, err))
		return -1;
	for (size_t i = 0; i < starts->n; i++) {
		struct range *r = &starts->v[i];

		if (r->to - r->from > c->from.back)
			r->from = r->to - c->from.back;
		r->to = 0;
	}
	return 0;
}

int bounds_starts(const struct consume_conf *c, struct input *log, struct ranges *starts,
		  struct err *err)
{
	enum input_when when = c->from.kind == FROM_EARLIEST ? INPUT_EARLIEST
			       : c->from.kind == FROM_LATEST ? INPUT_LATEST
							     : INPUT_TIME;

	if (starts->n == 0)
		return 0;
	if (c->from.kind == FROM_BACK)
		return back_from_end(c, log, starts, err);
	return log->ops->starts(log->self, starts, when, c->from.us, err);
}

int bounds_untils(const struct consume_conf *c, struct input *log, struct ranges *untils,
		  struct err *err)
{
	bool files = log->ops->bytes && !log->ops->grows;
	int rc = 0;

	if (untils->n && !files && c->until.kind == UNTIL_END)
		rc = log->ops->ends(log->self, untils, err);
	else if (untils->n && !files && c->until.kind == UNTIL_TIME)
		rc = log->ops->starts(log->self, untils, INPUT_TIME, c->until.us, err);
	for (size_t i = 0; i < untils->n; i++) {
		struct range *r = &untils->v[i];

		if (files || (c->until.kind != UNTIL_END && c->until.kind != UNTIL_TIME))
			r->to = INT64_MAX;
		else if (c->until.kind == UNTIL_TIME)
			r->to = r->from;
	}
	return rc;
}

size_t bounds_fit(const struct input_record *v, size_t n, int64_t to, uint64_t most)
{
	size_t low = 0, high = n < most ? n : (size_t)most;

	if (high == 0 || v[high - 1].offset < to)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v[mid].offset < to)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
