/* Metrics whose windows and dimensions are alike have one key a line, which is built and hashed
 * once, whatever their number, their conditions and their measures. */
#include "agg/plan_internal.h"

#include <string.h>

#include "base/mem.h"

static bool same_windows(const struct window_spec *a, const struct window_spec *b)
{
	struct buf x = { 0 }, y = { 0 };
	bool same;

	window_canonical(a, &x);
	window_canonical(b, &y);
	same = a->kind == b->kind && slice_eq(buf_slice(&x), buf_slice(&y));
	buf_fini(&x);
	buf_fini(&y);
	return same;
}

static bool same_shapes(const struct metric *a, const struct metric *b)
{
	for (size_t i = 0; i < a->n_dims; i++)
		if (!shape_same(&a->shaped[i].shape, &b->shaped[i].shape))
			return false;
	return true;
}

static bool same_key(const struct plan_key *k, const struct plan_metric *m)
{
	const struct metric *of = &m->def->m;

	return k->m->n_dims == of->n_dims && same_windows(&k->m->window, &of->window) &&
	       memcmp(k->dim_field, m->dim_field, of->n_dims) == 0 && same_shapes(k->m, of);
}

size_t plan_key_of(struct plan *p, const struct plan_metric *m)
{
	size_t i = 0;

	while (i < p->n_keys && !same_key(&p->key[i], m))
		i++;
	if (i == p->n_keys) {
		p->key = mem_grow(p->key, i + 1, sizeof(*p->key));
		p->key[p->n_keys++] = (struct plan_key){ &m->def->m, m->dim_field };
	}
	return i;
}
