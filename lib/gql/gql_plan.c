/* From the tree to the plan: what of the answer is written from which field, once for all rows.
 * There are no interfaces, so the type of each object is known before there is one; @skip and
 * @include depend on variables only; so rows cost no walk through fragments. */
#include "gql/gql_run_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gql/gql_collect.h"
#include "gql/gql_parse.h"

/* ---- values with variables ---- */

static struct gql_input *copy_value(struct gql_run *run, const struct gql_input *v)
{
	struct gql_input *copy = arena_alloc(&run->arena, sizeof(*copy));

	*copy = *v;
	copy->next = NULL;
	return copy;
}

/* The value with variables put in, or NULL for a variable that has none. */
static struct gql_input *fill_in(struct gql_run *run, const struct gql_input *v)
{
	struct gql_input *copy, **last;

	if (v->kind == GQL_IN_VARIABLE) {
		const struct gql_input *given = gql_input(run->variables, v->text);
		copy = given ? copy_value(run, given) : NULL;
		if (copy)
			copy->name = v->name;
		return copy;
	}
	copy = copy_value(run, v);
	copy->first = NULL;
	last = &copy->first;
	for (const struct gql_input *m = v->first; m; m = m->next) {
		struct gql_input *item = fill_in(run, m);
		if (!item && v->kind == GQL_IN_OBJECT)
			continue;
		if (!item) {
			item = copy_value(run, m);
			item->kind = GQL_IN_NULL;
		}
		*last = item;
		last = &item->next;
	}
	return copy;
}

/* ---- @skip, @include ---- */

/* A null, which a variable with a default may be, is an error of the request: nothing says which
 * of both is meant. */
static bool condition(struct gql_run *run, const struct gql_applied *d)
{
	const struct gql_input *v = fill_in(run, gql_input(d->args, slice("if", 2)));

	if (!v || v->kind != GQL_IN_BOOL) {
		gql_error(&run->errors, d->at, "@%.*s(if:) is null", GQL_NAME(d->name));
		return false;
	}
	return slice_is(v->text, "true");
}

static bool is_taken(void *self, const struct gql_selection *s)
{
	for (const struct gql_applied *d = s->directives; d; d = d->next)
		if (condition(self, d) == slice_is(d->name, "skip"))
			return false;
	return true;
}

/* ---- arguments ---- */

/* The value of one argument, or NULL: there is none. *failure: why it cannot be taken. */
static struct gql_input *coerce_argument(struct gql_run *run, const struct gql_arg *arg,
					 const struct gql_input *given, const char **failure)
{
	struct gql_input *v = given ? fill_in(run, given) : NULL;

	if (!v && arg->value)
		v = copy_value(run, gql_parse_value(arg->value, &run->arena));
	if (gql_ref_required(slice_z(arg->type)) && (!v || v->kind == GQL_IN_NULL))
		*failure = arg->name;
	if (v)
		v->name = slice_z(arg->name);
	return v;
}

static void coerce_arguments(struct gql_run *run, struct gql_plan *p, const struct gql_input *given)
{
	struct gql_input **last = &p->args;
	const char *failure = NULL;

	for (const struct gql_arg *a = p->field->args; a && a->name; a++) {
		const struct gql_input *v = gql_input(given, slice_z(a->name));
		struct gql_input *value = coerce_argument(run, a, v, &failure);
		if (!value)
			continue;
		*last = value;
		last = &value->next;
	}
	if (failure) {
		struct buf text = { 0 };
		buf_printf(&text, "the argument \"%s\" must not be null", failure);
		p->failure = arena_copy(&run->arena, buf_slice(&text));
		buf_fini(&text);
	}
}

/* ---- the plan ---- */

static struct gql_plan *plan_groups(struct gql_run *run, const struct gql_type *around,
				    const struct gql_group *g)
{
	struct gql_plan *first = NULL, **last = &first;

	for (; g; g = g->next) {
		const struct gql_selection *s = g->node[0];
		struct gql_plan *p = arena_alloc(&run->arena, sizeof(*p));

		*p = (struct gql_plan){
			.key = g->key,
			.at = s->at,
			.around = around,
			.field = gql_field_of(run->schema, around, s->name),
			.call = GQL_NO_CALL,
		};
		coerce_arguments(run, p, s->args);
		if (s->first)
			p->first = plan_groups(
				run, gql_type(run->schema, gql_ref_name(slice_z(p->field->type))),
				gql_collect(run->doc, g->node, g->n, is_taken, run, &run->arena));
		*last = p;
		last = &p->next;
	}
	return first;
}

/* Rows that are wanted. */
static size_t limit_of(struct gql_run *run, const struct gql_plan *p, const struct gql_call *call)
{
	const struct gql_arg *arg = gql_arg(p->field->args, slice("limit", 5));
	int64_t n = GQL_LIMIT;

	if (!gql_ref_list(slice_z(p->field->type)))
		return 1;
	if (arg && !gql_call_int(call, "limit", &n) && arg->value)
		n = strtoll(arg->value, NULL, 10); /* null is the default */
	if (n >= 0 && n <= GQL_LIMIT)
		return (size_t)n;
	run->errors.refused = true;
	gql_error(&run->errors, p->at, "the field \"%s\": limit is %lld, and may be 0 to %d",
		  p->field->name, (long long)n, GQL_LIMIT);
	return 0;
}

/* Fields of the query type without a resolver, but for those of introspection. */
static bool is_call(const struct gql_plan *p)
{
	return p->field->name[0] != '_' && !p->failure.p;
}

static void plan_calls(struct gql_run *run)
{
	size_t n = 0;

	for (struct gql_plan *p = run->plan; p; p = p->next)
		n += is_call(p);
	run->root = mem_array(n ? n : 1, sizeof(*run->root));
	for (struct gql_plan *p = run->plan; p; p = p->next) {
		if (!is_call(p))
			continue;
		struct gql_root *r = &run->root[run->roots];
		r->plan = p;
		r->call.field = p->field;
		r->call.key = p->key;
		r->call.args = p->args;
		r->call.limit = limit_of(run, p, &r->call);
		r->closed = r->call.limit == 0;
		p->call = run->roots++;
	}
}

bool gql_plan(struct gql_run *run, const struct gql_definition *operation)
{
	const struct gql_type *query = gql_type(run->schema, slice_z(run->schema->query));

	run->plan = plan_groups(
		run, query,
		gql_collect_set(run->doc, operation->first, is_taken, run, &run->arena));
	plan_calls(run);
	return run->errors.n == 0;
}
