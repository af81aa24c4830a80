#include "read/driver.h"

#include <stdlib.h>

#include "base/mem.h"

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
		free(s->v[i].rules);
		positions_fini(&s->v[i].pos);
	}
	free(s->v);
	*s = (struct read_sinks){ 0 };
}

const char *read_positions_missing(const struct read_store *s)
{
	return s->driver->positions_missing ? s->driver->positions_missing(s->d) : NULL;
}

int read_span_cmp(const void *a, const void *b)
{
	const struct read_span *x = a, *y = b;

	if (x->start_us != y->start_us)
		return x->start_us < y->start_us ? -1 : 1;
	return x->end_us < y->end_us ? -1 : x->end_us > y->end_us;
}

static bool read_decimal(struct slice text, dec *out)
{
	return dec_parse_sum(text, out) <= DEC_ROUNDED;
}

bool read_values(struct rollup *row, struct slice sum, struct slice min, struct slice max)
{
	return !row->has_value || row->value_count == 0 ||
	       (read_decimal(sum, &row->sum) && read_decimal(min, &row->min) &&
		read_decimal(max, &row->max));
}
