/* The key of a record: the values of some of its fields, and its topic where that is asked for, as
 * 16 bytes.
 *
 * It is dims_hash (row/dims.h) of them: typed and canonical, so that "1" and 1 are two keys, 1 and
 * 1.0 one, and the order in which fields are named makes no difference. Stable for ever: it is
 * stored. Two keys of 10^10 collide with a chance of 1.5e-19. */
#ifndef XFORM_DEDUP_KEY_H
#define XFORM_DEDUP_KEY_H

#include "base/err.h"
#include "base/str.h"
#include "scan/scan.h"

struct dedup_key;

/* text: paths, separated by commas; `@topic` is the log's topic. NULL: EX_USAGE. */
struct dedup_key *dedup_key_new(struct slice text, struct err *err);
void dedup_key_free(struct dedup_key *k);

/* The fields to scan for, NULL behind the last. */
const char *const *dedup_key_paths(const struct dedup_key *k);
bool dedup_key_needs_topic(const struct dedup_key *k);
/* Equal for equal keys, whatever their order: tells a state what it is of. */
struct slice dedup_key_canonical(const struct dedup_key *k);

enum dedup_key_result {
	DEDUP_KEY_OK,
	DEDUP_KEY_MISSING, /* no such field, or null */
	DEDUP_KEY_STRUCTURE,
	DEDUP_KEY_SURROGATE,
};

/* field: in the order of dedup_key_paths. Where the result is another, *at is the part of the key
 * at fault. topic: looked at where it is needed. */
enum dedup_key_result dedup_key_make(struct dedup_key *k, const struct field *field,
				     struct slice topic, uint64_t out[2], size_t *at);
/* Why there is none, as EX_DATAERR. */
void dedup_key_why(const struct dedup_key *k, enum dedup_key_result r, size_t at, struct err *err);

#endif
