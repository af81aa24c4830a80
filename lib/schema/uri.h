/* References of RFC 3986. */
#ifndef SCHEMA_URI_H
#define SCHEMA_URI_H

#include "base/str.h"

/* Appends `reference` resolved against `base`, an absolute URI (section 5.2). */
void uri_resolve(struct slice base, struct slice reference, struct buf *out);

/* Whether it is a URI with a scheme (section 3), in ASCII. */
bool uri_is(struct slice text);

/* Appends the text with %HH decoded; false, and nothing is added, where a % is not followed by two
 * hex digits. */
bool uri_decode(struct slice text, struct buf *out);

#endif
