/* Keys whose dimensions have shapes. Their fields are made batch by batch, beside those that the
 * scanner found, and the keys are built of them as of any others.
 *
 * A dimension that explodes gives a line a key an element. So the batch is counted in passes:
 * pass k has the lines whose array has a k-th element, and all that adds up sees ordinary batches.
 * A line counts with all its elements or with none: before anything is counted every pass is
 * built, the first one last, whose keys stay for those who count it. What is no array is its own
 * one element, an empty array is a missing dimension. */
#include "agg/engine_internal.h"

#include <stdlib.h>

#include "base/mem.h"

struct engine_shaped {
	struct field *field; /* [line * dimensions + dimension] */
	struct shape_texts texts;
	uint8_t index[METRIC_DIMS_MAX]; /* 0, 1, .. */
	bool explodes;
	size_t dim; /* the one that does */
	/* its elements: a line's stand from first on */
	struct field *element;
	size_t n_elements, cap_elements, first[SCAN_BATCH];
	uint64_t has[SHAPE_ELEMENTS_MAX]; /* of each pass: its lines */
	unsigned passes;
	uint64_t cut; /* lines of the last pass that have a string which was cut */
};

struct engine_shaped *engine_shaped_new(const struct metric *m)
{
	struct engine_shaped *s;

	if (!m->has_shapes)
		return NULL;
	s = mem_zalloc(sizeof(*s));
	s->field = mem_array(SCAN_BATCH * m->n_dims, sizeof(*s->field));
	for (size_t i = 0; i < m->n_dims; i++) {
		s->index[i] = (uint8_t)i;
		if (m->shaped[i].shape.explode) {
			s->explodes = true;
			s->dim = i;
		}
	}
	return s;
}

void engine_shaped_free(struct engine_shaped *s)
{
	if (!s)
		return;
	shape_texts_fini(&s->texts);
	free(s->element);
	free(s->field);
	free(s);
}

/* ---- arrays */

static struct field *new_element(struct engine_shaped *s)
{
	mem_reserve(&s->element, &s->cap_elements, s->n_elements + 1, sizeof(*s->element));
	return &s->element[s->n_elements++];
}

/* How many there are; more than SHAPE_ELEMENTS_MAX: too many. */
static size_t list_elements(struct engine_shaped *s, const struct field *f)
{
	struct slice left = slice(f->p, f->n);
	size_t n = 0;
	struct field e;

	if (f->type != FIELD_ARRAY) {
		*new_element(s) = *f;
		return 1;
	}
	for (; n <= SHAPE_ELEMENTS_MAX && shape_element(&left, &e); n++)
		*new_element(s) = e;
	if (n)
		return n;
	*new_element(s) = (struct field){ .p = f->p, .type = FIELD_MISSING };
	return 1;
}

/* Of the lines those whose arrays are not too long. */
static uint64_t list_lines_elements(struct engine *w, size_t key, uint64_t lines)
{
	struct engine_shaped *s = w->key[key].shaped;
	size_t field = w->plan->key[key].dim_field[s->dim];
	uint64_t good = 0;

	s->n_elements = 0;
	s->passes = 1;
	memset(s->has, 0, sizeof(s->has));
	for_each_line(i, lines)
	{
		size_t n;

		s->first[i] = s->n_elements;
		n = list_elements(s, engine_field(w, (unsigned)i, field));
		if (n > SHAPE_ELEMENTS_MAX)
			continue;
		good |= BIT(i);
		s->passes = n > s->passes ? (unsigned)n : s->passes;
		for (size_t k = 0; k < n; k++)
			s->has[k] |= BIT(i);
	}
	return good;
}

/* ---- passes */

/* False: a dimension cannot be made. */
static bool shape_line(struct engine *w, size_t key, unsigned pass, uint64_t line)
{
	const struct plan_key *k = &w->plan->key[key];
	struct engine_shaped *s = w->key[key].shaped;

	for (size_t i = 0; i < k->m->n_dims; i++) {
		const struct field *f = engine_field(w, (unsigned)line, k->dim_field[i]);
		enum shape_result r;

		if (s->explodes && s->dim == i)
			f = &s->element[s->first[line] + pass];
		r = shape_field(&k->m->shaped[i].shape, f, &s->texts,
				&s->field[line * k->m->n_dims + i]);
		if (r == SHAPE_NO_NUMBER)
			return false;
		if (r == SHAPE_CUT)
			s->cut |= BIT(line);
	}
	return true;
}

static void build_pass(struct engine *w, size_t key, unsigned pass, uint64_t lines)
{
	struct engine_shaped *s = w->key[key].shaped;
	size_t n_dims = w->plan->key[key].m->n_dims, bytes = 0;
	struct engine_fields from = { s->field, n_dims, s->index, 0 };
	uint64_t good = 0;

	arena_reset(&s->texts.arena);
	s->cut = 0;
	for_each_line(i, lines)
	{
		if (!shape_line(w, key, pass, i))
			continue;
		good |= BIT(i);
		for (size_t k = 0; k < n_dims; k++)
			bytes += s->field[i * n_dims + k].n;
	}
	from.bytes = bytes;
	engine_build_keys(w, key, &from, good);
}

void engine_judge_shaped(struct engine *w, size_t key)
{
	struct engine_key *k = &w->key[key];
	struct engine_shaped *s = k->shaped;
	uint64_t good = k->wanted;

	s->passes = 1;
	if (s->explodes)
		good = list_lines_elements(w, key, k->wanted);
	else
		s->has[0] = good;
	for (unsigned pass = s->passes; pass-- > 0;) {
		uint64_t lines = s->has[pass] & good;

		build_pass(w, key, pass, lines);
		good &= ~lines | k->good;
	}
	k->good = good;
}

unsigned engine_passes(const struct engine *w, size_t key)
{
	const struct engine_shaped *s = w->key[key].shaped;

	return s && w->key[key].wanted ? s->passes : 0;
}

uint64_t engine_pass(struct engine *w, size_t key, unsigned pass, uint64_t lines)
{
	lines &= w->key[key].shaped->has[pass];
	if (lines)
		build_pass(w, key, pass, lines);
	return lines;
}

uint64_t engine_cut(const struct engine *w, size_t key)
{
	return w->key[key].shaped->cut;
}
