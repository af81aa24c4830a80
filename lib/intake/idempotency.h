/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a request that is sent again has
 * the ids of the first time, so that the ordinary table of seen events tells it, across restarts
 * and without a store of answers.
 *
 * An event without an id gets UUIDv8(XXH3-128(key id \0 K \0 index)). The request itself has an
 * entry in the table, with 32 bits of the body's hash; the first line that it appends carries both
 * as "$request":"<32 hex><8 hex>", from which the entry is made again at a start (replay.h). */
#ifndef INTAKE_IDEMPOTENCY_H
#define INTAKE_IDEMPOTENCY_H

#include "intake/seen.h"
#include "intake/uuid.h"

enum { IDEMPOTENCY_CHARS = 40 };

/* The entry of a request. */
struct seen_entry idempotency_entry(struct slice key_id, struct slice key, struct slice body,
				    uint32_t ticket);

void idempotency_event_id(struct slice key_id, struct slice key, uint32_t index,
			  char out[UUID_CHARS]);

/* The stamp's text and back; -1: it is none. The ticket is not in it. */
void idempotency_text(const struct seen_entry *e, char out[IDEMPOTENCY_CHARS]);
int idempotency_read(struct slice text, struct seen_entry *e);

#endif
