#include "avro/avro_wire.h"

static uint32_t wire_id(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int read_header(struct slice header, struct avro_wire *out, struct err *err)
{
	if (header.n == AVRO_WIRE_BYTES && header.p[0] == 0) {
		out->id = wire_id(header.p + 1);
		return 0;
	}
	if (header.n == 1 + AVRO_GUID_BYTES && header.p[0] == 1) {
		out->has_guid = true;
		memcpy(out->guid, header.p + 1, AVRO_GUID_BYTES);
		return 0;
	}
	return err_set(err, EX_DATAERR,
		       "header " AVRO_WIRE_HEADER
		       ": neither 0 and an id (5 bytes) nor 1 and a GUID (17 bytes), but %zu bytes",
		       header.n);
}

int avro_wire_read(struct slice message, struct slice header, struct avro_wire *out,
		   struct err *err)
{
	*out = (struct avro_wire){ .body = message };
	if (header.p)
		return read_header(header, out, err);
	if (message.n < AVRO_WIRE_BYTES || message.p[0] != 0)
		return err_set(err, EX_DATAERR,
			       "no schema id: the message begins neither with a byte 0 and four of "
			       "an id, nor has it a header " AVRO_WIRE_HEADER);
	out->id = wire_id(message.p + 1);
	out->body = slice(message.p + AVRO_WIRE_BYTES, message.n - AVRO_WIRE_BYTES);
	return 0;
}

bool avro_wire_begins_json(struct slice body)
{
	static const char blank[] = { ' ', '\t', '\r', '\n' };
	static const char first[] = { '{', '[', '"', '-', 't', 'f', 'n' };

	while (body.n && memchr(blank, *body.p, sizeof(blank)))
		body = slice(body.p + 1, body.n - 1);
	return body.n &&
	       (memchr(first, *body.p, sizeof(first)) || (unsigned char)(*body.p - '0') < 10);
}

void avro_wire_put(struct buf *out, uint32_t id)
{
	const uint8_t prefix[AVRO_WIRE_BYTES] = { 0, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
						  (uint8_t)(id >> 8), (uint8_t)id };

	buf_add(out, prefix, sizeof(prefix));
}
