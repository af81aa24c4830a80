/* Inside of track: track.c (rows, windows), track_state.c (what is stored of it). */
#ifndef TREND_TRACK_INTERNAL_H
#define TREND_TRACK_INTERNAL_H

#include "trend/track.h"

struct track {
	const struct trend_rule *rule;
	struct track_calls calls;
	int64_t length_us; /* 0: no row has come yet */
	int64_t next_us;   /* the first window that is not known to be complete */
	bool has_empty, empty_has_value;
	double empty;
	struct series *series; /* in the order in which they began */
	size_t n, cap;
	uint32_t *slot; /* by hash: index + 1, 0: free; at most half full */
	size_t slots;
};

/* A series without a window. dims is copied. */
struct series *track_add(struct track *t, const uint8_t hash[16], struct slice dims);

#endif
