/* Typed endpoints: --route PATH=TOPIC:SCHEMA. An event is one object that is valid by the schema
 * (JSON Schema 2020-12, schema/schema.h; formats are assertions) and becomes a record of the topic,
 * which is the route's: a client's own `topic` is refused.
 *
 * Two words beside the specification's:
 *   "x-id": NAME      that member is the event's id; it is made (and told) where it is missing,
 *                     and stamped as event_id too, which a client then must not send
 *   "x-total": {NAME: "ARRAY[].A*B"}   a member that is computed (total.h); not the client's to
 *                     send */
#ifndef INTAKE_TYPED_H
#define INTAKE_TYPED_H

#include "intake/route.h"

/* What stands in the option; slices of its text. */
struct typed_spec {
	struct slice path, topic, schema;
};

/* EX_USAGE with what is wrong. */
int typed_spec_parse(const char *text, struct typed_spec *out, struct err *err);

struct typed;

/* text: the schema's, read from `name`, which messages begin with. EX_CONFIG: no schema, or its x-
 * words are wrong. */
struct typed *typed_new(const struct typed_spec *spec, const char *name, struct slice text,
			struct err *err);
void typed_free(struct typed *t);

/* Lives as long as t. */
struct intake_route *typed_route(const struct typed *t);
/* The schema's text, as it was read: for OpenAPI. */
struct slice typed_schema(const struct typed *t);

#endif
