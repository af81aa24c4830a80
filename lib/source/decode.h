/* --decode: values of a topic that are framed for a registry of schemas become lines of JSON.
 *
 * A header __value_schema_id says the schema, else the first five bytes of the value do
 * (avro/avro_wire.h).
 *   avro       The registry is asked once for each schema; the record is read as its writer wrote
 *              it, or as a reader's schema wants it (--schema).
 *   json       What stands behind the five bytes is the line, and no registry is asked.
 *   registry   The one or the other, as the registry says of the schema.
 * A record that cannot be read is a dead letter, and the reason says why; a registry that is away
 * or slow is waited for. Keys and headers are left as they are. */
#ifndef SOURCE_DECODE_H
#define SOURCE_DECODE_H

#include "avro/avro_wire.h"
#include "source/input.h"
#include "tool/registry.h"

enum decode_as { DECODE_NONE, DECODE_AVRO, DECODE_JSON, DECODE_REGISTRY };

struct decode_conf {
	enum decode_as as;  /* DECODE_NONE, DECODE_JSON: nothing else of this counts */
	const char *schema; /* --schema: latest, an id or a file; NULL: none */
	struct registry_conf registry;
	const struct registry_ops *ops;
};

struct decode;

/* Asks nothing yet. EX_USAGE, EX_CONFIG: the registry's URL, or a file that holds no schema of
 * Avro. */
struct decode *decode_new(const struct decode_conf *conf, struct loop *loop, struct err *err);
void decode_free(struct decode *d); /* NULL is fine */
/* (waits) Gets the reader's schema, where --schema names one: for `latest` the newest of subject
 * TOPIC-value, of each topic. EX_CONFIG: there is none such. */
int decode_begin(struct decode *d, const char *const *topics, size_t n, struct err *err);

/* How many of the records v[0..n) have all that decode_line needs: 0 means to turn the loop and to
 * ask again. -1: errors of the registry (registry.h). */
int decode_ready(struct decode *d, const struct input *log, const struct partition *part,
		 const struct input_record *v, size_t n, size_t *ready, struct err *err);
/* The line of a record that is ready, with at most that many bytes: it points into the record, or
 * into the scratch, which is overwritten. x: of the record. -1: there is none, *why says why until
 * the next call. */
int decode_line(struct decode *d, const struct partition *part, const struct input_record *r,
		const struct input_extra *x, size_t most_bytes, struct buf *scratch,
		struct slice *line, const char **why);

/* --decode json: decode_take_frame takes what nearly all values are. */
bool decode_is_json(const struct decode *d);

/* Takes the five bytes off a value that has them and an object of JSON behind them. False: it is
 * anything else, for decode_line to judge. No JSON begins with a byte 0, so no header is needed to
 * tell. */
static inline bool decode_take_frame(struct slice *value)
{
	if (value->n <= AVRO_WIRE_BYTES || value->p[0] != 0 || value->p[AVRO_WIRE_BYTES] != '{')
		return false;
	*value = slice(value->p + AVRO_WIRE_BYTES, value->n - AVRO_WIRE_BYTES);
	return true;
}

#endif
