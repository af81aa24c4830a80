/* Claimed epochs: how a sink is exact over a store without transactions, or whose transactions
 * cannot hold the positions (driver.h, SINK_CLAIMED). The positions stand with a keeper that has a
 * compare-and-set. The rules, whose model is tests/model/claims.pml:
 *
 *   claim   one change of the keeper: the generation and all positions are as they were loaded, no
 *           other claim has come or gone, and none is open on the batch's partitions
 *   write   under the claim's id, which is never written under again by anybody
 *   done    the positions move from where the claim begins to where it ends
 *   settle  of each open claim that is met, at a start and before an epoch: the driver makes its id
 *           useless, then looks. Stored: done. Not stored, and so never: the claim is dropped, and
 *           its records come again in whatever pieces
 *
 * A claim's document is two lines: its ranges in the form of a sink's element of the probe (ctl.h;
 * init is where it begins, next where it ends), and the driver's words for settle. */
#ifndef SINK_SINK_CLAIMS_H
#define SINK_SINK_CLAIMS_H

#include "sink/keeper.h"

struct claim_doc {
	struct ranges ranges;
	struct slice what; /* of the text that was read */
};
/* Appends the document. */
void claim_doc_write(const char *id, const struct ranges *ranges, struct slice what,
		     struct buf *out);
/* EX_DATAERR; claim_doc_fini in any case. */
int claim_doc_read(const char *text, struct claim_doc *out, struct err *err);
void claim_doc_fini(struct claim_doc *c);

enum claim_stands { CLAIM_OPEN, CLAIM_DONE };
/* By the positions that were loaded with it. */
enum claim_stands claim_stands(const struct claim_doc *c, const struct positions *pos);

#endif
