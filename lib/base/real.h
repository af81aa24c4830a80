/* Doubles as text that reads back as the same double. */
#ifndef BASE_REAL_H
#define BASE_REAL_H

#include <stddef.h>
#include <stdint.h>

enum { REAL_TEXT_BYTES = 32 };

/* Writes a finite double as printf's %.15g does, or %.16g where 15 digits do not read back, or
 * %.17g where 16 do not; returns the length. No NUL stands behind it. */
size_t real_text(double v, char out[REAL_TEXT_BYTES]);

/* 10^0 and on. */
enum { REAL_TENS = 19 };
extern const uint64_t real_tens[REAL_TENS];

#endif
