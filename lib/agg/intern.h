/* Values of dimensions that are written with escapes, interned: each is decoded when it is first
 * met, and as long as it is in use only looked up. Bounded: a new value takes the place of
 * another. Belongs to one thread. */
#ifndef AGG_INTERN_H
#define AGG_INTERN_H

#include "base/str.h"

enum { INTERN_MAX = 63 }; /* bytes of a text, and of its value */

struct intern {              /* {0}: empty */
	struct interned *at; /* NULL until the first value */
	size_t place;        /* where the text that was looked for last would stand */
};

/* What was kept for text, with INTERN_PAD readable bytes behind it; its p is NULL: nothing.
 * Valid until the next intern_keep. text: at least a byte. */
enum { INTERN_PAD = 64 };
struct slice intern_find(struct intern *in, struct slice text);
/* Keeps the value of the text that was looked for last, and not found, where both are short
 * enough. */
void intern_keep(struct intern *in, struct slice text, struct slice value);
void intern_fini(struct intern *in);

#endif
