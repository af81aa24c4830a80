/* A test program in TAP: checks, then `return done();`. A failed check tells what it got and
 * where, and the rest goes on. done() prints the plan, so that a test that ended early is seen. */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_checks, tap_failures;

static bool __attribute__((format(printf, 4, 5), unused))
tap_ok(bool pass, const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("%sok %d - ", pass ? "" : "not ", ++tap_checks);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	if (!pass) {
		tap_failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return pass;
}

static bool __attribute__((unused))
tap_is_int(long long got, long long want, const char *file, int line, const char *name)
{
	if (!tap_ok(got == want, file, line, "%s", name))
		printf("#  got %lld\n# want %lld\n", got, want);
	return got == want;
}

static bool __attribute__((unused)) tap_is_bytes(const char *got, size_t n, const char *want,
						 const char *file, int line, const char *name)
{
	bool pass = n == strlen(want) && (n == 0 || memcmp(got, want, n) == 0);
	if (!tap_ok(pass, file, line, "%s", name))
		printf("#  got \"%.*s\"\n# want \"%s\"\n", (int)n, got ? got : "", want);
	return pass;
}

#define ok(cond, ...) tap_ok(cond, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, name) \
	tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, name)
#define is_str(got, want, name) tap_is_bytes(got, strlen(got), want, __FILE__, __LINE__, name)
#define is_bytes(got, n, want, name) tap_is_bytes(got, n, want, __FILE__, __LINE__, name)

static int __attribute__((unused)) done(void)
{
	printf("1..%d\n", tap_checks);
	return tap_failures ? 1 : 0;
}

#endif
