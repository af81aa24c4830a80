/* Events of a shape that a file gives: a JSON object whose members are the fields of an event, in
 * their order, each with how its value is made.
 *
 *   "uuid"  "time"  "customer"          as in the schemas of gen.h; the customer is of its weights
 *   {"time": "s"|"ms"|"us"}             a number since 1970
 *   {"id": "user_", "of": N}            a number from 1 to N behind this text, as many digits each;
 *                                       with "zipf": S the lower ones come more often
 *   {"pick": [VALUE, ..]}               one of these
 *   {"const": VALUE}
 *   {"int": [LOW, HIGH]}
 *   {"decimal": [LOW, HIGH], "digits": 2}
 *   {"bool": P}                         true with that probability
 *   {"object": {..}}                    fields again
 *   {"list": GENERATOR, "min": 1, "max": 3}
 * and to any in braces "missing": P, the field is left out, and "null": P. A probability is a
 * number from 0 to 1. */
#ifndef APP_GEN_FIELDS_H
#define APP_GEN_FIELDS_H

#include "app/gen_internal.h"
#include "base/err.h"
#include "base/str.h"

struct gen_fields;

/* text: UTF-8 JSON, not kept. NULL with EX_CONFIG, which names the field. */
struct gen_fields *gen_fields_new(struct slice text, struct err *err);
void gen_fields_free(struct gen_fields *f); /* NULL is fine */
/* Of the longest line, without its newline. */
size_t gen_fields_bytes(const struct gen_fields *f);
/* An event without its newline, by the dice of g. */
char *gen_fields_write(const struct gen_fields *f, struct gen *g, char *p, int64_t us);

#endif
