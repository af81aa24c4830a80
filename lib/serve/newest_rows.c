/* The newest window of a metric, and its rows in the order of a number. */
#include <stdlib.h>

#include "base/mem.h"
#include "read/newest.h"
#include "read/ratios.h"
#include "serve/rows_query.h"

static int take_window(void *arg, struct rows_window *w, struct err *err)
{
	struct rows_window **into = arg;

	(void)err;
	rows_window_free(*into);
	*into = w;
	return 0;
}

struct searching {
	struct rows_query *rq;
	struct rows_range *range;
	struct err none; /* why there is no window */
};

/* EX_NO is an answer: this store knows the metric, and has nothing of it yet, or any more. */
static int look_for_window(void *arg, const struct read_store *store, struct err *err)
{
	struct searching *s = arg;
	struct rows_query *rq = s->rq;
	struct rows_range range = *s->range;
	int rc = rows_query_look(rq, store, err);

	if (rc <= 0)
		return rc;
	rq->known = true;
	rows_query_range(rq, &range);
	if (newest_window(store, &range, &rq->found.hops, rq->now_us, rq->final, err) == 0) {
		*s->range = range;
		return 1;
	}
	if (err->code != EX_NO)
		return -1;
	s->none = *err;
	return 0;
}

int rows_query_newest(struct rows_query *rq, struct serve_reader *reader, struct rows_range *range,
		      struct rows_window **w, struct serve_result *out, struct err *err)
{
	struct searching s = { .rq = rq, .range = range, .none = ERR_INIT };
	struct rows_found found = { 0 };
	int rc = serve_reader_each(reader, true, look_for_window, &s, err);

	*w = NULL;
	if (rc < 0)
		return -1;
	if (rc == 0 && !s.none.code)
		return rows_query_none(rq, out);
	if (rc == 0) {
		serve_result_problem(out, 404, "no-window", "%s", s.none.msg);
		return 1;
	}
	rc = rows_read(&rq->store, range, take_window, w, &found, err);
	rows_found_fini(&found);
	return rc;
}

/* ---- the highest */
struct ranked {
	double number;
	bool has;
	size_t at;
};

static int higher_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->has != y->has)
		return x->has ? -1 : 1;
	if (x->has && x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

bool serve_rank_rows(struct rows_window *w, const struct ratio *by)
{
	struct ranked *rank = mem_array(w->n + 1, sizeof(*rank));
	struct rows_row *row = mem_array(w->n + 1, sizeof(*row));
	bool known = true;

	for (size_t i = 0; i < w->n && known; i++) {
		enum ratio_has has = ratio_number(by, &w->row[i].r, &rank[i].number);

		known = has != RATIO_UNKNOWN;
		rank[i].has = has == RATIO_NUMBER;
		rank[i].at = i;
	}
	if (known) {
		qsort(rank, w->n, sizeof(*rank), higher_first);
		for (size_t i = 0; i < w->n; i++)
			row[i] = w->row[rank[i].at];
		memcpy(w->row, row, w->n * sizeof(*row));
	}
	free(rank);
	free(row);
	return known;
}
