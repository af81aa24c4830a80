/* Regular expressions of ECMA-262, as JSON Schema has them, by PCRE2, whose only user this is.
 * Searched for anywhere in a text; what a search costs is counted and bounded, by its work and
 * never by a clock, so that a text is judged alike whenever it comes.
 * Belongs to one thread. */
#ifndef SCHEMA_REGEX_H
#define SCHEMA_REGEX_H

#include "base/err.h"
#include "base/str.h"

struct regex;

/* NULL: EX_CONFIG, what is wrong with the expression and where. It is one of ECMA-262 with its
 * flag u: what only Perl or older JavaScript know is refused, as is what PCRE2 lacks (lookbehind
 * of no fixed length). */
struct regex *regex_new(struct slice ecma, struct err *err);
void regex_free(struct regex *p);

enum regex_result { REGEX_NO, REGEX_YES, REGEX_COSTLY };

/* text: UTF-8. *fuel: what may still be spent, about a step of a search each, less what was; where
 * it does not do, or one search takes some hundred thousand steps and more than a few a byte:
 * REGEX_COSTLY. */
enum regex_result regex_find(struct regex *p, struct slice text, uint64_t *fuel);

/* Appends the expression in PCRE2's syntax (UTF, DOLLAR_ENDONLY, ALLOW_EMPTY_CLASS,
 * MATCH_UNSET_BACKREF, no UCP). -1: EX_CONFIG. */
int regex_translate(struct slice ecma, struct buf *out, struct err *err);

/* What PCRE2 calls a general category of Unicode; the name itself where it is none. */
struct slice regex_category(struct slice name);

#endif
