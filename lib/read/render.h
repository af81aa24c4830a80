/* What was read, as bytes: NDJSON, tables, pictures. Nothing here knows a terminal: a caller says
 * how wide a line may be and whether characters beyond ASCII may be used (their widths are
 * wcwidth's: LC_CTYPE must be set then, see tool/terminal.h). All functions append. */
#ifndef READ_RENDER_H
#define READ_RENDER_H

#include "read/grid.h"
#include "read/ratios.h"
#include "read/rows.h"

/* Rows of one metric. */
struct render {
	const char *metric;
	const struct rows_list *rows; /* at least one window */
	const struct names *dims;     /* a column each */
	const struct steps *steps;    /* what windows were added up into; NULL: nothing */
	const struct ratios *ratios;  /* a column each; NULL: none */
	bool one;                     /* a single window: the title has its time */
	unsigned width;               /* places of a line, 0: any */
	bool utf8;
	int64_t every_us; /* from a window's start to the next's; 0: their length */
};

/* ---- render_json.c */

/* A row as hta-window prints it, with "open":true where its window is, with "count":null and
 * "unknown":true where it is not known. sketch: with uniq_sketch and columns. */
void render_row_json(const struct rows_row *row, bool open, bool sketch, struct buf *out);
/* Puts "ratios":{"NAME/NAME":..} into the row that has just been appended; none: nothing. */
void render_ratios_json(const struct ratios *ratios, const struct rows_row *row, struct buf *out);
void render_metric_json(const struct read_metric *m, struct buf *out);
/* A line a partition of each sink; ends: the log's ends in `to`, of partitions that are in it. */
void render_positions_json(const char *job, const struct read_sinks *s, const struct ranges *ends,
			   struct buf *out);

/* ---- render_table.c */

/* "events, 2026-11-20T15:00:00Z, 1m, open", of many windows their length alone, or their step;
 * then a table. */
void render_table(const struct render *r, struct buf *out);

/* Parts of it: the line above, columns of dimensions, their cells. */
void render_title(const struct render *r, struct buf *out);
void render_dim_columns(const struct render *r, struct grid *g);
void render_dim_cells(const struct render *r, const struct rows_row *row, struct grid *g);

/* ---- render_plot.c: counts as pictures; places: of a line with its picture */

/* A bar a row; of one window. */
void render_bars(const struct render *r, unsigned places, struct buf *out);
/* A line a series, those with the highest sums first, at most limit (0: all). False: there are
 * others. */
bool render_sparks(const struct render *r, unsigned places, uint64_t limit, struct buf *out);

/* ---- render_job.c: tables of what stands beside the rows */

struct render_metrics {
	struct grid *grid;
	struct json json;
};
void render_metrics_init(struct render_metrics *t);
void render_metrics_add(struct render_metrics *t, const struct read_metric *m);
void render_metrics_fini(struct render_metrics *t);

/* The table is to be freed by grid_free. ends as above: empty, no columns for them. */
struct grid *render_positions(const struct read_sinks *s, const struct ranges *ends);

#endif
