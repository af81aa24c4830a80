/* Ratios: columns that are computed from two numbers of a row when it is shown ("errors/requests"):
 * a ratio is never stored, for it cannot be added up. */
#ifndef READ_RATIOS_H
#define READ_RATIOS_H

#include "row/rollup.h"

struct ratio {
	const char *text;          /* "NAME/NAME", borrowed */
	struct slice above, below; /* below.p NULL: the number above itself (ratio_or_number) */
};

/* {0}: none */
struct ratios {
	struct ratio *v;
	size_t n;
};
void ratios_fini(struct ratios *r);

/* "NAME/NAME", each count, value_count, sum, min, max, uniq or a measure; text is borrowed until
 * _fini. EX_USAGE. */
int ratios_add(struct ratios *r, const char *text, struct err *err);

/* Whether rows like this one have all names. EX_USAGE: the first that is missing. */
int ratios_check(const struct ratios *r, const struct rollup *row, struct err *err);

/* Appends the quotient, rounded once to a double where both numbers are exact decimals; null where
 * the row lacks one, or the one below is 0. */
void ratio_value(const struct ratio *r, const struct rollup *row, struct buf *out);

/* ---- one number of a row: "NAME", or "NAME/NAME" as above */

/* EX_USAGE */
int ratio_or_number(struct ratio *r, const char *text, struct err *err);

enum ratio_has { RATIO_UNKNOWN, RATIO_NULL, RATIO_NUMBER };
/* RATIO_UNKNOWN: rows like this one have no such number. RATIO_NULL: this one has no value of
 * it. */
enum ratio_has ratio_number(const struct ratio *r, const struct rollup *row, double *out);

#endif
