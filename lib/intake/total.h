/* x-total: a member that is computed from others, exactly: {"total": "items[].quantity*price"} is
 * the sum over the elements of `items` of the product of two of their members. */
#ifndef INTAKE_TOTAL_H
#define INTAKE_TOTAL_H

#include "base/dec.h"
#include "base/err.h"
#include "json/json.h"

struct total;

/* The schema's word, an object of one member: ARRAY[].NAME or ARRAY[].NAME*NAME, names of letters,
 * digits, _. EX_CONFIG: not of that form. */
struct total *total_new(const struct json *schema, uint32_t at, struct err *err);
void total_free(struct total *t);

/* The name of the member; lives as long as t. */
struct slice total_name(const struct total *t);

enum total_result { TOTAL_OK, TOTAL_RANGE /* beyond nine places, or +-1e20 */, TOTAL_NONE };

/* Of the event, a JSON object. TOTAL_NONE: a part is missing or no number. json is scratch. */
enum total_result total_of(const struct total *t, struct json *json, struct slice event, dec *out);

#endif
