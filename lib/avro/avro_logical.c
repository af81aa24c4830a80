#include "avro/avro_internal.h"

static const struct avro_logical_row {
	const char *name;
	enum avro_kind kind;
	uint32_t size; /* of a fixed, 0: any */
} rows[] = {
	[AVRO_DECIMAL] = { "decimal", AVRO_BYTES, 0 },
	[AVRO_DATE] = { "date", AVRO_INT, 0 },
	[AVRO_TIME_MILLIS] = { "time-millis", AVRO_INT, 0 },
	[AVRO_TIME_MICROS] = { "time-micros", AVRO_LONG, 0 },
	[AVRO_TIMESTAMP_MILLIS] = { "timestamp-millis", AVRO_LONG, 0 },
	[AVRO_TIMESTAMP_MICROS] = { "timestamp-micros", AVRO_LONG, 0 },
	[AVRO_TIMESTAMP_NANOS] = { "timestamp-nanos", AVRO_LONG, 0 },
	[AVRO_LOCAL_MILLIS] = { "local-timestamp-millis", AVRO_LONG, 0 },
	[AVRO_LOCAL_MICROS] = { "local-timestamp-micros", AVRO_LONG, 0 },
	[AVRO_LOCAL_NANOS] = { "local-timestamp-nanos", AVRO_LONG, 0 },
	[AVRO_UUID] = { "uuid", AVRO_STRING, 16 },
	[AVRO_DURATION] = { "duration", AVRO_FIXED, 12 },
};

const char *avro_logical_name(enum avro_logical logical)
{
	return logical == AVRO_PLAIN ? "no logical type" : rows[logical].name;
}

/* Digits that every number of so many bytes in two's complement can have: log10(2) of its bits. */
static uint64_t digits_of(uint64_t bytes)
{
	return bytes == 0 ? 0 : (8 * bytes - 1) * 30103 / 100000;
}

static bool holds_decimal(const struct json *json, uint32_t at, struct avro_type *type)
{
	uint64_t precision, scale = 0;
	uint64_t most = type->kind == AVRO_FIXED ? digits_of(type->size) : AVRO_DIGITS;

	if (json_get(json, at, "scale") && !json_get_u64(json, at, "scale", &scale))
		return false;
	if (!json_get_u64(json, at, "precision", &precision) || precision == 0 ||
	    precision > most || precision > AVRO_DIGITS || scale > precision)
		return false;
	if (type->kind == AVRO_FIXED && type->size > AVRO_DECIMAL_BYTES)
		return false;
	type->precision = (uint32_t)precision;
	type->scale = (uint32_t)scale;
	return true;
}

static bool holds(enum avro_logical logical, const struct json *json, uint32_t at,
		  struct avro_type *type)
{
	const struct avro_logical_row *row = &rows[logical];

	if (logical == AVRO_DECIMAL)
		return (type->kind == AVRO_BYTES || type->kind == AVRO_FIXED) &&
		       holds_decimal(json, at, type);
	if (type->kind == AVRO_FIXED)
		return row->size > 0 && row->size == type->size;
	return row->kind == type->kind;
}

void avro_logical_of(const struct json *json, uint32_t at, struct avro_type *type)
{
	uint32_t name = json_get(json, at, "logicalType");

	for (size_t i = AVRO_PLAIN + 1; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_is(json, name, slice_z(rows[i].name)) && holds(i, json, at, type))
			type->logical = (enum avro_logical)i;
}
