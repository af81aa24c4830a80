/* Values to JSON. A null where there must be none is an error once, at its own path, and makes null
 * of the nearest value around it that may be: what was written of that is taken back. */
#include "gql/gql_run_internal.h"

static bool write_object(struct gql_run *run, const struct gql_plan *plan, const void *object,
			 const struct gql_path *path, struct buf *out);

static bool write_list(struct gql_run *run, const struct gql_plan *plan, struct slice item,
		       const struct gql_value *value, const struct gql_path *path, struct buf *out)
{
	struct gql_scope scope = { run->schema, &run->arena };

	buf_addc(out, '[');
	for (size_t i = 0; i < value->n; i++) {
		struct gql_path at = { .above = path, .index = i };
		struct gql_value one = { 0 };

		if (i)
			buf_addc(out, ',');
		value->item(&scope, value->node, i, &one);
		if (!gql_write(run, plan, item, &one, &at, out))
			return false;
	}
	buf_addc(out, ']');
	return true;
}

/* A value that is no null. */
static bool write_present(struct gql_run *run, const struct gql_plan *plan, struct slice ref,
			  const struct gql_value *value, const struct gql_path *path,
			  struct buf *out)
{
	switch (value->form) {
	case GQL_TEXT_OF:
		json_quote(out, value->text);
		return true;
	case GQL_JSON_OF:
		buf_adds(out, value->text);
		return true;
	case GQL_BOOL_OF:
		buf_addz(out, value->truth ? "true" : "false");
		return true;
	case GQL_LIST_OF:
		return write_list(run, plan, gql_ref_item(ref), value, path, out);
	case GQL_NODE_OF:
		return write_object(run, plan, value->node, path, out);
	case GQL_NULL_OF:
		break;
	}
	return false;
}

static bool no_value(struct gql_run *run, const struct gql_plan *plan, const struct gql_path *path)
{
	struct buf text = { 0 };

	buf_printf(&text, "the field \"%s\" of %s has no value, and its type is %s",
		   plan->field->name, plan->around->name, plan->field->type);
	gql_error_path(&run->errors, plan->at, path, buf_slice(&text));
	buf_fini(&text);
	return false;
}

bool gql_write(struct gql_run *run, const struct gql_plan *plan, struct slice ref,
	       const struct gql_value *value, const struct gql_path *path, struct buf *out)
{
	size_t start = out->n;

	if (value->form == GQL_NULL_OF && gql_ref_required(ref))
		return no_value(run, plan, path);
	if (value->form != GQL_NULL_OF && write_present(run, plan, ref, value, path, out))
		return true;
	out->n = start;
	if (gql_ref_required(ref))
		return false;
	buf_addz(out, "null");
	return true;
}

/* A full answer fails whatever comes, so that it ends at once. */
static bool has_room(struct gql_run *run, const struct gql_plan *plan, const struct gql_path *path,
		     const struct buf *out)
{
	static const char full[] = "the answer would be larger than 16 MiB";

	if (!run->full && run->bytes + out->n > GQL_ANSWER_BYTES) {
		run->full = true;
		gql_error_path(&run->errors, plan->at, path, slice(full, sizeof full - 1));
	}
	return !run->full;
}

static bool write_object(struct gql_run *run, const struct gql_plan *plan, const void *object,
			 const struct gql_path *path, struct buf *out)
{
	struct gql_scope scope = { run->schema, &run->arena };

	if (!has_room(run, plan, path, out))
		return false;
	buf_addc(out, '{');
	for (const struct gql_plan *p = plan->first; p; p = p->next) {
		struct gql_path at = { .above = path, .key = p->key };
		struct gql_value value = { 0 };

		if (p != plan->first)
			buf_addc(out, ',');
		json_quote(out, p->key);
		buf_addc(out, ':');
		if (p->field->resolve)
			p->field->resolve(&scope, object, &value);
		else
			gql_text(&value, slice_z(p->around->name)); /* __typename */
		if (!gql_write(run, p, slice_z(p->field->type), &value, &at, out))
			return false;
	}
	buf_addc(out, '}');
	return true;
}
