/* What the files of this module share: types of a schema, and the binary form of their defaults. */
#ifndef AVRO_AVRO_INTERNAL_H
#define AVRO_AVRO_INTERNAL_H

#include "avro/avro.h"
#include "base/arena.h"

/* In the order of their names in avro_schema.c; all up to STRING have no parts and no name. */
enum avro_kind {
	AVRO_NULL,
	AVRO_BOOLEAN,
	AVRO_INT,
	AVRO_LONG,
	AVRO_FLOAT,
	AVRO_DOUBLE,
	AVRO_BYTES,
	AVRO_STRING,
	AVRO_RECORD,
	AVRO_ENUM,
	AVRO_ARRAY,
	AVRO_MAP,
	AVRO_FIXED,
	AVRO_UNION,
};

/* In the order of their names in avro_logical.c. */
enum avro_logical {
	AVRO_PLAIN,
	AVRO_DECIMAL,
	AVRO_DATE,
	AVRO_TIME_MILLIS,
	AVRO_TIME_MICROS,
	AVRO_TIMESTAMP_MILLIS,
	AVRO_TIMESTAMP_MICROS,
	AVRO_TIMESTAMP_NANOS,
	AVRO_LOCAL_MILLIS,
	AVRO_LOCAL_MICROS,
	AVRO_LOCAL_NANOS,
	AVRO_UUID,
	AVRO_DURATION,
};

/* Where a default stands: `at` of a text of the schema; json is NULL where there is none. */
struct avro_default {
	const struct json *json;
	uint32_t at;
};

struct avro_names {
	const char **name;
	size_t n;
};

struct avro_field {
	const char *name;
	struct avro_names aliases;
	const struct avro_type *type;
	struct avro_default value;
};

struct avro_type {
	enum avro_kind kind;
	enum avro_logical logical;
	uint32_t size;             /* fixed: bytes */
	uint32_t precision, scale; /* decimal */
	const char *name; /* with its namespace; of a type without a name that of its kind */
	struct avro_names aliases; /* with their namespaces */
	size_t n;                  /* fields, symbols or branches */
	struct avro_field *field;
	const char **symbol;
	size_t symbol_default; /* n: none */
	const struct avro_type **branch;
	const struct avro_type *items; /* array, map */
};

struct avro_schema {
	struct arena arena;
	const struct avro_type *root;
	struct avro_type **named;
	size_t n_named, cap_named;
	struct json **texts; /* what defaults point into */
	size_t n_texts, cap_texts;
};

static inline bool avro_is_named(const struct avro_type *type)
{
	return type->kind == AVRO_RECORD || type->kind == AVRO_ENUM || type->kind == AVRO_FIXED;
}

/* Behind the last dot. */
const char *avro_short(const char *name);
/* Sets logical, precision and scale from the attributes of object `at`, where they hold. */
void avro_logical_of(const struct json *json, uint32_t at, struct avro_type *type);
const char *avro_logical_name(enum avro_logical logical);

/* Appends the binary form of a field's default: bytes and fixed as code points up to 255, logical
 * types as their base values, of a union the first branch that holds it. -1: EX_CONFIG. */
int avro_encode_default(const struct avro_field *field, struct buf *out, struct err *err);

#endif
