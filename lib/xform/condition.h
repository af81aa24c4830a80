/* A condition as it stands in a rule: by the scanner where it is of its subset, else by libjq, with
 * the same answers. Batches of lines either way. Belongs to one thread at a time. */
#ifndef XFORM_CONDITION_H
#define XFORM_CONDITION_H

#include "scan/predicate.h"

struct condition;

/* NULL: EX_USAGE where neither takes the text: what the scanner's parser says of it, and jq's
 * message. To be called as jq_program_new. */
struct condition *condition_new(struct slice text, struct err *err);
void condition_free(struct condition *c);

/* Whether libjq has to judge: some microseconds a line. */
bool condition_is_slow(const struct condition *c);

/* The fields to scan for, as of a predicate; none where libjq judges. */
size_t condition_fields(const struct condition *c);
const struct path *condition_field(const struct condition *c, size_t i);
void condition_bind(struct condition *c, const uint8_t *column);

/* As predicate_run and predicate_why. */
struct predicate_sets condition_run(struct condition *c, const struct scan_batch *batch,
				    size_t width, uint64_t lines);
void condition_why(struct condition *c, const struct scan_batch *batch, size_t width, unsigned line,
		   struct err *why);

#endif
