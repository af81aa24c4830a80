/* A term's value has no type: 200 is the number and the text "200" alike, as a person at a prompt
 * means it. A number is compared in its canonical form, so 2e2 finds 200. */
#include "read/dims_filter.h"

#include <stdlib.h>

#include "base/dec.h"
#include "base/mem.h"
#include "read/stored_dims.h"

void dims_filter_fini(struct dims_filter *f)
{
	for (size_t i = 0; i < f->terms; i++)
		buf_fini(&f->term[i].number);
	free(f->term);
	free(f->by);
	*f = (struct dims_filter){ 0 };
}

static struct slice filter_key(struct slice key)
{
	return key.n > 1 && key.p[0] == '.' ? slice(key.p + 1, key.n - 1) : key;
}

int dims_filter_add(struct dims_filter *f, const char *text, struct err *err)
{
	const char *eq = strchr(text, '=');
	struct dims_term *t;
	dec ignored;

	if (!eq || eq == text)
		return err_set(err, EX_USAGE,
			       "\"%s\": say KEY=VALUE (KEY= for the empty string, "
			       "KEY=null for null)",
			       text);
	f->term = mem_grow(f->term, f->terms + 1, sizeof(*f->term));
	t = &f->term[f->terms++];
	*t = (struct dims_term){ .key = filter_key(slice(text, (size_t)(eq - text))),
				 .value = slice_z(eq + 1) };
	if (dec_parse(t->value, &ignored) != DEC_SYNTAX)
		dec_canonical(t->value, &t->number);
	return 0;
}

void dims_filter_exact(struct dims_filter *f, const struct dim *d)
{
	f->term = mem_grow(f->term, f->terms + 1, sizeof(*f->term));
	f->term[f->terms++] = (struct dims_term){
		.key = d->name, .value = d->value, .exact = true, .tag = d->tag
	};
}

static void add_by_key(struct dims_filter *f, struct slice key)
{
	size_t at = 0;

	while (at < f->n_by && slice_cmp(f->by[at], key) < 0)
		at++;
	if (at < f->n_by && slice_eq(f->by[at], key))
		return;
	f->by = mem_grow(f->by, f->n_by + 1, sizeof(*f->by));
	memmove(f->by + at + 1, f->by + at, (f->n_by - at) * sizeof(*f->by));
	f->by[at] = key;
	f->n_by++;
}

int dims_filter_by(struct dims_filter *f, const char *text, struct err *err)
{
	f->has_by = true;
	for (const char *p = text; *text;) {
		size_t n = strcspn(p, ",");

		if (n == 0)
			return err_set(err, EX_USAGE, "\"%s\": a name is missing", text);
		add_by_key(f, filter_key(slice(p, n)));
		if (!p[n])
			break;
		p += n + 1;
	}
	return 0;
}

static bool term_holds(const struct dims_term *t, const struct dim *d)
{
	if (t->exact)
		return t->tag == d->tag && ((d->tag != DIM_STRING && d->tag != DIM_NUMBER) ||
					    slice_eq(d->value, t->value));
	switch (d->tag) {
	case DIM_STRING:
		return slice_eq(d->value, t->value);
	case DIM_NUMBER:
		return t->number.n && slice_eq(d->value, buf_slice(&t->number));
	case DIM_TRUE:
		return slice_is(t->value, "true");
	case DIM_FALSE:
		return slice_is(t->value, "false");
	case DIM_NULL:
		return slice_is(t->value, "null");
	case DIM_MISSING:
		break;
	}
	return false;
}

bool dims_filter_match(const struct dims_filter *f, const struct dim *d, size_t n)
{
	for (size_t i = 0; i < f->terms; i++) {
		const struct dim *x = stored_dim(d, n, f->term[i].key);
		bool any = false;

		for (size_t k = 0; x && k < f->terms && !any; k++)
			any = slice_eq(f->term[k].key, x->name) && term_holds(&f->term[k], x);
		if (!any)
			return false;
	}
	return true;
}

struct dim *dims_filter_reduce(const struct dims_filter *f, const struct dim *d, size_t n,
			       struct arena *a)
{
	struct dim *out = arena_alloc(a, (f->n_by + 1) * sizeof(*out));

	for (size_t i = 0; i < f->n_by; i++) {
		const struct dim *x = stored_dim(d, n, f->by[i]);

		out[i] = x ? *x : (struct dim){ .name = f->by[i], .tag = DIM_MISSING };
	}
	return out;
}
