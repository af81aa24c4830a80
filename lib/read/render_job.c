/* Tables of what a store has beside its rows: metrics and positions. */
#include <inttypes.h>
#include <stdio.h>

#include "agg/window_kind.h"
#include "base/tm.h"
#include "read/render.h"

/* ---- metrics */

void render_metrics_init(struct render_metrics *t)
{
	static const char *const name[] = { "metric", "job",   "sink", "every", "time",
					    "by",     "value", "uniq", "since" };

	*t = (struct render_metrics){ .grid = grid_new() };
	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		grid_column(t->grid, name[i], i == 5 ? GRID_SHRINKS : GRID_LEFT);
}

void render_metrics_fini(struct render_metrics *t)
{
	grid_free(t->grid);
	json_fini(&t->json);
}

/* What is made of the field before it is a dimension. */
static void add_class(const struct json *j, uint32_t dim, struct buf *out)
{
	uint32_t at = json_get(j, dim, "class");
	bool explode = false;

	if (json_get_bool(j, dim, "explode", &explode) && explode)
		buf_addz(out, "element of ");
	if (!at)
		return;
	if (j->node[at].type == JSON_ARRAY)
		buf_addz(out, "range of ");
	else
		buf_printf(out, "class of %.*s of ", (int)j->node[at].text.n, j->node[at].text.p);
}

static void add_bounds(const struct json *j, uint32_t dim, struct buf *out)
{
	uint32_t at = json_get(j, dim, "class");

	if (!at || j->node[at].type != JSON_ARRAY)
		return;
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		buf_addz(out, i == json_first(j, at) ? " (" : ", ");
		buf_adds(out, j->node[i].text);
	}
	buf_addc(out, ')');
}

/* A dimension that is more than a path, in the words of hta-check --explain. */
static void add_dim(const struct json *j, uint32_t dim, struct buf *out)
{
	uint32_t path = json_get(j, dim, "path"), as = json_get(j, dim, "as");
	bool lower = false;
	uint64_t bytes_max;

	add_class(j, dim, out);
	if (path)
		json_string(j, path, out);
	add_bounds(j, dim, out);
	if (json_get_bool(j, dim, "lower", &lower) && lower)
		buf_addz(out, " in small letters");
	if (json_get_u64(j, dim, "max", &bytes_max))
		buf_printf(out, " cut at %" PRIu64 " bytes", bytes_max);
	if (as) {
		buf_addz(out, " as ");
		json_string(j, as, out);
	}
}

/* A member of the definition as people read it: text, or texts and dimensions with commas; ""
 * where it is not there. */
static void add_member(const struct json *j, const char *name, struct buf *out)
{
	uint32_t at = j->n ? json_get(j, 0, name) : 0;

	if (at && j->node[at].type == JSON_STRING)
		json_string(j, at, out);
	for (uint32_t i = json_first(j, at);
	     at && j->node[at].type == JSON_ARRAY && i < j->node[at].next; i = j->node[i].next) {
		if (out->n)
			buf_addc(out, ',');
		if (j->node[i].type == JSON_OBJECT)
			add_dim(j, i, out);
		else
			json_string(j, i, out);
	}
}

static void cell_member(struct grid *g, const struct json *j, const char *name)
{
	struct buf text = { 0 };

	add_member(j, name, &text);
	grid_cell(g, buf_slice(&text));
	buf_fini(&text);
}

/* The lengths of the metric's windows: "1m", or with the names of those that not all kinds have,
 * "1h slide 5m", "gap 30m". */
static void cell_window(struct grid *g, const struct json *j)
{
	const struct window_option *o;
	struct buf text = { 0 };

	for (size_t i = 0; (o = window_option_at(window_kinds, i)); i++) {
		if (!j->n || !json_get(j, 0, o->name))
			continue;
		if (i > 0)
			buf_printf(&text, "%s%s ", text.n ? " " : "", o->name);
		add_member(j, o->name, &text);
	}
	grid_cell(g, buf_slice(&text));
	buf_fini(&text);
}

static void cell_or(struct grid *g, struct slice text, const char *none)
{
	grid_cell(g, text.p ? text : slice_z(none));
}

void render_metrics_add(struct render_metrics *t, const struct read_metric *m)
{
	static const char *const of_def[] = { "time", "by", "value", "uniq" };
	struct grid *g = t->grid;
	char since[TM_TEXT_BYTES];
	struct err ignored;

	if (json_parse(&t->json, m->def, &ignored))
		t->json.n = 0;
	cell_or(g, m->name, "");
	cell_or(g, m->job, "(plain)");
	cell_or(g, m->sink, "");
	cell_window(g, &t->json);
	for (size_t i = 0; i < sizeof(of_def) / sizeof(*of_def); i++)
		cell_member(g, &t->json, of_def[i]);
	cell_or(g,
		m->since_us == POS_NONE ? slice(NULL, 0)
					: slice(since, tm_text(m->since_us, since)),
		"");
}

/* ---- positions */

static void cell_int(struct grid *g, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	grid_cellz(g, text);
}

static void position_cells(struct grid *g, const struct read_sink *s, const struct position *p,
			   const struct range *end)
{
	char mark[TM_TEXT_BYTES];

	grid_cellz(g, s->name);
	grid_cellz(g, p->topic);
	cell_int(g, p->partition);
	cell_int(g, p->next);
	if (end) {
		cell_int(g, end->to);
		cell_int(g, end->to > p->next ? end->to - p->next : 0);
	}
	grid_cell(g, p->watermark_us == POS_NONE ? slice("-", 1)
						 : slice(mark, tm_text(p->watermark_us, mark)));
	grid_cellz(g, p->idle ? "idle" : "");
}

static const struct {
	const char *name;
	unsigned flags;
	bool of_end;
} position_column[] = {
	{ "sink", GRID_LEFT, false },       { "topic", GRID_SHRINKS, false },
	{ "partition", GRID_RIGHT, false }, { "next", GRID_RIGHT, false },
	{ "end", GRID_RIGHT, true },        { "lag", GRID_RIGHT, true },
	{ "watermark", GRID_LEFT, false },  { "", GRID_LEFT, false },
};

struct grid *render_positions(const struct read_sinks *s, const struct ranges *ends)
{
	struct grid *g = grid_new();

	for (size_t i = 0; i < sizeof(position_column) / sizeof(*position_column); i++)
		if (ends->n || !position_column[i].of_end)
			grid_column(g, position_column[i].name, position_column[i].flags);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->v[i].pos.n; k++) {
			const struct position *p = &s->v[i].pos.v[k];

			position_cells(g, &s->v[i], p,
				       ranges_find(ends, slice_z(p->topic), p->partition));
		}
	return g;
}
