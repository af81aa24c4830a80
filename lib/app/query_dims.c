#include "app/query_internal.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- reading */

void query_dims_fini(struct query_dims *p)
{
	json_fini(&p->json);
	buf_fini(&p->scratch);
}

static enum dim_tag tag_of(enum json_type type)
{
	switch (type) {
	case JSON_NULL:
		return DIM_NULL;
	case JSON_FALSE:
		return DIM_FALSE;
	case JSON_TRUE:
		return DIM_TRUE;
	case JSON_NUMBER:
		return DIM_NUMBER;
	case JSON_STRING:
		return DIM_STRING;
	default:
		return DIM_MISSING;
	}
}

/* The decoded text of a string, the canonical one of a number. */
static int dims_value_of(struct query_dims *p, uint32_t at, struct arena *a, struct slice *out)
{
	const struct json_node *node = &p->json.node[at];

	p->scratch.n = 0;
	if (node->type == JSON_NUMBER)
		dec_canonical(node->text, &p->scratch);
	else if (node->type == JSON_STRING && json_string(&p->json, at, &p->scratch))
		return -1;
	*out = arena_copy(a, slice(p->scratch.p ? p->scratch.p : "", p->scratch.n));
	return 0;
}

static int dims_by_name(const void *a, const void *b)
{
	return slice_cmp(((const struct dim *)a)->name, ((const struct dim *)b)->name);
}

int query_dims_parse(struct query_dims *p, struct slice text, struct arena *a, struct dim **out,
		     size_t *n, struct err *err)
{
	const struct json *j = &p->json;
	struct dim *d;

	*n = 0;
	if (json_parse(&p->json, text, err) || j->node[0].type != JSON_OBJECT)
		return err_set(err, EX_DATAERR, "stored dims are no JSON object: %.*s",
			       (int)(text.n > 200 ? 200 : text.n), text.p);
	d = arena_alloc(a, (j->n / 2 + 1) * sizeof(*d));
	for (uint32_t i = json_first(j, 0); i < j->node[0].next; i = j->node[i + 1].next, ++*n) {
		d[*n].tag = tag_of(j->node[i + 1].type);
		if (d[*n].tag == DIM_MISSING || dims_value_of(p, i, a, &d[*n].name) ||
		    dims_value_of(p, i + 1, a, &d[*n].value))
			return err_set(err, EX_DATAERR, "stored dims are no dimensions: %.*s",
				       (int)(text.n > 200 ? 200 : text.n), text.p);
	}
	qsort(d, *n, sizeof(*d), dims_by_name);
	*out = d;
	return 0;
}

const struct dim *query_dim(const struct dim *d, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(d[i].name, name))
			return d[i].tag == DIM_MISSING ? NULL : &d[i];
	return NULL;
}

struct dim *query_reduce(const struct query *q, const struct dim *d, size_t n, struct arena *a)
{
	struct dim *out = arena_alloc(a, (q->n_by + 1) * sizeof(*out));

	for (size_t i = 0; i < q->n_by; i++) {
		const struct dim *x = query_dim(d, n, q->by[i]);

		out[i] = x ? *x : (struct dim){ .name = q->by[i], .tag = DIM_MISSING };
	}
	return out;
}

/* ---- --dim */

int query_filter_add(struct query *q, const char *text, struct err *err)
{
	const char *eq = strchr(text, '=');
	struct query_filter *f;
	dec ignored;

	if (!eq || eq == text)
		return err_set(err, EX_USAGE,
			       "\"%s\": say KEY=VALUE (KEY= for the empty string, "
			       "KEY=null for null)",
			       text);
	q->filter = mem_grow(q->filter, q->filters + 1, sizeof(*q->filter));
	f = &q->filter[q->filters++];
	*f = (struct query_filter){ .key = slice(text, (size_t)(eq - text)),
				    .value = slice_z(eq + 1) };
	if (f->key.n > 1 && f->key.p[0] == '.')
		f->key = slice(f->key.p + 1, f->key.n - 1);
	if (dec_parse(f->value, &ignored) != DEC_SYNTAX)
		dec_canonical(f->value, &f->number);
	return 0;
}

