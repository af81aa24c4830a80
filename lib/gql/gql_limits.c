/* How large an operation is once its fragments stand in their places. A fragment is measured once
 * and remembered, so that documents in which each fragment spreads the next one twice cost nothing;
 * sums stop at MANY. A field of a selection set that is merged later counts each time. What
 * __schema and __type select counts by itself.
 *
 * Introspection may go round in circles (types, fields, type, fields, ..), and each turn multiplies
 * the answer by all fields of the schema. The lists through which it goes are counted by their
 * depth, as graphql-js does (MaxIntrospectionDepthRule). */
#include "gql/gql_check_internal.h"

enum { MANY = 1 << 20 };

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t plus(uint32_t a, uint32_t b)
{
	return a + b < MANY ? a + b : MANY;
}

static struct gql_size size_of_set(struct gql_doc *doc, const struct gql_selection *s);

static bool is_meta(struct slice name)
{
	return slice_is(name, "__schema") || slice_is(name, "__type");
}

static bool is_meta_list(struct slice name)
{
	return slice_is(name, "fields") || slice_is(name, "interfaces") ||
	       slice_is(name, "possibleTypes") || slice_is(name, "inputFields");
}

static struct gql_size size_of_field(struct gql_doc *doc, const struct gql_selection *s)
{
	struct gql_size below = s->first ? size_of_set(doc, s->first) : (struct gql_size){ 0 };

	below.roots = 1;
	below.lists += is_meta_list(s->name);
	if (is_meta(s->name)) {
		below.meta_fields = plus(below.meta_fields, below.fields);
		below.meta_depth = larger(below.meta_depth, below.depth);
		below.fields = below.depth = 0;
	}
	below.fields = plus(below.fields, 1);
	below.depth++;
	return below;
}

/* Circles were refused before, so that the recursion ends. */
static struct gql_size size_of_spread(struct gql_doc *doc, const struct gql_selection *s)
{
	struct gql_definition *f = gql_fragment(doc, s->name);

	if (!f)
		return (struct gql_size){ 0 };
	if (f->mark != doc->round) {
		f->mark = doc->round;
		f->size = size_of_set(doc, f->first);
	}
	return f->size;
}

static struct gql_size size_of_set(struct gql_doc *doc, const struct gql_selection *s)
{
	struct gql_size sum = { 0 }, one;

	for (; s; s = s->next) {
		if (s->kind == GQL_SEL_FIELD)
			one = size_of_field(doc, s);
		else if (s->kind == GQL_SEL_SPREAD)
			one = size_of_spread(doc, s);
		else
			one = size_of_set(doc, s->first);
		sum.fields = plus(sum.fields, one.fields);
		sum.meta_fields = plus(sum.meta_fields, one.meta_fields);
		sum.roots = plus(sum.roots, one.roots);
		sum.depth = larger(sum.depth, one.depth);
		sum.meta_depth = larger(sum.meta_depth, one.meta_depth);
		sum.lists = larger(sum.lists, one.lists);
	}
	return sum;
}

bool gql_check_limits(struct gql_checking *c)
{
	bool good = true;

	c->doc->round++;
	for (struct gql_definition *d = c->doc->first; d; d = d->next) {
		if (d->kind == GQL_FRAGMENT)
			continue;
		struct gql_size s = size_of_set(c->doc, d->first);
		const struct {
			uint32_t is, most;
			const char *what;
		} limits[] = {
			{ s.roots, GQL_ROOTS, "fields of the query type" },
			{ s.fields, GQL_FIELDS, "fields with its fragments" },
			{ s.depth, GQL_DEPTH_WHOLE, "levels with its fragments" },
			{ s.meta_fields, GQL_META_FIELDS, "fields of introspection" },
			{ s.meta_depth, GQL_META_DEPTH, "levels of introspection" },
			{ s.meta_fields ? s.lists : 0, GQL_META_LISTS,
			  "lists of introspection within each other" },
		};
		for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
			if (limits[i].is <= limits[i].most)
				continue;
			good = false;
			c->errors->refused = true;
			gql_error(c->errors, d->at, "the operation has more than %u %s",
				  limits[i].most, limits[i].what);
		}
	}
	return good;
}
