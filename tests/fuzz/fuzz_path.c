/* Field paths: the canonical form of a path reads back as the same path, and is its own
 * canonical form. */
#include "fuzz.h"

#include "json/path.h"

static void check(const struct path *p)
{
	struct buf canonical = { 0 }, again = { 0 };
	struct path q;
	size_t joined = p->n - 1;
	MUST(p->n >= 1 && p->n <= PATH_STEPS);
	for (unsigned i = 0; i < p->n; i++)
		joined += p->step[i].n;
	MUST(strlen(p->name) == joined);
	path_canonical(p, &canonical);
	MUST(path_parse(&q, buf_slice(&canonical), NULL) == 0);
	MUST(q.n == p->n && strcmp(q.name, p->name) == 0);
	for (unsigned i = 0; i < p->n; i++)
		MUST(slice_eq(p->step[i], q.step[i]) && str_utf8(p->step[i].p, p->step[i].n));
	path_canonical(&q, &again);
	MUST(slice_eq(buf_slice(&canonical), buf_slice(&again)));
	path_fini(&q);
	buf_fini(&canonical);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct path p;
	struct err err = ERR_INIT;
	if (path_parse(&p, slice((const char *)data, n), &err))
		MUST(err.code == EX_USAGE && err.msg[0] && !p.name && !p.text);
	else
		check(&p);
	path_fini(&p);
	return 0;
}
