/* --decode: values of a topic that are framed for a registry of schemas become lines of JSON.
 *
 * A header __value_schema_id says the schema, else the first five bytes of the value do
 * (avro/avro_wire.h). The registry is asked once for each schema; the record is read as its writer
 * wrote it, or as a reader's schema wants it (--schema). A record that cannot be read is a dead
 * letter, and the reason says why; a registry that is away or slow is waited for. Keys and headers
 * are left as they are. */
#ifndef SOURCE_DECODE_H
#define SOURCE_DECODE_H

#include "source/input.h"
#include "tool/registry.h"

struct decode_conf {
	bool avro;          /* --decode avro; else nothing else of this counts */
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
/* Appends the line of a record that is ready, with at most that many bytes. x: of the record. -1:
 * there is none, *why says why until the next call; nothing is added. */
int decode_line(struct decode *d, const struct partition *part, const struct input_record *r,
		const struct input_extra *x, size_t most_bytes, struct buf *out, const char **why);

#endif
