/* A set of names in order of bytes: dimensions that rows had, metrics, jobs. It answers "is it
 * there?" and "which one was meant?". */
#ifndef READ_NAMES_H
#define READ_NAMES_H

#include "base/arena.h"
#include "base/str.h"

/* {0} is empty */
struct names {
	struct slice *v;
	size_t n;
	struct arena arena;
};
void names_fini(struct names *s);

/* Copied; once only. */
void names_add(struct names *s, struct slice name);
bool names_has(const struct names *s, struct slice name);

/* Appends " (did you mean \"x\"?)", or nothing where no name is near. */
void names_nearest(const struct names *s, const char *word, struct buf *out);

#endif