static bool equals(const struct query_filter *f, const struct dim *d)
{
	switch (d->tag) {
	case DIM_STRING:
		return slice_eq(d->value, f->value);
	case DIM_NUMBER:
		return f->number.n && slice_eq(d->value, buf_slice(&f->number));
	case DIM_TRUE:
		return slice_is(f->value, "true");
	case DIM_FALSE:
		return slice_is(f->value, "false");
	case DIM_NULL:
		return slice_is(f->value, "null");
	case DIM_MISSING:
		break;
	}
	return false;
}

bool query_match(const struct query *q, const struct dim *d, size_t n)
{
	for (size_t i = 0; i < q->filters; i++) {
		const struct dim *x = query_dim(d, n, q->filter[i].key);
		bool any = false;

		for (size_t k = 0; x && k < q->filters && !any; k++)
			any = slice_eq(q->filter[k].key, x->name) && equals(&q->filter[k], x);
		if (!any)
			return false;
	}
	return true;
}

/* ---- order */

static int rank(const struct dim *d)
{
	switch (d->tag) {
	case DIM_NULL:
		return 1;
	case DIM_FALSE:
		return 2;
	case DIM_TRUE:
		return 3;
	case DIM_NUMBER:
		return 4;
	case DIM_STRING:
		return 5;
	case DIM_MISSING:
		break;
	}
	return 0;
}

static int value_cmp(const struct dim *a, const struct dim *b)
{
	int c = rank(a) - rank(b);

	if (c)
		return c;
	if (a->tag == DIM_NUMBER)
		return dims_number_cmp(a->value, b->value);
	return a->tag == DIM_STRING ? slice_cmp(a->value, b->value) : 0;
}

int query_dims_cmp(const struct dim *a, size_t na, const struct dim *b, size_t nb)
{
	size_t i = 0, k = 0;

	while (i < na || k < nb) {
		int c = i == na ? 1 : k == nb ? -1 : slice_cmp(a[i].name, b[k].name);

		if (c < 0 && a[i++].tag != DIM_MISSING)
			return 1; /* b has it not: first */
		if (c > 0 && b[k++].tag != DIM_MISSING)
			return -1;
		if (c == 0 && (c = value_cmp(&a[i++], &b[k++])))
			return c;
	}
	return 0;
}

/* ---- for people */

void query_dim_text(const struct dim *d, struct buf *out)
{
	bool plain = true;

	if (!d || d->tag == DIM_MISSING)
		buf_addc(out, '-');
	else if (d->tag == DIM_TRUE || d->tag == DIM_FALSE || d->tag == DIM_NULL)
		buf_addz(out, d->tag == DIM_TRUE ? "true" : d->tag == DIM_FALSE ? "false" : "null");
	if (!d || (d->tag != DIM_STRING && d->tag != DIM_NUMBER))
		return;
	for (size_t i = 0; i < d->value.n; i++)
		plain = plain && (unsigned char)d->value.p[i] >= 0x20;
	if (d->value.n && plain)
		buf_adds(out, d->value);
	else
		json_quote(out, d->value);
}

/* ---- names */

static int slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

bool query_names_has(const struct query_names *s, struct slice name)
{
	return s->n && bsearch(&name, s->v, s->n, sizeof(*s->v), slices);
}

void query_names_add(struct query_names *s, struct slice name)
{
	if (query_names_has(s, name))
		return;
	s->v = mem_grow(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = arena_copy(&s->arena, name);
	qsort(s->v, s->n, sizeof(*s->v), slices);
}

void query_names_fini(struct query_names *s)
{
	arena_fini(&s->arena);
	free(s->v);
	*s = (struct query_names){ 0 };
}

void query_nearest(const struct query_names *s, const char *word, struct buf *out)
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
