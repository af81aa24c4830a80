/* Where an archive's objects lie in a bucket, and how records are numbered that are not one offset
 * apart. Pure.
 *
 *	PREFIX/events/2026/11/27/TOPIC.PARTITION.FROM20.ndjson.zst
 *
 * The name has the partition and the first offset, so that names in order are the log's order; the
 * day is that of the first record, so all of it follows from the log. A topic's bytes other than
 * A-Z a-z 0-9 . _ - stand percent-encoded. */
#ifndef DRV_S3_S3_KEY_H
#define DRV_S3_S3_KEY_H

#include <stdbool.h>

#include "io/pack.h"

enum { S3_OFFSET_DIGITS = 20 };

/* What a name of an object of records says. */
struct s3_name {
	struct buf topic; /* decoded */
	int32_t partition;
	int64_t from;
	enum pack_kind kind;
};

/* "2026/11/27"; POS_NONE, or a time that no calendar of four digits has: "undated". */
void s3_key_day(int64_t us, struct buf *out);
/* The topic as it stands in names. */
void s3_key_topic(struct slice topic, struct buf *out);
/* TOPIC.PARTITION.FROM20, without what stands before and behind it. */
void s3_key_place(struct slice topic, int32_t partition, int64_t from, struct buf *out);
const char *s3_key_suffix(enum pack_kind kind); /* ".ndjson.zst" */

/* Of a whole key, the last part of which counts. False: it is none of ours; name is as it was. */
bool s3_key_read(struct slice key, struct s3_name *name);

/* Of a whole key: does it end as those of --each do, YYYY/MM/DD/NAME.json or undated/NAME.json? */
bool s3_key_is_each(struct slice key);

/* Offsets of records that are not simply from, from + 1, ..: pairs of (skipped, so many in a row),
 * as varints of 7 bits, the lowest first. A writer is fed each record's offset in order. */
struct s3_offsets {
	int64_t next;       /* which offset follows without a skip */
	uint64_t skip, row; /* of the pair that is open */
};
void s3_offsets_add(struct s3_offsets *o, int64_t offset, struct buf *out);
/* Ends the pair that is open: pairs of a part end with it. */
void s3_offsets_cut(struct s3_offsets *o, struct buf *out);
/* The next record's offset out of *pairs, from which it takes. False: there is none, or it is
 * damaged. o as the writer had it at its begin. */
bool s3_offsets_next(struct s3_offsets *o, struct slice *pairs, int64_t *offset);

#endif
