#include <stdlib.h>

#include "base/mem.h"
#include "read/driver.h"

struct read_sink *read_sinks_add(struct read_sinks *s, const char *name)
{
	s->v = mem_grow(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n] = (struct read_sink){ .name = mem_strdup(name) };
	return &s->v[s->n++];
}

void read_sinks_fini(struct read_sinks *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].group);
		positions_fini(&s->v[i].pos);
	}
	free(s->v);
	*s = (struct read_sinks){ 0 };
}
