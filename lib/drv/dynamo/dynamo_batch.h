/* Items on their way: BatchWriteItem of 25, or PutItem of one, DYNAMO_ASIDE requests side by side.
 * What the server leaves undone of a batch is sent again until it is done. */
#ifndef DRV_DYNAMO_DYNAMO_BATCH_H
#define DRV_DYNAMO_DYNAMO_BATCH_H

#include "drv/dynamo/dynamo_internal.h"

enum dynamo_mode {
	DYNAMO_TOGETHER, /* 25 items a request, in place of what is there; no key twice at a time */
	/* an item a request, only where none has its id: what is there is the same letter, and
	 * has marks */
	DYNAMO_LETTER,
	DYNAMO_ABSENT, /* an item a request, only where its key is not there */
	/* an item a request, only where its key is not there, or expires before :expires, which
	 * follows the item (dynamo_put_expires); what stays longer stays as it is */
	DYNAMO_LONGER,
};

struct dynamo_batch;

/* table is borrowed. */
struct dynamo_batch *dynamo_batch_new(struct dynamo_conn *c, const char *table,
				      enum dynamo_mode mode);
void dynamo_batch_free(struct dynamo_batch *b); /* NULL is fine; what is under way is cut off */

/* Where the next item is to be appended, or NULL with *r and err: a request before it has failed.
 * record: of the item; NULL: none. */
struct buf *dynamo_batch_item(struct dynamo_batch *b, const struct sink_record *record,
			      enum sink_result *r, struct err *err);
/* It stands there. */
void dynamo_batch_added(struct dynamo_batch *b);
/* Sends the rest and waits for all of it. */
enum sink_result dynamo_batch_flush(struct dynamo_batch *b, struct err *err);
/* Of those that were there before: not the ones from the same place of the log, which are what an
 * earlier attempt has stored. */
uint64_t dynamo_batch_duplicates(const struct dynamo_batch *b);

#endif
