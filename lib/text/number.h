/* Numbers in lines of text: which are JSON numbers, and which of them a reader keeps. */
#ifndef TEXT_NUMBER_H
#define TEXT_NUMBER_H

#include "text/quote.h"

/* Writes digits as a JSON number: without the zeros in front of them. */
void text_put_digits(struct text_out *out, struct slice digits);

/* Is it a JSON number (RFC 8259)? And does a double hold it to its last digit: a whole number up to
 * 2^53, or at most 15 digits that count and a power of ten that it has? */
bool text_is_number(struct slice text);
bool text_is_exact(struct slice text);

#endif
