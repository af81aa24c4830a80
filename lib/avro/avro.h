/* Avro (specification 1.12): records in its binary form to lines of JSON, and back.
 *
 * A schema is parsed once, a pair of schemas (that of the writer of a record, that of its reader)
 * is resolved once into a program, and a program turns any number of records into JSON. Nothing
 * here reads a file or a network: who wants a schema hands its text in, and before it the texts of
 * the schemas that it refers to.
 *
 * How a value stands in JSON:
 *   null, boolean, int, long   null, true, false, a number with all its digits
 *   float, double              the fewest digits that read back; "NaN", "Infinity", "-Infinity"
 *   string, enum               a string; a string must be UTF-8
 *   bytes, fixed               a string of base64 (RFC 4648 section 4, padded)
 *   array, map, record         an array, an object, an object
 *   union                      the value of its branch, without the name of the branch
 *   decimal                    a number with all its digits and as many decimals as its scale
 *   date                       "2026-11-20"
 *   time-millis, time-micros   "15:04:05", with 3 or 6 decimals if need be
 *   timestamp-*                RFC 3339 in UTC with the fewest of 0, 3, 6, 9 decimals
 *   local-timestamp-*          the same without a Z
 *   uuid                       "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
 *   duration                   "P1M2DT3.004S": months, days, seconds, whichever is not 0; "PT0S"
 * Dates and timestamps outside of the years 0000 to 9999, and times of no day, have no such text:
 * the number itself is written, so that nothing is lost. A logical type that is unknown, or does
 * not hold for its type, counts for nothing, as the specification wants. */
#ifndef AVRO_AVRO_H
#define AVRO_AVRO_H

#include "base/err.h"
#include "base/str.h"
#include "json/json.h"

/* Bounds: calls, arrays and maps inside of one another in a record; names a schema defines, fields
 * of a record, symbols of an enum and branches of a union; bytes of a decimal and its digits. */
enum { AVRO_DEPTH = 64, AVRO_MANY = 4096, AVRO_DECIMAL_BYTES = 128, AVRO_DIGITS = 308 };

struct avro_schema;

/* Parses a schema. refs: the texts of schemas whose names it may use, those first that others use;
 * a text that stands there twice counts once. Keeps none of the texts. NULL: EX_CONFIG with the
 * place ("record a.Order: field total: ...") and the reason. */
struct avro_schema *avro_schema_new(struct slice text, const struct slice *refs, size_t n_refs,
				    struct err *err);
void avro_schema_free(struct avro_schema *schema);
/* Its values are objects in JSON: it is a record. */
bool avro_schema_is_record(const struct avro_schema *schema);

struct avro_program;

/* What reads records of `writer` as `reader` sees them (NULL: as they were written). Fields come
 * in the order of the writer, those that only the reader has come last, with their defaults. Keeps
 * neither schema, and any number of threads may use it. NULL: EX_CONFIG, no record of the writer
 * can be read so; what only some records have (a branch of a union, a symbol) is an error of
 * avro_decode. Beyond the specification: records need not have the same name; equal logical types
 * are asked for where both sides have one, since milliseconds are not microseconds. */
struct avro_program *avro_program_new(const struct avro_schema *writer,
				      const struct avro_schema *reader, struct err *err);
void avro_program_free(struct avro_program *program);

/* Appends one record as JSON, without a newline. The body is the whole record and nothing else;
 * most_bytes bounds its JSON. -1: EX_DATAERR with position (the first byte is 1), field and reason,
 * and nothing is added. */
int avro_decode(const struct avro_program *program, struct slice body, size_t most_bytes,
		struct buf *out, struct err *err);

/* How avro_encode takes members of an object that its record has no field for. */
enum avro_unknown { AVRO_REFUSE_UNKNOWN, AVRO_DROP_UNKNOWN };

/* Appends value `at` of a JSON text in the binary form of the schema: values as they are told
 * above, base numbers of dates and times too, decimals as a number or a string. A field that is
 * missing takes its default. A union takes the first branch that holds the value without loss, else
 * the first that holds it; {"full.Name": value} names a branch. -1: EX_DATAERR with path and
 * reason, and nothing is added. */
int avro_encode(const struct avro_schema *schema, const struct json *json, uint32_t at,
		enum avro_unknown unknown, struct buf *out, struct err *err);

#endif
