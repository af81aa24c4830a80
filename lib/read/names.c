#include "read/names.h"

#include <stdlib.h>

#include "base/mem.h"

static int names_cmp(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

bool names_has(const struct names *s, struct slice name)
{
	return s->n && bsearch(&name, s->v, s->n, sizeof(*s->v), names_cmp);
}

void names_add(struct names *s, struct slice name)
{
	if (names_has(s, name))
		return;
	s->v = mem_grow(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = arena_copy(&s->arena, name);
	qsort(s->v, s->n, sizeof(*s->v), names_cmp);
}

void names_fini(struct names *s)
{
	arena_fini(&s->arena);
	free(s->v);
	*s = (struct names){ 0 };
}

void names_nearest(const struct names *s, const char *word, struct buf *out)
{
	const char **all = mem_array(s->n + 1, sizeof(*all)), *nearest;

	for (size_t i = 0; i < s->n; i++)
		all[i] = mem_dup(s->v[i].p, s->v[i].n);
	nearest = str_nearest(word, all);
	if (nearest)
		buf_printf(out, " (did you mean \"%s\"?)", nearest);
	for (size_t i = 0; i < s->n; i++)
		free((char *)(uintptr_t)all[i]);
	free(all);
}
