/* What parsing, help and completions share: which options are in force when several tables have
 * the same name. */
#ifndef TOOL_OPT_INTERNAL_H
#define TOOL_OPT_INTERNAL_H

#include "tool/opt.h"

struct opt_at {
	size_t group, i;
}; /* {0} is before the first */

/* The option at *at, which moves on; NULL at the end. Names that an earlier table has are left
 * out. */
const struct opt *opt_each(const struct opt_group *groups, size_t n, struct opt_at *at,
			   void **self);

/* First option of that name or letter, or NULL. */
const struct opt *opt_by_name(const struct opt_group *groups, size_t n, const char *name,
			      size_t name_n, void **self);
const struct opt *opt_by_letter(const struct opt_group *groups, size_t n, char letter, void **self);

/* Its letter, 0 if it has none or an earlier option took it. */
char opt_letter(const struct opt_group *groups, size_t n, const struct opt *o);

bool opt_takes_value(const struct opt *o);
/* the value as help shows it: "DUR", "text|json" */
void opt_arg(const struct opt *o, struct buf *out);

#endif
