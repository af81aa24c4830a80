/* The counters of all stages: a line each, and nowhere else. From it come the enum, the names in
 * --json, in the manual and in Prometheus, and its TYPE and HELP. The order is that of the
 * counters page, whose readers know offsets: a new counter is a new last line.
 *
 *   COUNTER(NAME, "name", KIND, "help")     KIND: SUM grows only; NOW is the state of the moment
 * A name that ends in _us is in microseconds; Prometheus has it in seconds. */
#ifndef TOOL_COUNTER_LIST_H
#define TOOL_COUNTER_LIST_H

#define COUNTER_LIST(COUNTER)                                                                      \
	COUNTER(RECORDS_IN, "records_in", SUM, "records that came in")                             \
	COUNTER(RECORDS_OUT, "records_out", SUM, "records that were passed on")                    \
	COUNTER(BYTES_IN, "bytes_in", SUM, "bytes of records and rows that came in")               \
	COUNTER(BYTES_OUT, "bytes_out", SUM, "bytes of records and rows that were passed on")      \
	COUNTER(ROWS_IN, "rows_in", SUM, "rollup rows that came in")                               \
	COUNTER(ROWS_OUT, "rows_out", SUM, "rollup rows that were written")                        \
	COUNTER(AGGREGATED, "aggregated", SUM, "records that were counted into groups")            \
	COUNTER(FILTERED, "filtered", SUM, "records that were left out on purpose")                \
	COUNTER(LATE, "late", SUM, "records that came after their window closed")                  \
	COUNTER(DUPLICATE, "duplicate", SUM, "records that were there before")                     \
	COUNTER(DEAD, "dead", SUM, "bad records")                                                  \
	COUNTER(LOST, "lost", SUM, "records that were gone before they were read")                 \
	COUNTER(ROUNDED, "rounded", SUM, "values of more than nine decimals")                      \
	COUNTER(EXPIRED, "expired", SUM, "rows past their time to live, not written")              \
	COUNTER(EPOCHS_OUT, "epochs_out", SUM, "epochs that were sent")                            \
	COUNTER(EPOCHS_ACKED, "epochs_acked", SUM, "epochs that were acknowledged or passed on")   \
	COUNTER(EPOCHS_IN_FLIGHT, "epochs_in_flight", NOW,                                         \
		"epochs that wait for an acknowledgement")                                         \
	COUNTER(BLOCKED_IN_US, "blocked_in_us", SUM, "time spent waiting for input")               \
	COUNTER(BLOCKED_OUT_US, "blocked_out_us", SUM, "time spent waiting for the reader")        \
	COUNTER(STORE_US, "store_us", SUM, "time spent in calls of the store")                     \
	COUNTER(RETRIES, "retries", SUM, "calls of the store that were made again")                \
	COUNTER(LAG_RECORDS, "lag_records", NOW,                                                   \
		"records between the stored positions and the end of the log")                     \
	COUNTER(LAG_US, "lag_us", NOW, "age of the oldest record that is not stored")              \
	COUNTER(WATERMARK_US, "watermark_us", NOW, "highest event time")                           \
	COUNTER(GROUPS, "groups", NOW, "groups that are held")                                     \
	COUNTER(PARTITIONS, "partitions", NOW, "partitions that are read")                         \
	COUNTER(LAST_ACK_US, "last_ack_us", NOW,                                                   \
		"when an epoch was last acknowledged or passed on")                                \
	COUNTER(AHEAD, "ahead", SUM, "events too far ahead to move a watermark")                   \
	COUNTER(TIMES_TWICE, "times_twice", SUM,                                                   \
		"local times that came twice, taken for the first")                                \
	COUNTER(TIMES_SKIPPED, "times_skipped", SUM, "local times that never were, moved forward") \
	COUNTER(RECORDS_DIRECT, "records_direct", SUM,                                             \
		"records that were read past a client library, by the fast path")                  \
	COUNTER(LATE_AFTER_FINAL, "late_after_final", SUM,                                         \
		"deltas for windows that were final before, and may have been read as such")       \
	COUNTER(PARTLY, "partly", SUM, "records that one metric counted and another refused")      \
	COUNTER(DIMS_CUT, "dims_cut", SUM, "keys with a dimension that was cut, as its rule says") \
	COUNTER(KEYS, "keys", NOW, "keys of unique records that are held")                         \
	COUNTER(FORGOTTEN, "forgotten", SUM, "keys that were dropped to make room for others")

#endif
