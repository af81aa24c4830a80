/* Validation in the order in which a rule may rely on those before it:
 *
 *	names of definitions, kinds of operations     a list of definitions
 *	fragments: known, no circle                   else nothing follows them
 *	limits                                        else nothing puts them in their places
 *	each definition by itself                     gql_check_fields.c
 *	variables of each operation, through its fragments    gql_check_variables.c
 *	fragments that no operation reaches
 *	fields of one key                             gql_check_merge.c, only if all else is good
 *
 * The specification has the rules independent of each other, for tools that show all errors at
 * once. Here a document is refused by the first group that it breaks. */
#include "gql/gql_check.h"

#include "gql/gql_check_internal.h"

static const char *const kind_words[] = {
	[GQL_QUERY] = "query",
	[GQL_MUTATION] = "mutation",
	[GQL_SUBSCRIPTION] = "subscription",
	[GQL_FRAGMENT] = "fragment",
};

/* ---- definitions ---- */

static bool same_space(const struct gql_definition *a, const struct gql_definition *b)
{
	return (a->kind == GQL_FRAGMENT) == (b->kind == GQL_FRAGMENT);
}

static void check_unique(struct gql_checking *c, const struct gql_definition *d)
{
	for (const struct gql_definition *e = c->doc->first; e != d; e = e->next) {
		if (!same_space(d, e))
			continue;
		if (!d->name.p || !e->name.p) {
			gql_error(c->errors, d->name.p ? e->at : d->at,
				  "an anonymous operation stands alone");
			return;
		}
		if (slice_eq(d->name, e->name)) {
			gql_error(c->errors, d->at, "there are two of the name \"%.*s\"",
				  GQL_NAME(d->name));
			return;
		}
	}
}

static void check_names(struct gql_checking *c)
{
	for (struct gql_definition *d = c->doc->first; d; d = d->next) {
		check_unique(c, d);
		if (d->kind == GQL_MUTATION || d->kind == GQL_SUBSCRIPTION)
			gql_error(c->errors, d->at, "the schema has queries only, no %s",
				  kind_words[d->kind]);
	}
}

/* ---- fragments ---- */

static void follow_set(struct gql_checking *c, const struct gql_selection *s);

static void follow_spread(struct gql_checking *c, const struct gql_selection *s)
{
	struct gql_definition *f = gql_fragment(c->doc, s->name);

	if (!f) {
		gql_error(c->errors, s->at, "unknown fragment \"%.*s\"", GQL_NAME(s->name));
		return;
	}
	if (f->state == GQL_OPEN)
		gql_error(c->errors, s->at, "the fragment \"%.*s\" spreads itself",
			  GQL_NAME(s->name));
	if (f->state != GQL_FRESH)
		return;
	f->state = GQL_OPEN;
	follow_set(c, f->first);
	f->state = GQL_DONE;
}

static void follow_set(struct gql_checking *c, const struct gql_selection *s)
{
	for (; s; s = s->next)
		if (s->kind == GQL_SEL_SPREAD)
			follow_spread(c, s);
		else
			follow_set(c, s->first);
}

bool gql_check_fragments(struct gql_checking *c)
{
	unsigned before = c->errors->n;

	for (struct gql_definition *d = c->doc->first; d; d = d->next) {
		if (d->state != GQL_FRESH)
			continue;
		d->state = GQL_OPEN;
		follow_set(c, d->first);
		d->state = GQL_DONE;
	}
	return c->errors->n == before;
}

static void check_used(struct gql_checking *c, unsigned before)
{
	for (struct gql_definition *d = c->doc->first; d; d = d->next)
		if (d->kind == GQL_FRAGMENT && d->mark <= before)
			gql_error(c->errors, d->at, "the fragment \"%.*s\" is not used",
				  GQL_NAME(d->name));
}

bool gql_check(const struct gql_schema *schema, struct gql_doc *doc, struct gql_errors *errors)
{
	struct gql_checking c = { .schema = schema, .doc = doc, .errors = errors };
	struct gql_definition *d;

	check_names(&c);
	if (!gql_check_fragments(&c) || !gql_check_limits(&c))
		return false;
	for (d = doc->first; d; d = d->next)
		gql_check_definition(&c, d);
	unsigned before = doc->round;
	for (d = doc->first; d; d = d->next)
		if (d->kind != GQL_FRAGMENT)
			gql_check_variables(&c, d);
	check_used(&c, before);
	for (d = doc->first; d && errors->n == 0; d = d->next)
		if (d->kind != GQL_FRAGMENT)
			gql_check_merge(&c, d);
	return errors->n == 0;
}

struct gql_definition *gql_operation(const struct gql_doc *doc, struct slice name,
				     struct gql_errors *errors)
{
	struct gql_definition *found = NULL;
	struct gql_at nowhere = { 0 };

	for (struct gql_definition *d = doc->first; d; d = d->next) {
		if (d->kind == GQL_FRAGMENT || (name.n && !slice_eq(d->name, name)))
			continue;
		if (found) {
			gql_error(errors, nowhere,
				  "there are several operations: operationName says which");
			return NULL;
		}
		found = d;
	}
	if (!found && name.n)
		gql_error(errors, nowhere, "there is no operation \"%.*s\"", GQL_NAME(name));
	else if (!found)
		gql_error(errors, nowhere, "the document has no operation");
	return found;
}
