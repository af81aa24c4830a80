/* Lines of comma-separated values (RFC 4180) and of TSV, as JSON records whose members have the
 * names of a header.
 *
 * CSV: a field in quotes is a string, "" in it a quote; one without them is a number where it is a
 * JSON number that loses nothing as one (text_is_exact), else a string. A quote in a field without
 * them is an error. TSV: fields are divided by tabs and have no quotes; \t, \n, \r, \\ stand for
 * those bytes.
 *
 * A record may be several lines, since a field in quotes may have line ends: csv_is_open tells a
 * caller, which gathers them, whether it goes on. */
#ifndef TEXT_CSV_H
#define TEXT_CSV_H

#include "base/err.h"
#include "base/str.h"

struct csv;

/* separator: one byte, of TSV a tab. */
struct csv *csv_new(char separator, bool is_tsv);
void csv_free(struct csv *c);

/* Is there a quote open at the end of the line, where one was open at its start (inside) or not?
 * Never in TSV. */
bool csv_is_open(const struct csv *c, struct slice line, bool inside);

/* In the calls below a record is one line or several, without the last \n; a \r at its end is not
 * of it. TEXT_PAD readable bytes stand behind it. */

/* Takes the names. EX_DATAERR: what csv_line finds, two names that are equal. */
int csv_header(struct csv *c, struct slice record, struct err *err);
/* The same of a list with commas, such as --names has. */
int csv_names(struct csv *c, const char *list, struct err *err);
bool csv_has_names(const struct csv *c);
void csv_forget(struct csv *c); /* has no names any more */
/* Is it what the names say, in their order, and nothing else? */
bool csv_is_header(struct csv *c, struct slice record);

/* Appends the JSON record, with its \n. EX_DATAERR with what does not fit and where (bytes from 1
 * on), or fields that are more or fewer than names: nothing was appended. */
int csv_line(struct csv *c, struct slice record, struct buf *out, struct err *why);

#endif
