/* What the tests of the scanner share: its engines, and blocks with treacherous padding. */
#ifndef TESTS_UNIT_SCAN_ENGINES_H
#define TESTS_UNIT_SCAN_ENGINES_H

#include "scan/scan.h"

#include <stdlib.h>

#include "base/mem.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct engine {
	const char *name;
	enum scan_engine engine;
	bool learn;
} engines[] = {
	{ "portable", SCAN_PORTABLE, false }, { "portable, learned", SCAN_PORTABLE, true },
	{ "avx2", SCAN_AVX2, false },         { "avx2, learned", SCAN_AVX2, true },
	{ "auto", SCAN_AUTO, true },
};

/* The block in an allocation of its own, at that offset, whose padding looks like the middle of
 * a line. */
static char *padded(const struct buf *b, size_t off)
{
	static const char filling[] = "{\"a\":1,\\\xc3\xa9\n}";
	char *room = malloc(off + b->n + 2 * SCAN_PAD), *p = room + off;
	for (size_t i = 0; i < SCAN_PAD; i++) {
		p[i] = filling[(i * 7 + off) % (sizeof filling - 1)];
		p[SCAN_PAD + b->n + i] = filling[(i * 5 + b->n) % (sizeof filling - 1)];
	}
	memcpy(p + SCAN_PAD, b->p, b->n);
	return room;
}

static inline struct path *paths_of(const char *const *text, size_t n)
{
	struct path *paths = mem_array(n, sizeof *paths);
	for (size_t i = 0; i < n; i++)
		if (path_parse(&paths[i], slice_z(text[i]), NULL))
			ok(false, "path %s", text[i]);
	return paths;
}

static void paths_free(struct path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		path_fini(&paths[i]);
	free(paths);
}

#endif
