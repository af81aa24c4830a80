#include "read/grid.h"

#include <locale.h>
#include <stdlib.h>

#include "tap.h"
#include "tool/terminal.h"

static bool utf8;

static struct grid *table(void)
{
	struct grid *g = grid_new();

	grid_column(g, "name", GRID_SHRINKS);
	grid_column(g, "n", GRID_RIGHT);
	grid_column(g, "", GRID_LEFT);
	grid_cellz(g, "a");
	grid_cellu(g, 5);
	grid_cellz(g, "x");
	grid_cellz(g, "a longer name");
	grid_cellu(g, 12345);
	grid_cellz(g, "");
	return g;
}

static void prints(const struct grid *g, unsigned indent, unsigned width, const char *want,
		   const char *name)
{
	struct buf out = { 0 };

	grid_print(g, indent, width, utf8, &out);
	is_bytes(out.p, out.n, want, name);
	buf_fini(&out);
}

static void widths(void)
{
	struct grid *g = table(), *bare = grid_new(), *empty = grid_new();

	prints(g, 0, 0, "name               n\na                  5  x\na longer name  12345\n",
	       "aligned, no spaces at the end");
	prints(g, 2, 22, "  name            n\n  a               5  x\n  a longer ~  12345\n",
	       "narrower: the name gives way");
	prints(g, 0, 12, "name       ~\na          ~\na lon~  123~\n",
	       "narrower still: lines are cut");
	grid_column(bare, "", GRID_RIGHT);
	grid_column(bare, "", GRID_LEFT);
	grid_cellz(bare, "12");
	grid_cellz(bare, "x");
	prints(bare, 0, 0, "12  x\n", "without names");
	prints(empty, 0, 0, "", "without columns");
	grid_free(g);
	grid_free(bare);
	grid_free(empty);
}

static void cut(const char *text, unsigned width, const char *want, const char *name)
{
	struct buf out = { 0 };
	unsigned places = grid_add(slice_z(text), width, utf8, &out);

	is_bytes(out.p, out.n, want, name);
	ok(places == grid_places(buf_slice(&out), utf8) && places <= width, "and so many places");
	buf_fini(&out);
}

static void characters(void)
{
	utf8 = false;
	cut("abc", 3, "abc", "it fits");
	cut("abcd", 3, "ab~", "cut");
	cut("abcd", 1, "~", "to one place");
	cut("abcd", 0, "", "to none");
	cut("\303\244\033[1m\n", 9, "??[1m?", "only ASCII, no controls");
	utf8 = terminal_utf8();
	if (!ok(utf8, "the locale is UTF-8"))
		return;
	cut("gr\303\266\303\237e", 5, "gr\303\266\303\237e", "umlauts take one place");
	cut("gr\303\266\303\237er", 5, "gr\303\266\303\237\342\200\246", "cut between characters");
	cut("\346\227\245\346\234\254", 4, "\346\227\245\346\234\254", "wide ones take two");
	cut("\346\227\245\346\234\254", 3, "\346\227\245\342\200\246", "and are not halved");
	cut("\346\227\245\346\234\254", 2, "\342\200\246", "nor squeezed in");
	cut("a\377\303", 9, "a??", "what is no UTF-8");
}

int main(void)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	widths();
	characters();
	return done();
}
