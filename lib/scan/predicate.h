/* Conditions over scanned fields: the subset of jq that needs no jq. A batch of lines is judged
 * at once, operator by operator.
 *
 *   cond  = and {"or" and}    and = comp {"and" comp}
 *   comp  = path | path ("==" | "!=" | "<" | "<=" | ">" | ">=") value | value op path | call
 *         | "(" pipe ")"
 *   pipe  = cond | path "|" pipe | cond "|" "not" {"|" "not"}
 *   call  = "not" | has("k") | startswith("x") | endswith("x") | IN(value, ..)
 *         | IN(path; value, ..)
 *   path  = .a | ."any text" | .a["b"] .. ; behind "path |" also "."
 *   value = null | true | false | number | string
 *
 * The answers are those of jq 1.6, errors and their texts included: null < false < true < numbers
 * < strings < arrays < objects, a missing member is null, strings go by their bytes, `and` and
 * `or` look to the right only if they have to. There are three differences. Numbers are compared
 * exactly: jq makes doubles of them first. A string with half of a surrogate pair is an error
 * only where its text is compared; jq refuses the whole line. Lines that jq finds nested too
 * deeply are judged here.
 *
 * Parents: the scanner does not tell whether .a.b is missing because .a has no b, or because .a is
 * a number, which is an error in jq. Asking for .a as well would tell, but lines that are asked
 * for an object are never learned, so all lines would pay. Instead such a line, and only it, is
 * scanned again for the parents. */
#ifndef SCAN_PREDICATE_H
#define SCAN_PREDICATE_H

#include "scan/scan.h"

struct predicate;

/* NULL where the text is not of the subset, whether it is one for jq or for nobody: EX_USAGE with
 * place and suggestion. The text is not needed afterwards. A predicate belongs to one thread; a
 * second one from the same text is cheap and asks for the same fields. */
struct predicate *predicate_new(struct slice text, struct err *err);
void predicate_free(struct predicate *p);

/* The fields that the scanner has to be asked for: 1 to SCAN_FIELDS different paths, lent. */
size_t predicate_fields(const struct predicate *p);
const struct path *predicate_field(const struct predicate *p, size_t i);

/* Calls for each text that a field is compared with, for who reads conditions and no data. Slices
 * are lent. */
enum predicate_text_use {
	PREDICATE_TEXT_EQUAL,   /* == or IN, and the condition has no `not` */
	PREDICATE_TEXT_ORDERED, /* < <= > >= */
	PREDICATE_TEXT_OTHER,
};
typedef void predicate_text_fn(void *arg, const struct path *field, struct slice text,
			       enum predicate_text_use use);
void predicate_each_text(const struct predicate *p, predicate_text_fn *fn, void *arg);

/* Field i stands in place column[i] of a line's fields. Without it: in place i. */
void predicate_bind(struct predicate *p, const uint8_t *column);

/* Two sets of lines without common ones; all others do not hold. */
struct predicate_sets {
	uint64_t holds;
	uint64_t wrong; /* errors in jq */
};

/* Judges the set `lines` of the batch, all of them valid. width: fields a line, of the scan that
 * filled the batch. */
struct predicate_sets predicate_run(struct predicate *p, const struct scan_batch *batch,
				    size_t width, uint64_t lines);

/* Why a line of the batch is wrong: EX_DATAERR with jq's message. Slow. */
void predicate_why(struct predicate *p, const struct scan_batch *batch, size_t width, unsigned line,
		   struct err *why);

#endif
