/* Schema resolution, but for its errors: names, promotions, and the best branch of a union. */
#include "avro/avro_resolve.h"

#include <string.h>

bool avro_same_name(const struct avro_type *w, const struct avro_type *r)
{
	const char *name = avro_short(w->name);

	if (strcmp(name, avro_short(r->name)) == 0)
		return true;
	for (size_t i = 0; i < r->aliases.n; i++)
		if (strcmp(name, avro_short(r->aliases.name[i])) == 0)
			return true;
	return false;
}

bool avro_is_promoted(enum avro_kind w, enum avro_kind r)
{
	switch (w) {
	case AVRO_INT:
		return r == AVRO_LONG || r == AVRO_FLOAT || r == AVRO_DOUBLE;
	case AVRO_LONG:
		return r == AVRO_FLOAT || r == AVRO_DOUBLE;
	case AVRO_FLOAT:
		return r == AVRO_DOUBLE;
	case AVRO_BYTES:
		return r == AVRO_STRING;
	case AVRO_STRING:
		return r == AVRO_BYTES;
	default:
		return false;
	}
}

/* How well a branch of the reader's union takes what is written: 0 not at all, 1 as another type,
 * 2 as the same type (a record of another name), 3 as the same. */
static int fitness(const struct avro_type *w, const struct avro_type *r)
{
	if (w->kind != r->kind)
		return avro_is_promoted(w->kind, r->kind);
	if (avro_is_named(w) && !avro_same_name(w, r))
		return w->kind == AVRO_RECORD ? 2 : 0;
	return 3;
}

const struct avro_type *avro_branch_for(const struct avro_type *w, const struct avro_type *r)
{
	const struct avro_type *best = NULL;
	int fit = 0;

	for (size_t i = 0; i < r->n; i++)
		if (fitness(w, r->branch[i]) > fit) {
			best = r->branch[i];
			fit = fitness(w, best);
		}
	return best;
}

const char *avro_symbol_of(const struct avro_type *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->symbol[i], name) == 0)
			return name;
	return r->symbol_default < r->n ? r->symbol[r->symbol_default] : NULL;
}

static bool has_alias(const struct avro_field *field, const char *name)
{
	for (size_t i = 0; i < field->aliases.n; i++)
		if (strcmp(field->aliases.name[i], name) == 0)
			return true;
	return false;
}

/* Whether the writer has a field by the very name of the reader's. */
static bool writes_name(const struct avro_type *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->field[i].name, name) == 0)
			return true;
	return false;
}

const struct avro_field *avro_field_for(const struct avro_type *w, const char *name,
					const struct avro_type *r, const bool *taken)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->field[i].name, name) == 0)
			return &r->field[i];
	for (size_t i = 0; i < r->n; i++)
		if (!taken[i] && has_alias(&r->field[i], name) && !writes_name(w, r->field[i].name))
			return &r->field[i];
	return NULL;
}
