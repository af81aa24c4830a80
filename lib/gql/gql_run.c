/* The life of a run:
 *
 *	new     text -> tree -> checked -> variables -> plan, all in one arena
 *	        an error on the way: no plan, gql_run_ready is false
 *	calls   rows are written into the buffer of their call as they come
 *	answer  the plan's first level: buffers of calls, values of introspection, errors
 */
#include "gql/gql_run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gql/gql_check.h"
#include "gql/gql_introspect.h"
#include "gql/gql_parse.h"
#include "gql/gql_run_internal.h"
#include "gql/gql_values.h"

/* ---- before the calls ---- */

/* The kind is told even of what is refused later: a mutation by GET is another status. */
static void note_kind(struct gql_run *run, struct slice operation)
{
	struct gql_errors unheard = { .arena = &run->arena };
	struct gql_definition *d = gql_operation(run->doc, operation, &unheard);

	if (d)
		run->kind = d->kind;
}

static void prepare_run(struct gql_run *run, const struct gql_question *question)
{
	struct gql_definition *operation;

	if (!str_utf8(question->query.p, question->query.n)) {
		gql_error(&run->errors, (struct gql_at){ 0 }, "the document is not UTF-8");
		return;
	}
	if (!(run->doc = gql_parse(question->query, &run->errors)))
		return;
	note_kind(run, question->operation);
	run->ready = gql_check(run->schema, run->doc, &run->errors) &&
		     (operation = gql_operation(run->doc, question->operation, &run->errors)) &&
		     gql_variables(run, operation, question) && gql_plan(run, operation);
}

struct gql_run *gql_run_new(const struct gql_schema *schema, const struct gql_question *question)
{
	struct gql_run *run = mem_zalloc(sizeof(*run));

	run->schema = schema;
	run->errors.arena = &run->arena;
	prepare_run(run, question);
	return run;
}

void gql_run_free(struct gql_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->roots; i++)
		buf_fini(&run->root[i].out);
	free(run->root);
	arena_fini(&run->arena);
	free(run);
}

bool gql_run_ready(const struct gql_run *run, bool *refused)
{
	if (refused)
		*refused = run->errors.refused;
	return run->ready;
}

enum gql_definition_kind gql_run_kind(const struct gql_run *run)
{
	return run->kind;
}

/* ---- calls ---- */

size_t gql_run_calls(const struct gql_run *run)
{
	return run->ready ? run->roots : 0;
}

const struct gql_call *gql_run_call(const struct gql_run *run, size_t i)
{
	return &run->root[i].call;
}

struct slice gql_call_text(const struct gql_call *call, const char *name)
{
	const struct gql_input *v = gql_input(call->args, slice_z(name));

	return v && v->kind != GQL_IN_NULL ? v->text : slice(NULL, 0);
}

bool gql_call_int(const struct gql_call *call, const char *name, int64_t *out)
{
	const struct gql_input *v = gql_input(call->args, slice_z(name));
	char text[24];

	if (!v || v->kind != GQL_IN_INT || v->text.n >= sizeof text)
		return false;
	memcpy(text, v->text.p, v->text.n);
	text[v->text.n] = '\0';
	*out = strtoll(text, NULL, 10);
	return true;
}

bool gql_call_json(const struct gql_call *call, const char *name, struct buf *out)
{
	const struct gql_input *v = gql_input(call->args, slice_z(name));

	if (!v || v->kind == GQL_IN_NULL)
		return false;
	gql_value_json(v, out);
	return true;
}

/* An item of the list, or the object itself. */
bool gql_run_row(struct gql_run *run, size_t i, const void *object)
{
	struct gql_root *r = &run->root[i];
	struct slice ref = slice_z(r->plan->field->type);
	bool list = gql_ref_list(ref);
	struct gql_path key = { .key = r->plan->key };
	struct gql_path row = { .above = &key, .index = r->rows };
	struct gql_value value = { .form = GQL_NODE_OF, .node = object };

	if (r->closed)
		return false;
	if (r->rows)
		buf_addc(&r->out, ',');
	run->bytes -= r->out.n;
	r->null = !gql_write(run, r->plan, list ? gql_ref_item(ref) : ref, &value,
			     list ? &row : &key, &r->out);
	r->rows++;
	run->bytes += r->out.n;
	r->closed = r->null || run->full || r->rows == r->call.limit;
	return !r->closed;
}

void gql_run_fail(struct gql_run *run, size_t i, struct slice message)
{
	struct gql_root *r = &run->root[i];
	struct gql_path key = { .key = r->plan->key };

	if (r->null)
		return;
	r->null = r->closed = true;
	gql_error_path(&run->errors, r->plan->at, &key, message);
}

/* ---- the answer ---- */

/* False: null where there must be no null. */
static bool write_root(struct gql_run *run, const struct gql_root *r, struct buf *out)
{
	struct gql_path key = { .key = r->plan->key };
	struct slice ref = slice_z(r->plan->field->type);

	if (!r->null && gql_ref_list(ref)) {
		buf_addc(out, '[');
		buf_adds(out, buf_slice(&r->out));
		buf_addc(out, ']');
		return true;
	}
	if (!r->null && r->rows) {
		buf_adds(out, buf_slice(&r->out));
		return true;
	}
	if (!r->null)
		return gql_write(run, r->plan, ref, &(struct gql_value){ 0 }, &key, out);
	buf_addz(out, "null");
	return !gql_ref_required(ref);
}

static bool write_first(struct gql_run *run, const struct gql_plan *p, struct buf *out)
{
	struct gql_scope scope = { run->schema, &run->arena };
	struct gql_path key = { .key = p->key };
	struct gql_value value = { 0 };

	if (p->call != GQL_NO_CALL)
		return write_root(run, &run->root[p->call], out);
	if (p->failure.p) {
		gql_error_path(&run->errors, p->at, &key, p->failure);
		buf_addz(out, "null");
		return !gql_ref_required(slice_z(p->field->type));
	}
	gql_introspect(&scope, p->field, p->around, p->args, &value);
	return gql_write(run, p, slice_z(p->field->type), &value, &key, out);
}

/* False: an error went through to the top. */
static bool write_data(struct gql_run *run, struct buf *out)
{
	buf_addc(out, '{');
	for (const struct gql_plan *p = run->plan; p; p = p->next) {
		if (p != run->plan)
			buf_addc(out, ',');
		json_quote(out, p->key);
		buf_addc(out, ':');
		if (!write_first(run, p, out))
			return false;
	}
	buf_addc(out, '}');
	return true;
}

void gql_run_answer(struct gql_run *run, struct buf *out)
{
	struct buf data = { 0 };

	run->bytes = 0;
	bool whole = run->ready && write_data(run, &data);
	buf_addc(out, '{');
	if (run->errors.n) {
		buf_addz(out, "\"errors\":");
		gql_errors_write(&run->errors, out);
	}
	if (run->ready) {
		buf_addz(out, run->errors.n ? ",\"data\":" : "\"data\":");
		buf_adds(out, whole ? buf_slice(&data) : slice("null", 4));
	}
	buf_addc(out, '}');
	buf_fini(&data);
}
