/* Texts of JSON as values of Avro: what avro_put.h writes, and what people write. Each returns
 * NULL, or the reason why the text is no such value. */
#ifndef AVRO_AVRO_TAKE_H
#define AVRO_AVRO_TAKE_H

#include "avro/avro_internal.h"

/* A date, time or timestamp. What is finer than its unit is an error. */
const char *avro_take_time(enum avro_logical logical, struct slice text, int64_t *v);

/* An RFC 8259 number as an integer of 10^-scale in two's complement, big-endian, with the fewest
 * bytes. At most `precision` digits. */
const char *avro_take_decimal(struct slice number, uint32_t precision, uint32_t scale,
			      uint8_t out[AVRO_DECIMAL_BYTES], size_t *n);

/* An RFC 8259 number, or NaN, Infinity, -Infinity, which is not beyond the doubles or floats. */
const char *avro_take_double(struct slice text, double *v);
const char *avro_take_float(struct slice text, float *v);

const char *avro_take_uuid(struct slice text, uint8_t out[16]);
const char *avro_take_duration(struct slice text, uint8_t out[12]);

#endif
