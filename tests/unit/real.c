/* Against printf and strtod, which are slow and right. */
#include "base/real.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "tap.h"

enum { RANDOM = 200000 };

/* The fewest of 15, 16, 17 digits that read back. */
static void by_printf(double v, char out[REAL_TEXT_BYTES])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, REAL_TEXT_BYTES, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			return;
	}
}

static unsigned differs(double v)
{
	char want[REAL_TEXT_BYTES], got[REAL_TEXT_BYTES];
	size_t n = real_text(v, got);

	by_printf(v, want);
	if (n == strlen(want) && memcmp(got, want, n) == 0)
		return 0;
	printf("#  got %.*s\n# want %s\n", (int)n, got, want);
	return 1;
}

static uint64_t random64(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* All bits; all mantissas at sizes that are common; short decimals; quotients of small numbers. */
static double random_double(unsigned i)
{
	uint64_t r = random64(), bits = r;
	double v;

	if (i % 4 == 1)
		bits = (r & ((1ULL << 52) - 1)) | (1023 - 20 + (r >> 52) % 80) << 52;
	if (i % 4 == 2)
		return (double)(int64_t)(r >> (r & 31) % 60 >> 4) / pow(10, (double)(r % 15));
	if (i % 4 == 3)
		return (double)(r >> 48) / (double)((r & 0xffff) + 1);
	memcpy(&v, &bits, sizeof(v));
	return isfinite(v) ? v : 0;
}

/* Around each power of ten and of two, and halves between digits. */
static void check_edges(void)
{
	unsigned bad = differs(0) + differs(-0.0);

	for (int e = -30; e <= 30; e++) {
		double v = pow(10, e), w = ldexp(1, e * 3),
		       x = ldexp((double)(random64() >> 12), e);

		for (int i = 0; i < 5; i++)
			v = nextafter(v, 0), w = nextafter(w, 0);
		for (int i = 0; i < 10; i++) {
			bad += differs(v) + differs(w) + differs(-v) + differs(x);
			v = nextafter(v, INFINITY);
			w = nextafter(w, INFINITY);
			x = trunc(x) / 2;
		}
	}
	is_int(bad, 0, "around powers of ten and of two, and what ends in halves");
}

int main(void)
{
	unsigned bad = 0;

	check_edges();
	for (unsigned i = 0; i < RANDOM; i++)
		bad += differs(random_double(i));
	is_int(bad, 0, "doubles of all sizes, short ones, quotients");
	return done();
}
