/* What an endpoint takes: the forms of its body, the members that its events must have, and for a
 * typed one a schema. A route belongs to one thread. */
#ifndef INTAKE_ROUTE_H
#define INTAKE_ROUTE_H

#include "base/err.h"
#include "intake/cut.h"
#include "scan/scan.h"
#include "schema/schema.h"

/* Members of an event that mean something to the intake. The order is that of the fields in a
 * scanned row. */
enum intake_member {
	INTAKE_TOPIC,
	INTAKE_EVENT_ID,
	INTAKE_EVENT_TYPE,
	INTAKE_USER_ID,
	INTAKE_SOURCE,
	INTAKE_TEXTS, /* those before are strings of 1 to 256 bytes */
	INTAKE_TIMESTAMP = INTAKE_TEXTS,
	INTAKE_PAYLOAD,
	INTAKE_RESERVED, /* from here on: what a client must not send */
	INTAKE_RECEIVED_AT = INTAKE_RESERVED,
	INTAKE_DEAD,
	INTAKE_CONTROL,
	INTAKE_LOG,
	INTAKE_REQUEST,
	INTAKE_TOTAL, /* what x-total names */
	INTAKE_OWN,   /* what x-id names */
	INTAKE_MEMBERS
};

enum { INTAKE_TEXT_BYTES = 256 };

/* What a route is made from. */
struct intake_route_conf {
	const char *path;  /* "/events" */
	const char *topic; /* stamped where an event has none; 1 to 256 bytes of UTF-8 */
	unsigned forms;    /* cut.h, for JSON; lines are a matter of the content type */
	unsigned required; /* a set of members, 1 << INTAKE_USER_ID .. */
	bool typed;        /* the topic is the route's: a client's own is refused */
	/* NULL: none; the file is one of the set. Borrowed. */
	const struct schema_set *schemas;
	int schema;
	struct slice own_id;        /* the schema's x-id; n 0: none */
	const struct total *totals; /* its x-total (total.h), NULL: none; borrowed */
};

struct intake_route {
	struct intake_route_conf conf;
	struct scan *scan;                /* rows: the members, then what the schema asks for */
	struct schema_check *check;       /* NULL: there is no schema */
	struct schema_scan *quick;        /* NULL: it has no quick way */
	const char *name[INTAKE_MEMBERS]; /* "topic"; NULL for an x-id and total that are not */
	struct buf own, total;            /* the names of the last two, with a NUL behind */
};

/* /events, /ingest, /publish; NULL: no such path. */
const struct intake_route_conf *intake_route_builtin(struct slice path);

/* Copies conf, but not what it points to. EX_CONFIG: the schema asks for too much, or the topic is
 * no good. */
struct intake_route *intake_route_new(const struct intake_route_conf *conf, struct err *err);
void intake_route_free(struct intake_route *r);

#endif
