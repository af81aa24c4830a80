/* Offsets and positions: what a sink keeps of a job, beside its rows.
 *
 * A range [from, to) of one partition holds the offsets that an epoch covers. Offsets count
 * records in a Kafka partition and bytes of the decompressed stream in a file (partition 0,
 * topic = the file's identity). */
#ifndef PROTO_POS_H
#define PROTO_POS_H

#include <stdbool.h>
#include <stdint.h>
#include "proto/partition_index.h"

#define POS_NONE INT64_MIN /* no watermark, no time */

/* The last record below a position: lets a source see on resume that the log is still the one it
 * was. */
struct pos_last {
	int64_t offset; /* -1: none */
	int64_t time_us;
	uint64_t hash; /* hash_64 of its bytes */
};

struct range {
	/* owned by the set that holds the range; this and the next as struct partition has them */
	char *topic;
	int32_t partition;
	int64_t from, to;
	struct pos_last last; /* offset -1 where the range holds no record */
	/* highest event time read from the range, POS_NONE; filled in by sinks from the account */
	int64_t watermark_us;
	bool idle; /* `to` is the log's end */
};

struct position {
	char *topic;
	int32_t partition;
	int64_t init, next;
	struct pos_last last;
	int64_t watermark_us;
	bool idle;
};

/* Entries are added and sorted by the functions below only: they are found by hash. */
struct ranges {
	struct range *v;
	size_t n, cap;
	struct partition_index index;
};
struct positions {
	struct position *v;
	size_t n, cap;
	struct partition_index index;
};

void ranges_fini(struct ranges *s);
/* Adds an entry for the partition: from = to = 0, last.offset -1, times POS_NONE. Pointers hold
 * until the next add or sort. */
struct range *ranges_add(struct ranges *s, struct slice topic, int32_t partition);
struct range *ranges_find(const struct ranges *s, struct slice topic, int32_t partition);
/* By the topic's bytes, then by number. */
void ranges_sort(struct ranges *s);
void positions_fini(struct positions *s);
/* likewise */
struct position *positions_add(struct positions *s, struct slice topic, int32_t partition);
struct position *positions_find(const struct positions *s, struct slice topic, int32_t partition);
void positions_sort(struct positions *s);
/* The watermark that windows are final by: the lowest of the partitions that are not idle; the
 * highest of all where every one is. POS_NONE: one that is not idle has none, or none has one. */
int64_t positions_mark(const struct positions *s);

#endif
