/* A grid: columns of text, aligned for people. Numbers to the right, names to the left; where it
 * is wider than the terminal the columns that may shrink lose their ends (first the widest),
 * then lines are cut.
 *
 * Widths are those of a terminal (wcwidth). Bytes that are no UTF-8, and controls, are shown as
 * ?; without UTF-8 in the locale all but ASCII is. */
#ifndef READ_GRID_H
#define READ_GRID_H

#include <stdbool.h>
#include "base/str.h"

struct grid;

enum grid_flags { GRID_LEFT = 0, GRID_RIGHT = 1, GRID_SHRINKS = 2 };

struct grid *grid_new(void);
void grid_free(struct grid *g);

/* All columns first. name is copied; "" in all columns: no line of names. */
void grid_column(struct grid *g, const char *name, unsigned flags);
/* The next cell, row by row. Copied. */
void grid_cell(struct grid *g, struct slice text);
void grid_cellz(struct grid *g, const char *text);
void grid_cellu(struct grid *g, uint64_t n);

/* Appends lines of at most `width` places (0: any); each has `indent` spaces in front. utf8: the
 * locale's characters are UTF-8 (terminal_utf8). */
void grid_print(const struct grid *g, unsigned indent, unsigned width, bool utf8, struct buf *out);

/* Places that a text takes on a terminal. */
unsigned grid_places(struct slice text, bool utf8);
/* Appends at most `width` places of it; cut: the last one is an ellipsis. Returns the places
 * taken. */
unsigned grid_add(struct slice text, unsigned width, bool utf8, struct buf *out);

#endif
