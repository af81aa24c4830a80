/* Checked numbers of the command line: one function each, units included. All return 0 / -1 with
 * a message that repeats the text ("\"10x\" is not a duration (10ms, 30s, 5m, 2h, 7d)"); code
 * EX_USAGE. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>
#include "base/err.h"

/* 12, 64k, 2M, 1e6: k M G T are powers of 1000 */
int num_count(const char *text, uint64_t *out, struct err *err);
/* 512, 64k, 1MiB, 1m: powers of 1024 */
int num_bytes(const char *text, uint64_t *out, struct err *err);
/* 250us 10ms 1s 1.5s 5m 2h 7d, 1h30m; a unit is required except for 0 */
int num_duration(const char *text, int64_t *us, struct err *err);
int num_probability(const char *text, double *out, struct err *err); /* 0..1, or 20% */
int num_real(const char *text, double *out, struct err *err);        /* finite */

/* Bytes written (no NUL). The exact inverse in the largest unit that divides: 60000000 -> "1m",
 * 0 -> "0s". */
int num_duration_text(int64_t us, char out[32]);

#endif
