/* How many groups a plain stream may hold. Without folding there is one bound for all metrics
 * (--max-groups), and one for each rule that says so: what is beyond it ends the run, which names
 * the dimension with the most values. Metrics that fold are not among them: each of their windows
 * has its own bound, see agg/closing.h. */
#include "app/window_internal.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

static int hash_cmp(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static size_t distinct(uint64_t *v, size_t n)
{
	size_t d = 0;

	qsort(v, n, sizeof(*v), hash_cmp);
	for (size_t i = 0; i < n; i++)
		d += i == 0 || v[i] != v[i - 1];
	return d;
}

/* How many different values dimension `dim` has among the groups; dim = n_dims: how many windows
 * there are. v has room for all groups. */
static size_t values_of(const struct table *t, size_t n_dims, size_t dim, uint64_t *v)
{
	struct dim d[METRIC_DIMS_MAX];
	size_t n = 0;

	for (const struct group *g = table_first(t); g; g = table_next(t, g)) {
		const char *key = table_key(t, g);

		key_dims(key, n_dims, d);
		v[n++] = dim == n_dims
				 ? key_window(key)
				 : hash_64(d[dim].value.p, d[dim].value.n) ^ (uint64_t)d[dim].tag;
	}
	return distinct(v, n);
}

/* metric: NULL: of all. EX_DATAERR, naming the dimension with the most values. */
static int too_many_groups(struct agg *a, const struct metric *metric, uint64_t bound,
			   struct err *err)
{
	const struct metric *m = NULL;
	uint64_t *v;
	size_t most = 0, dim = 0;

	if (a->workers && workers_merge(a->workers, err))
		return -1;
	v = mem_array(engine_groups(a->window) + 1, sizeof(*v));
	for (size_t i = 0; i < a->plan->n_metrics; i++) {
		const struct metric *x = &a->plan->metric[i].def->m;

		for (size_t k = 0; k <= x->n_dims && (!metric || x == metric); k++) {
			size_t n = values_of(engine_state(a->window, i)->table, x->n_dims, k, v);

			if (n > most) {
				most = n;
				m = x;
				dim = k;
			}
		}
	}
	free(v);
	if (dim == m->n_dims)
		return err_set(err, EX_DATAERR,
			       "more than %llu groups (--max-groups): metric %s has %zu windows; "
			       "make --%s longer, or raise --max-groups",
			       (unsigned long long)bound, m->name, most,
			       m->window.kind->option[m->window.kind->own].name);
	return err_set(err, EX_DATAERR,
		       "more than %llu groups (--max-groups): the heaviest dimension is %s of "
		       "metric %s with %zu values; leave it out of --by, "
		       "or raise --max-groups",
		       (unsigned long long)bound, m->dim[dim].name, m->name, most);
}

static int bound_metric(struct agg *a, size_t metric, size_t *groups, struct err *err)
{
	struct metric_state *s = engine_state(a->window, metric);
	const struct metric_final *f = &s->def->m.final;
	size_t n = table_groups(s->table);

	if (f->fold) {
		*groups -= n;
		return closing_bound(a->closing[metric], s, err);
	}
	return f->groups_max && n > f->groups_max
		       ? too_many_groups(a, &s->def->m, f->groups_max, err)
		       : 0;
}

int agg_bound(struct agg *a, size_t groups, bool all, struct err *err)
{
	for (size_t i = 0; i < a->plan->n_metrics && all; i++)
		if (bound_metric(a, i, &groups, err))
			return -1;
	return a->max_groups && groups > a->max_groups
		       ? too_many_groups(a, NULL, a->max_groups, err)
		       : 0;
}

int agg_check_final(const struct agg *a, const struct plan *plan, struct err *err)
{
	bool bound = a->max_groups;

	for (size_t i = 0; i < plan->n_metrics; i++) {
		const struct metric_final *f = &plan->metric[i].def->m.final;

		bound |= f->groups_max != 0;
		if (f->top)
			return err_set(err, EX_USAGE,
				       "--top is for final rows; a store has all rows of an "
				       "acknowledged stream, and hta-query top shows the highest");
	}
	return bound ? err_set(err, EX_USAGE,
			       "--max-groups is for final rows; the deltas of an acknowledged "
			       "stream are bounded by its epochs")
		     : 0;
}

void agg_tell_folded(const struct agg *a)
{
	const char *text;

	for (size_t i = 0; a->closing && i < a->plan->n_metrics; i++) {
		uint64_t n = closing_folded(a->closing[i], &text);

		if (n)
			log_warn("%s", text);
		if (n > 1)
			log_warn("metric %s: %llu windows were folded",
				 a->plan->metric[i].def->m.name, (unsigned long long)n);
	}
}
