/* Numbers of JSON of any size and precision, compared exactly. All texts are RFC 8259 numbers that
 * a reader of ours has accepted. */
#ifndef SCHEMA_NUMBER_H
#define SCHEMA_NUMBER_H

#include "base/str.h"

/* -1, 0, 1. -0 equals 0, 1.0 equals 1 and 10e-1. */
int number_cmp(struct slice a, struct slice b);

/* 1, 1.0 and 1e3 are integers. */
bool number_is_integer(struct slice number);

/* A divisor, without the powers of ten that are in it: digits x 10^low. */
struct number_divisor {
	uint64_t digits;
	int64_t low;
};

/* False: not above zero, or more than 18 significant digits. */
bool number_divisor(struct slice number, struct number_divisor *out);

/* Whether the number is an integer times the divisor. */
bool number_is_multiple(struct slice number, const struct number_divisor *divisor);

#endif
