/* Inside of the letters of MongoDB: mongo_letters.c (opening, reading), mongo_letters_marks.c. */
#ifndef DRV_MONGO_MONGO_LETTERS_H
#define DRV_MONGO_MONGO_LETTERS_H

#include "drv/mongo/mongo_internal.h"
#include "read/letters.h"

struct mongo_letters {
	struct sink_conf store;
	struct mongo *m;
	const struct letters_want *want;
	struct buf after; /* _id of the last letter that was looked at */
};

/* As a reader has it. */
int mongo_letters_failed(const struct mongo_letters *l, const bson_error_t *why, struct err *err);

/* Append {NAME: {$exists: ..}}, and {_id: {$in: [..]}}. */
void mongo_letters_append_exists(bson_t *to, const char *name, bool exists);
void mongo_letters_append_keys(bson_t *to, const struct slice *key, size_t n);

/* Calls fn for those documents of the collection that have one of the keys, the nth, and for which
 * `also` holds. */
typedef void mongo_found_fn(void *arg, size_t nth, const bson_t *doc);
int mongo_letters_find(const struct mongo_letters *l, mongoc_collection_t *in,
		       const struct slice *key, size_t n, const bson_t *also, mongo_found_fn *fn,
		       void *arg, struct err *err);

/* As struct letters_driver has them. */
int mongo_letters_take(void *d, const struct letter *const *v, size_t n, const char *call,
		       uint64_t batch, bool *got, struct err *err);
int mongo_letters_settle(void *d, const char *call, uint64_t sent, struct err *err);
int mongo_letters_calls(void *d, letters_call_fn *fn, void *arg, struct err *err);

#endif
