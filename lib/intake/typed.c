#include "intake/typed.h"

#include <stdlib.h>

#include "base/mem.h"
#include "intake/total.h"
#include "json/json.h"

struct typed {
	char *path, *topic, *text;
	struct slice own_id; /* of text */
	struct schema_set *schemas;
	struct total *total;
	struct intake_route *route;
};

/* ---- the option */

static bool is_path(struct slice s)
{
	if (s.n < 2 || s.p[0] != '/' || s.p[s.n - 1] == '/')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
		    strchr("?#%\"<>\\^`{|}", s.p[i]))
			return false;
	return true;
}

int typed_spec_parse(const char *text, struct typed_spec *out, struct err *err)
{
	const char *equals = strchr(text, '='), *colon = equals ? strchr(equals, ':') : NULL;

	if (!colon || colon == equals + 1 || !colon[1])
		return err_set(err, EX_USAGE,
			       "\"%s\" is not PATH=TOPIC:SCHEMA "
			       "(/api/v1/orders=order_events:orders)",
			       text);
	*out = (struct typed_spec){
		.path = slice(text, (size_t)(equals - text)),
		.topic = slice(equals + 1, (size_t)(colon - equals - 1)),
		.schema = slice_z(colon + 1),
	};
	if (!is_path(out->path))
		return err_set(err, EX_USAGE, "\"%.*s\" is not the path of a route",
			       (int)out->path.n, out->path.p);
	if (intake_route_builtin(out->path))
		return err_set(err, EX_USAGE, "%.*s is a route already", (int)out->path.n,
			       out->path.p);
	return 0;
}

/* ---- the schema */

static int take_x_id(struct typed *t, const struct json *j, struct err *err)
{
	uint32_t at = json_get(j, 0, "x-id");

	if (!at)
		return 0;
	if (j->node[at].type != JSON_STRING || j->node[at].escaped || j->node[at].text.n == 0)
		return err_set(err, EX_CONFIG, "x-id: must be the name of a member");
	t->own_id = j->node[at].text;
	return 0;
}

static int take_x_total(struct typed *t, const struct json *j, struct err *err)
{
	uint32_t at = json_get(j, 0, "x-total");

	if (at)
		t->total = total_new(j, at, err);
	return at && !t->total ? -1 : 0;
}

static int take_words(struct typed *t, struct slice text, struct err *err)
{
	struct json j = { 0 };
	int result = json_parse(&j, text, err);

	if (result == 0 && j.node[0].type != JSON_OBJECT)
		result = err_set(err, EX_CONFIG, "a route's schema must be an object");
	if (result == 0)
		result = take_x_id(t, &j, err);
	if (result == 0)
		result = take_x_total(t, &j, err);
	json_fini(&j);
	return result;
}

static int make_route(struct typed *t, const char *name, struct slice text, struct err *err)
{
	if (schema_set_add(t->schemas, name, text, err) || schema_set_compile(t->schemas, err))
		return -1;
	if (take_words(t, text, err))
		return err_in(err, "%s", name);
	t->route = intake_route_new(
		&(struct intake_route_conf){
			.path = t->path,
			.topic = t->topic,
			.forms = CUT_ONE,
			.typed = true,
			.schemas = t->schemas,
			.schema = 0,
			.own_id = t->own_id,
			.totals = t->total,
		},
		err);
	return t->route ? 0 : err_in(err, "%s", name);
}

struct typed *typed_new(const struct typed_spec *spec, const char *name, struct slice text,
			struct err *err)
{
	struct typed *t = mem_zalloc(sizeof(*t));

	t->path = mem_dup(spec->path.p, spec->path.n);
	t->topic = mem_dup(spec->topic.p, spec->topic.n);
	t->text = mem_dup(text.p, text.n);
	t->schemas = schema_set_new(true);
	if (make_route(t, name, slice_z(t->text), err) == 0)
		return t;
	typed_free(t);
	return NULL;
}

void typed_free(struct typed *t)
{
	if (!t)
		return;
	intake_route_free(t->route);
	total_free(t->total);
	schema_set_free(t->schemas);
	free(t->path);
	free(t->topic);
	free(t->text);
	free(t);
}

struct intake_route *typed_route(const struct typed *t)
{
	return t->route;
}

struct slice typed_schema(const struct typed *t)
{
	return slice_z(t->text);
}
