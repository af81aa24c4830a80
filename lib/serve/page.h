/* Rows of a span of time, in order of windows and dimensions, a page of so many; a page goes on
 * where the one before ended. The place in between is opaque to clients: window and the row's key.
 * Where the row is gone meanwhile its window comes whole once more. */
#ifndef SERVE_PAGE_H
#define SERVE_PAGE_H

#include "serve/rows_query.h"

struct serve_page {
	struct rows_query *rq;
	struct serve_result *out;
	struct rows_range range;
	/* Writes a row; the first has n 0. */
	void (*row)(struct serve_page *page, const struct rows_window *w, const struct rows_row *r);
	/* Called when the metric is known, before the first row; NULL: not wanted. */
	int (*begin)(struct serve_page *page, struct err *err);
	void *own;
	uint64_t n; /* written so far */
	bool more;
	struct serve_reader *reader;
};

/* The parameters limit and cursor, and the span's bounds. */
void serve_page_args(struct serve_args *args, struct rows_query *rq, const char *from,
		     const char *to);

/* Reads a page: its rows are written, and out->next says where the next begins. 1: there is no such
 * metric, and out says so; 0; -1. */
int serve_page_read(struct serve_page *page, struct serve_reader *reader, struct err *err);

#endif
