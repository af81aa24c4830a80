/* A set of partitions: topic and number, without positions (those are pos.h), in the order of
 * their coming. */
#ifndef PROTO_PARTITIONS_H
#define PROTO_PARTITIONS_H

#include "proto/partition_index.h"

struct partition {
	char *topic;
	int32_t partition;
};
/* {0} is empty; owns the topics */
struct partitions {
	struct partition *v;
	size_t n, cap;
	struct partition_index index;
};

void partitions_fini(struct partitions *p);

/* The entry of that partition, made where it is not there yet. Pointers hold until the next add. */
struct partition *partitions_add(struct partitions *p, struct slice topic, int32_t partition);
/* NULL: it is not there. */
struct partition *partitions_find(const struct partitions *p, struct slice topic, int32_t number);

#endif
