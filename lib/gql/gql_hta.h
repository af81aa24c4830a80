/* The schema of events, rollups and metrics, and the objects that its calls give. A slice of p NULL
 * is null. All is lent for one gql_run_row. The calls:
 *
 *	latestEvents(limit, before)                       struct gql_event
 *	eventsByType(eventType, limit, before)            struct gql_event; eventType null: latest
 *	eventsByUser(userId, limit, before)               struct gql_event; userId null: latest
 *	event(eventId)                                    struct gql_event, at most one
 *	metrics                                           struct gql_metric
 *	rollups(metric, from, to, dims, limit)            struct gql_rollup
 *
 * DateTime arguments are any string here: who fetches judges them. */
#ifndef GQL_GQL_HTA_H
#define GQL_GQL_HTA_H

#include "gql/gql_schema.h"

struct gql_event {
	struct slice event_id, event_type, user_id, topic, source, timestamp, received_at;
	struct slice payload; /* JSON */
};

struct gql_metric {
	struct slice name, job, window, since;
	const struct slice *dims;
	size_t n_dims;
};

struct gql_rollup {
	struct slice metric, window_start, window_end;
	struct slice dims;               /* JSON */
	struct slice count, uniques;     /* JSON numbers */
	struct slice sum, min, max, avg; /* decimals, given as strings */
	bool final;
};

extern const struct gql_schema gql_hta;

#endif
