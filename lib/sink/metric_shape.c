/* A definition is JSON that metric_describe (agg/metric.c) has written, in this program or an older
 * one; dimensions are paths there, and names in what is told of a row. */
#include "sink/metric_shape.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "json/path.h"

/* A dimension of a definition: a path, or an object with one, and perhaps a name of its own. */
static int read_dim(const struct json *j, uint32_t at, struct arena *arena, struct slice *name,
		    struct err *err)
{
	struct path path;
	struct buf text = { 0 };
	uint32_t as = json_get(j, at, "as"), of = json_get(j, at, "path");
	int rc = json_string(j, as ? as : of ? of : at, &text);

	if (rc)
		err_set(err, EX_DATAERR, "a dimension of the definition is no path");
	else if (as)
		*name = arena_copy(arena, buf_slice(&text));
	else if ((rc = path_parse(&path, buf_slice(&text), err)) == 0) {
		*name = arena_copy(arena, slice_z(path.name));
		path_fini(&path);
	}
	buf_fini(&text);
	return rc;
}

static int read_name(const struct json *j, uint32_t at, struct arena *arena, struct slice *name,
		     struct err *err)
{
	struct buf text = { 0 };
	int rc = json_string(j, at, &text) ? err_set(err, EX_DATAERR, "a dimension is no text") : 0;

	*name = arena_copy(arena, buf_slice(&text));
	buf_fini(&text);
	return rc;
}

static int read_dims(struct metric_shape *shape, const struct json *j, struct arena *arena,
		     struct err *err)
{
	uint32_t by = json_get(j, 0, "by"), list = by ? by : json_get(j, 0, "dims");
	size_t n = 0;
	int rc = 0;

	if (!list || j->node[list].type != JSON_ARRAY)
		return 0;
	for (uint32_t i = json_first(j, list); i < j->node[list].next; i = j->node[i].next)
		n++;
	shape->dim = arena_alloc(arena, (n + 1) * sizeof(*shape->dim));
	for (uint32_t i = json_first(j, list); i < j->node[list].next && rc == 0;
	     i = j->node[i].next)
		rc = (by ? read_dim : read_name)(j, i, arena, &shape->dim[shape->dims++], err);
	return rc;
}

/* "every":"1m"; what is not there leaves *us. */
static int read_length(const struct json *j, const char *key, int64_t *us, struct err *err)
{
	struct slice value;
	char *text;
	int rc;

	if (!json_get_text(j, 0, key, &value))
		return 0;
	text = mem_dup(value.p, value.n);
	rc = num_duration(text, us, err);
	free(text);
	return rc;
}

static int read_definition(struct metric_shape *shape, const struct json *j, struct arena *arena,
			   struct err *err)
{
	uint32_t value = json_get(j, 0, "value"), uniq = json_get(j, 0, "uniq");

	shape->has_value = value && j->node[value].type != JSON_FALSE;
	shape->has_uniq = uniq && j->node[uniq].type != JSON_FALSE;
	if (read_dims(shape, j, arena, err) || read_length(j, "every", &shape->every_us, err))
		return -1;
	shape->pane_us = shape->every_us;
	return read_length(j, "slide", &shape->pane_us, err);
}

int metric_shape_read(struct metric_shape *shape, struct slice def, struct arena *arena,
		      struct err *err)
{
	struct json j = { 0 };
	int rc;

	shape->dims = 0;
	shape->every_us = shape->pane_us = 0;
	rc = json_parse(&j, def, err) || read_definition(shape, &j, arena, err) ? -1 : 0;
	json_fini(&j);
	return rc ? err_in(err, "metric %.*s", (int)shape->name.n, shape->name.p) : 0;
}

bool metric_shape_of_row(struct slice dims, bool has_value, bool has_uniq, struct buf *out)
{
	struct json j = { 0 };
	bool good = json_parse(&j, dims, NULL) == 0 && j.node[0].type == JSON_OBJECT;

	buf_addz(out, "{\"dims\":[");
	for (uint32_t i = 1; good && i < j.node[0].next; i = j.node[i + 1].next) {
		buf_addz(out, i > 1 ? ",\"" : "\"");
		buf_adds(out, j.node[i].text);
		buf_addc(out, '"');
	}
	buf_printf(out, "],\"value\":%s,\"uniq\":%s}", has_value ? "true" : "false",
		   has_uniq ? "true" : "false");
	json_fini(&j);
	return good;
}

bool metric_shape_fits(int64_t every_us, int64_t step_us)
{
	return every_us == 0 || step_us % every_us == 0;
}
