/* How a message says which schema of a registry it was written by: a byte 0 and four bytes of id,
 * big-endian, before the body, or a header of the message that holds 0 and the id, or 1 and the
 * sixteen bytes of a GUID, and no prefix. The same for Avro and JSON Schema. */
#ifndef AVRO_AVRO_WIRE_H
#define AVRO_AVRO_WIRE_H

#include "base/err.h"
#include "base/str.h"

/* The header that goes with a value. */
#define AVRO_WIRE_HEADER "__value_schema_id"

enum { AVRO_WIRE_BYTES = 5, AVRO_GUID_BYTES = 16 };

struct avro_wire {
	bool has_guid; /* else the id */
	uint32_t id;
	uint8_t guid[AVRO_GUID_BYTES];
	struct slice body; /* points into the message */
};

/* header: the value of AVRO_WIRE_HEADER, p NULL where the message has none; it counts before the
 * message. -1: EX_DATAERR, it is in neither form. */
int avro_wire_read(struct slice message, struct slice header, struct avro_wire *out,
		   struct err *err);
/* The body begins as a text of JSON does, and few bodies of Avro do; whoever reads the text judges
 * the rest of it. */
bool avro_wire_begins_json(struct slice body);
/* Appends the prefix. */
void avro_wire_put(struct buf *out, uint32_t id);

#endif
