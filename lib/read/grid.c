/* All cells are kept, row by row in one array with their text in an arena, until the table is
 * printed: a column is as wide as its widest cell. Where the sum is more than the terminal has, one
 * place at a time is taken from the widest column that may shrink, so that the columns end up as
 * even as they can be; that is a pass over the columns a place, and both are few. What is still
 * too wide is cut line by line. A cell to the right is written first and its padding put in front:
 * how many places it takes is known only once it was cut to its column. */
#include "read/grid.h"

#include <stdlib.h>
#include <wchar.h>

#include "base/arena.h"
#include "base/mem.h"

enum { GAP = 2, SMALLEST = 6 }; /* places between columns; what is left of a shrunk one */

struct column {
	char *name;
	unsigned flags;
};

struct grid {
	struct column *column;
	size_t columns;
	struct slice *cell;
	size_t cells, cap;
	struct arena arena;
};

struct grid *grid_new(void)
{
	return mem_zalloc(sizeof(struct grid));
}

void grid_free(struct grid *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->columns; i++)
		free(g->column[i].name);
	free(g->column);
	free(g->cell);
	arena_fini(&g->arena);
	free(g);
}

void grid_column(struct grid *g, const char *name, unsigned flags)
{
	g->column = mem_grow(g->column, g->columns + 1, sizeof(*g->column));
	g->column[g->columns++] = (struct column){ .name = mem_strdup(name), .flags = flags };
}

void grid_cell(struct grid *g, struct slice text)
{
	mem_reserve(&g->cell, &g->cap, g->cells + 1, sizeof(*g->cell));
	g->cell[g->cells++] = arena_copy(&g->arena, text);
}

void grid_cellz(struct grid *g, const char *text)
{
	grid_cell(g, slice_z(text));
}

void grid_cellu(struct grid *g, uint64_t n)
{
	struct buf b = { 0 };

	buf_addu(&b, n);
	grid_cell(g, buf_slice(&b));
	buf_fini(&b);
}

/* ---- characters */

/* Bytes of the first character; *places: what it takes. 0 bytes never; a byte that is none of
 * UTF-8 is a character that is shown as ?. */
static size_t first_char(struct slice s, bool utf8, int *places)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	wchar_t wide = c & (0x7f >> (n > 1 ? n : 0));

	*places = -1;
	if (n > s.n || !str_utf8(s.p, n))
		return 1;
	for (size_t i = 1; i < n; i++)
		wide = wide << 6 | (s.p[i] & 0x3f);
	*places = n == 1 ? (c >= 0x20 && c < 0x7f ? 1 : -1) : utf8 ? wcwidth(wide) : -1;
	return n;
}

unsigned grid_places(struct slice text, bool utf8)
{
	unsigned sum = 0;

	for (size_t at = 0; at < text.n;) {
		int places;

		at += first_char(slice(text.p + at, text.n - at), utf8, &places);
		sum += places < 0 ? 1 : (unsigned)places;
	}
	return sum;
}

unsigned grid_add(struct slice text, unsigned width, bool utf8, struct buf *out)
{
	bool cut = grid_places(text, utf8) > width;
	unsigned room = width - (cut && width), sum = 0;

	for (size_t at = 0; at < text.n;) {
		int places;
		size_t n = first_char(slice(text.p + at, text.n - at), utf8, &places);
		unsigned takes = places < 0 ? 1 : (unsigned)places;

		if (sum + takes > room)
			break;
		if (places < 0)
			buf_addc(out, '?');
		else
			buf_add(out, text.p + at, n);
		sum += takes;
		at += n;
	}
	if (cut && width) {
		buf_addz(out, utf8 ? "\u2026" : "~");
		sum++;
	}
	return sum;
}

/* ---- widths */

static size_t count_rows(const struct grid *g)
{
	return g->columns ? g->cells / g->columns : 0;
}

static bool has_names(const struct grid *g)
{
	for (size_t c = 0; c < g->columns; c++)
		if (g->column[c].name[0])
			return true;
	return false;
}

static unsigned *natural_widths(const struct grid *g, bool utf8)
{
	unsigned *w = mem_array(g->columns ? g->columns : 1, sizeof(*w));

	for (size_t c = 0; c < g->columns; c++)
		w[c] = grid_places(slice_z(g->column[c].name), utf8);
	for (size_t i = 0; i < count_rows(g) * g->columns; i++) {
		unsigned places = grid_places(g->cell[i], utf8);

		if (places > w[i % g->columns])
			w[i % g->columns] = places;
	}
	return w;
}

/* Takes a place at a time from the widest column that may shrink. */
static void shrink_columns(const struct grid *g, unsigned *w, unsigned indent, unsigned width)
{
	unsigned total = indent;

	for (size_t c = 0; c < g->columns; c++)
		total += w[c] + (c ? GAP : 0);
	for (; total > width; total--) {
		size_t widest = g->columns;

		for (size_t c = 0; c < g->columns; c++)
			if ((g->column[c].flags & GRID_SHRINKS) && w[c] > SMALLEST &&
			    (widest == g->columns || w[c] > w[widest]))
				widest = c;
		if (widest == g->columns)
			return;
		w[widest]--;
	}
}

/* ---- lines */

static void add_spaces(struct buf *out, unsigned n)
{
	while (n--)
		buf_addc(out, ' ');
}

static void add_cell(const struct column *c, struct slice text, unsigned width, bool utf8,
		     struct buf *out)
{
	size_t at = out->n;
	unsigned takes = grid_add(text, width, utf8, out);
	struct buf moved = { 0 };

	if (!(c->flags & GRID_RIGHT)) {
		add_spaces(out, width - takes);
		return;
	}
	buf_add(&moved, out->p + at, out->n - at);
	out->n = at;
	add_spaces(out, width - takes);
	buf_adds(out, buf_slice(&moved));
	buf_fini(&moved);
}

/* One line, cut at the terminal's width, without spaces at its end. */
static void add_line(const struct grid *g, const struct slice *text, const unsigned *w,
		     unsigned indent, unsigned width, bool utf8, struct buf *out)
{
	struct buf b = { 0 };

	add_spaces(&b, indent);
	for (size_t c = 0; c < g->columns; c++) {
		add_spaces(&b, c ? GAP : 0);
		add_cell(&g->column[c], text[c], w[c], utf8, &b);
	}
	while (b.n && b.p[b.n - 1] == ' ')
		b.n--;
	grid_add(buf_slice(&b), width ? width : UINT32_MAX, utf8, out);
	buf_addc(out, '\n');
	buf_fini(&b);
}

void grid_print(const struct grid *g, unsigned indent, unsigned width, bool utf8, struct buf *out)
{
	unsigned *w = natural_widths(g, utf8);
	struct slice *names = mem_array(g->columns ? g->columns : 1, sizeof(*names));

	if (width)
		shrink_columns(g, w, indent, width);
	for (size_t c = 0; c < g->columns; c++)
		names[c] = slice_z(g->column[c].name);
	if (has_names(g))
		add_line(g, names, w, indent, width, utf8, out);
	for (size_t r = 0; r < count_rows(g); r++)
		add_line(g, g->cell + r * g->columns, w, indent, width, utf8, out);
	free(names);
	free(w);
}
