/* All numbers are read as a dec and multiplied by their unit: "1.5s" and "0.1k" are exact, and a
 * number that is not a whole one in the smallest unit is refused. A double would round first. */
#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/dec.h"

static const int64_t NANO = 1000000000; /* units of dec in 1 */

static size_t span(const char *p, const char *accept)
{
	return strspn(p, accept);
}

/* Reads the number in p[0..n), leading zeros allowed, times unit: a whole number from 0 to max.
 * False if it is none. */
static bool is_whole(const char *p, size_t n, int64_t unit, uint64_t max, uint64_t *out)
{
	dec v;
	while (n > 1 && p[0] == '0' && p[1] >= '0' && p[1] <= '9') {
		p++;
		n--;
	}
	if (dec_parse(slice(p, n), &v) != DEC_OK || v < 0 ||
	    __builtin_mul_overflow(v, (dec)unit, &v) || v % NANO != 0)
		return false;
	v /= NANO;
	if (v > (dec)max)
		return false;
	*out = (uint64_t)v;
	return true;
}

/* Length of a number with an optional exponent at p. */
static size_t number_length(const char *p)
{
	size_t n = span(p, "0123456789.");
	if (n > 0 && (p[n] == 'e' || p[n] == 'E')) {
		size_t sign = p[n + 1] == '+' || p[n + 1] == '-',
		       digits = span(p + n + 1 + sign, "0123456789");
		n += digits ? 1 + sign + digits : 0;
	}
	return n;
}

/* base to the power of the place of c in "kmgt", either case; 0 if it is not there. */
static int64_t multiple(char c, int64_t base)
{
	const char *found = c ? strchr("kmgt", c | 0x20) : NULL;
	if (!found || !*found)
		return 0;
	int64_t unit = base;
	for (const char *p = "kmgt"; p < found; p++)
		unit *= base;
	return unit;
}

int num_count(const char *text, uint64_t *out, struct err *err)
{
	size_t n = number_length(text);
	int64_t unit = text[n] ? (text[n + 1] ? 0 : multiple(text[n], 1000)) : 1;
	if (unit && is_whole(text, n, unit, UINT64_MAX, out))
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" is not a count (12, 64k, 2M, 1e6)", text);
}

/* The unit after a number of bytes, 0 if it is none: nothing, B, k, kB, kiB and so on, either
 * case. */
static int64_t bytes_unit(const char *p)
{
	if (!*p || strcasecmp(p, "b") == 0)
		return 1;
	int64_t unit = multiple(*p, 1024);
	p++;
	return unit && (!*p || strcasecmp(p, "b") == 0 || strcasecmp(p, "ib") == 0) ? unit : 0;
}

int num_bytes(const char *text, uint64_t *out, struct err *err)
{
	size_t n = number_length(text);
	int64_t unit = bytes_unit(text + n);
	if (unit && is_whole(text, n, unit, UINT64_MAX, out))
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" is not a number of bytes (512, 64k, 1MiB)", text);
}

/* Largest first: compound durations name them in this order. */
static const struct unit {
	const char *name;
	int64_t us;
} units[] = {
	{ "d", 86400000000 }, { "h", 3600000000 }, { "m", 60000000 },
	{ "s", 1000000 },     { "ms", 1000 },      { "us", 1 },
};
enum { UNITS = sizeof(units) / sizeof(*units) };

static bool duration(const char *p, int64_t *us)
{
	uint64_t sum = 0;
	size_t next = 0;
	if (strcmp(p, "0") == 0) {
		*us = 0;
		return true;
	}
	do {
		size_t n = span(p, "0123456789."), name = span(p + n, "dhmsu");
		uint64_t v;
		while (next < UNITS && !slice_is(slice(p + n, name), units[next].name))
			next++;
		if (next == UNITS || !is_whole(p, n, units[next].us, INT64_MAX, &v) ||
		    (sum += v) > INT64_MAX)
			return false;
		next++;
		p += n + name;
	} while (*p);
	*us = (int64_t)sum;
	return true;
}

int num_duration(const char *text, int64_t *us, struct err *err)
{
	if (duration(text, us))
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" is not a duration (10ms, 30s, 5m, 2h, 7d)", text);
}

/* A finite decimal number in p[0..n), with nothing but it there: neither hexadecimal nor "nan",
 * which strtod takes. */
static bool real(const char *p, size_t n, double *out)
{
	char *end;
	if (n == 0 || span(p, "+-.0123456789eE") < n)
		return false;
	double v = strtod(p, &end);
	if (end != p + n || !isfinite(v))
		return false;
	*out = v;
	return true;
}

int num_probability(const char *text, double *out, struct err *err)
{
	size_t n = strlen(text);
	bool percent = n > 0 && text[n - 1] == '%';
	double v;
	if (!real(text, n - percent, &v) || v < 0 || v > (percent ? 100 : 1))
		return err_set(err, EX_USAGE,
			       "\"%s\" is not a probability (0.2, 20%%; from 0 to 1)", text);
	*out = percent ? v / 100 : v;
	return 0;
}

int num_real(const char *text, double *out, struct err *err)
{
	if (real(text, strlen(text), out))
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" is not a number (2, 0.5, 1e-3)", text);
}

int num_duration_text(int64_t us, char out[32])
{
	uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
	size_t i = 0;
	while (i + 1 < UNITS && size % (uint64_t)units[i].us)
		i++;
	if (us == 0)
		i = 3;
	return snprintf(out, 32, "%s%llu%s", us < 0 ? "-" : "",
			(unsigned long long)(size / (uint64_t)units[i].us), units[i].name);
}
