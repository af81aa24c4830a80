/* What the tests of the hot converters share: fields amid misleading bytes, and columns of them,
 * drawn from one seed. */
#ifndef TESTS_UNIT_VALUE_FIELDS_H
#define TESTS_UNIT_VALUE_FIELDS_H

#include "scan/value_internal.h"

#include <stdlib.h>

#include "scan/scan_internal.h"

#include "random.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A field in the middle of digits and points, so that a converter which looks beyond its ends is
 * caught. */
enum { ROOM = 2 * SCAN_PAD + 256 };

static struct field field_in(char room[ROOM], const char *text, size_t n, enum field_type type)
{
	for (size_t i = 0; i < ROOM; i++)
		room[i] = "0123456789.-eZ:"[below(15)];
	memcpy(room + SCAN_PAD, text, n);
	if (type == FIELD_STRING || type == FIELD_ESCAPED)
		room[SCAN_PAD - 1] = room[SCAN_PAD + n] = '"';
	return (struct field){ room + SCAN_PAD, (uint32_t)n, type };
}

static struct field field_of(const char *text, size_t n, enum field_type type)
{
	static char room[ROOM];
	return field_in(room, text, n, type);
}

enum { WIDTH = 3, COLUMNS = 20000 };

static const struct {
	const char *name;
	struct value_time_sets (*times)(struct value_clock *clock, struct value_column c,
					uint64_t lines, const struct value_when *when, int64_t *us);
	struct value_sets (*decs)(struct value_column c, uint64_t lines, dec *out);
} engines[] = {
	{ "portable", value_times_portable, value_decs_portable },
#ifdef __x86_64__
	{ "avx2", value_times_avx2, value_decs_avx2 },
#endif
};

static bool engine_runs(size_t e)
{
#ifdef __x86_64__
	return e == 0 || scan_has_avx2();
#else
	return e == 0;
#endif
}

/* Fields of 64 lines, WIDTH apart: mostly what make() gives, sometimes other types. */
static struct value_column make_column(unsigned (*make)(char *to), enum field_type type)
{
	static struct field fields[SCAN_BATCH * WIDTH];
	static char room[SCAN_BATCH][ROOM];
	for (unsigned i = 0; i < SCAN_BATCH; i++) {
		char text[80];
		unsigned n = make(text);
		fields[i * WIDTH] = below(16) ? field_in(room[i], text, n, type)
					      : (struct field){ "", 0,
								below(2) ? FIELD_MISSING
									 : FIELD_NULL };
		if (below(16) == 0 && type == FIELD_NUMBER)
			fields[i * WIDTH] = field_in(room[i], text, n, FIELD_STRING);
		else if (below(16) == 0)
			fields[i * WIDTH].type = FIELD_TRUE;
	}
	return (struct value_column){ fields, WIDTH };
}

#endif
