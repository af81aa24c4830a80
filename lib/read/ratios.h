/* Ratios: columns that are computed from two numbers of a row when it is shown ("errors/requests"):
 * a ratio is never stored, for it cannot be added up. */
#ifndef READ_RATIOS_H
#define READ_RATIOS_H

#include "row/rollup.h"

struct ratio {
	const char *text; /* "NAME/NAME", borrowed */
	struct slice above, below;
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

#endif
