/* Epochs: what the stream's barriers cover. The open epoch collects ranges [from, to), one a
 * partition; cutting it gives a barrier; a cut epoch is in flight until it is acknowledged, and
 * epochs are acknowledged in their order.
 *
 * When to cut: after --epoch since its first change, at --epoch-records, or when its rows,
 * foretold from the last acks, reach `rows` (the first epochs are small, as nothing is known).
 * While `in_flight` epochs are on their way it stays open beyond --epoch, never beyond the other
 * two: epochs_room is 0 then and the source stops reading. An epoch with neither records nor a
 * change of offset or idleness is not sent. Pure: no clock, no input or output; times are
 * tm_mono_us values that the caller hands in. */
#ifndef JOB_EPOCHS_H
#define JOB_EPOCHS_H

#include "base/err.h"
#include "proto/pos.h"

struct epochs_conf {
	int64_t epoch_us;
	uint64_t records, rows;
	unsigned in_flight;
	bool times; /* offsets are event times: the end of a range is its watermark */
};

struct epochs;

struct epochs *epochs_new(const struct epochs_conf *conf); /* conf is copied */
void epochs_free(struct epochs *e);

/* From here a partition is read: its position, and whether the sinks have it as idle. Places all
 * that was known before by these (n 0: nothing is read). The open epoch must be empty or cut.
 * The ids of the partitions are their indexes in `start`. idle: of each. */
void epochs_assign(struct epochs *e, const struct ranges *start);

/* Partition `id` was read on to `position`: `records` records, the last of them `last` (NULL:
 * none, offsets without a record). end: position is the log's end as far as is known. */
void epochs_read(struct epochs *e, size_t id, uint64_t records, int64_t position,
		 const struct pos_last *last, bool end, int64_t now_us);

/* records that the open epoch may still take */
uint64_t epochs_room(const struct epochs *e);
bool epochs_due(const struct epochs *e, int64_t now_us); /* it is time to cut */
/* when it becomes time by the clock; INT64_MAX: not by the clock alone */
int64_t epochs_deadline_us(const struct epochs *e);
/* the open epoch has something to send */
bool epochs_changed(const struct epochs *e);

/* Closes the open epoch, which must have something to send. Its ranges (sorted) are valid until
 * the next cut or ack. */
const struct ranges *epochs_cut(struct epochs *e, uint64_t *number);

/* Its ranges, valid until the next call of this. rows: as the ack says. NULL: not the oldest one
 * in flight (EX_PROTOCOL). */
const struct ranges *epochs_acked(struct epochs *e, uint64_t number, uint64_t rows,
				  struct err *err);

size_t epochs_in_flight(const struct epochs *e);

#endif
