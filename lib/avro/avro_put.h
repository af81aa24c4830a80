/* Values of Avro as JSON. Each writes at p and returns where it ends; AVRO_PUT_BYTES of room are
 * enough for all but a decimal, which takes up to AVRO_PUT_DECIMAL. */
#ifndef AVRO_AVRO_PUT_H
#define AVRO_AVRO_PUT_H

#include "avro/avro_internal.h"

enum { AVRO_PUT_BYTES = 64, AVRO_PUT_DECIMAL = 2 * AVRO_DIGITS + 8 };

char *avro_put_i64(char *p, int64_t v);
char *avro_put_float(char *p, float v);
char *avro_put_double(char *p, double v);
/* A date, a time or a timestamp, in quotes; a number where it has no such text. */
char *avro_put_time(char *p, enum avro_logical logical, int64_t v);
/* An integer in two's complement, big-endian, of at most AVRO_DECIMAL_BYTES, with so many of its
 * digits behind the point. */
char *avro_put_decimal(char *p, const uint8_t *bytes, size_t n, uint32_t scale);
char *avro_put_uuid(char *p, const uint8_t *bytes);     /* 16 of them */
char *avro_put_duration(char *p, const uint8_t *bytes); /* 12 */

#endif
