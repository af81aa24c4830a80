#include "read/newest.h"

int newest_stored(const struct read_store *store, const char *metric, int64_t not_after_us,
		  struct read_span *span, const char *none, struct err *err)
{
	bool found;

	if (store->driver->newest(store->d, metric, not_after_us, &found, &span->start_us,
				  &span->end_us, err))
		return -1;
	return found ? 0 : err_set(err, EX_NO, "metric %s has no %s", metric, none);
}

int newest_kept(const struct read_store *store, struct rows_range *range, struct hops *h,
		const struct read_span *newest, struct err *err)
{
	int64_t until_us = range->finality.until_us, start_us, end_us;
	bool before;

	h->kept_to_us = newest->end_us;
	if (until_us != INT64_MAX && until_us - until_us % h->slide_us > h->kept_to_us)
		h->kept_to_us = until_us - until_us % h->slide_us;
	if (store->driver->newest(store->d, range->metric, range->from_us, &before, &start_us,
				  &end_us, err))
		return -1;
	h->kept_from_us = before ? range->from_us : POS_NONE;
	range->hops = h;
	return 0;
}

static int no_final_window(const struct rows_range *range, struct err *err)
{
	return err_set(err, EX_NO, "metric %s has no final window", range->metric);
}

/* The window that ends with the newest pane, or with the newest final one. */
static int find_newest_hop(const struct rows_range *range, const struct hops *hops, bool final,
			   struct read_span *span, struct err *err)
{
	const struct finality *f = &range->finality;

	if (final && f->until_us == POS_NONE)
		return no_final_window(range, err);
	if (final && finality_open(f, span->end_us))
		span->end_us = f->until_us - f->until_us % hops->slide_us;
	span->start_us = span->end_us - hops->size_us;
	return 0;
}

/* From the newest window back to the newest one that is final. */
static int find_final(const struct read_store *store, const struct rows_range *range,
		      struct read_span *span, struct err *err)
{
	const struct finality *f = &range->finality;

	if (!finality_open(f, span->end_us))
		return 0;
	if (f->until_us == POS_NONE)
		return no_final_window(range, err);
	return newest_stored(store, range->metric, f->until_us - (span->end_us - span->start_us),
			     span, "final window", err);
}

int newest_window(const struct read_store *store, struct rows_range *range, struct hops *hops,
		  int64_t now_us, bool final, struct err *err)
{
	struct read_span newest;
	int rc;

	if (newest_stored(store, range->metric, now_us, &newest, "window that has begun", err))
		return -1;
	if (hops->slide_us)
		rc = find_newest_hop(range, hops, final, &newest, err);
	else
		rc = final ? find_final(store, range, &newest, err) : 0;
	range->one = true;
	range->from_us = newest.start_us;
	if (rc == 0 && hops->slide_us)
		rc = newest_kept(store, range, hops, &newest, err);
	range->to_us = newest.start_us + 1;
	range->end_us = newest.end_us;
	return rc;
}
