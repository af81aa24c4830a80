/* Stores keep dimensions as JSON and may put members in another order. They are parsed, sorted by
 * name and compared here, by type first and then by value. Numbers are compared by their digits
 * (row/dims.h), never as doubles: hta-window orders groups exactly, and two orders of one set of
 * rows would be seen by whoever compares a file with a store. */
#include "read/stored_dims.h"

#include <stdlib.h>

#include "base/dec.h"

void stored_dims_fini(struct stored_dims *p)
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
static int dims_value_of(struct stored_dims *p, uint32_t at, struct arena *a, struct slice *out)
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

int stored_dims_parse(struct stored_dims *p, struct slice text, struct arena *a, struct dim **out,
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

const struct dim *stored_dim(const struct dim *d, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(d[i].name, name))
			return d[i].tag == DIM_MISSING ? NULL : &d[i];
	return NULL;
}

/* ---- order */

static int dim_rank(const struct dim *d)
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

static int dim_value_cmp(const struct dim *a, const struct dim *b)
{
	int c = dim_rank(a) - dim_rank(b);

	if (c)
		return c;
	if (a->tag == DIM_NUMBER)
		return dims_number_cmp(a->value, b->value);
	return a->tag == DIM_STRING ? slice_cmp(a->value, b->value) : 0;
}

int stored_dims_cmp(const struct dim *a, size_t na, const struct dim *b, size_t nb)
{
	size_t i = 0, k = 0;

	while (i < na || k < nb) {
		int c = i == na ? 1 : k == nb ? -1 : slice_cmp(a[i].name, b[k].name);

		if (c < 0 && a[i++].tag != DIM_MISSING)
			return 1; /* b has it not: first */
		if (c > 0 && b[k++].tag != DIM_MISSING)
			return -1;
		if (c == 0 && (c = dim_value_cmp(&a[i++], &b[k++])))
			return c;
	}
	return 0;
}

/* ---- for people */

void stored_dim_text(const struct dim *d, struct buf *out)
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
