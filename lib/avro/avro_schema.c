/* Schemas: a text of JSON to a graph of types.
 *
 *   text -> json_parse -> parse_type, which goes down the JSON once
 *                         "int", ["null", ..], {"type": ..}
 *
 * A named type is put into a table before its fields are parsed, so that these may name it.
 * It is one node, and every use of its name points to it: the graph has circles where a
 * record has itself inside. All nodes and names lie in one arena. The parsed texts are kept, since
 * defaults are encoded out of them when somebody asks (avro_encode_default): a default that is none
 * of its type stands in many an old schema, and harms only whom it is for.
 *
 * Names are compared one with the other. AVRO_MANY bounds what that costs. */
#include "avro/avro_parser.h"

#include <stdlib.h>

#include "base/mem.h"

static const char *const kinds[] = { "null",   "boolean", "int",    "long",   "float",
				     "double", "bytes",   "string", "record", "enum",
				     "array",  "map",     "fixed",  "union" };

static const struct avro_type *parse_type(struct avro_parser *p, uint32_t at, const char *space);

/* ---- types */

static struct avro_type *type_new(struct avro_parser *p, enum avro_kind kind)
{
	struct avro_type *type = avro_bytes(p, 1, sizeof(*type));

	type->kind = kind;
	type->name = kinds[kind];
	return type;
}

/* The kind of a primitive type, AVRO_RECORD: the name of none. */
static enum avro_kind primitive_of(const char *name)
{
	size_t kind = AVRO_NULL;

	while (kind < AVRO_RECORD && strcmp(kinds[kind], name) != 0)
		kind++;
	return (enum avro_kind)kind;
}

static const struct avro_type *parse_word(struct avro_parser *p, const char *word,
					  const char *space)
{
	enum avro_kind kind = primitive_of(word);
	const struct avro_type *type;

	if (kind < AVRO_RECORD)
		return type_new(p, kind);
	type = avro_find_named(p->schema, avro_full_name(p, space, word));
	if (!type)
		type = avro_find_named(p->schema, word);
	if (!type)
		err_set(p->err, EX_CONFIG, "no type \"%s\" is known here", word);
	return type;
}

static int check_branch(struct avro_parser *p, const struct avro_type *u,
			const struct avro_type *branch)
{
	if (branch->kind == AVRO_UNION)
		return err_set(p->err, EX_CONFIG, "a union holds a union");
	for (size_t i = 0; i < u->n; i++)
		if (u->branch[i]->kind == branch->kind &&
		    strcmp(u->branch[i]->name, branch->name) == 0)
			return err_set(p->err, EX_CONFIG, "a union holds %s twice", branch->name);
	return 0;
}

static const struct avro_type *parse_union(struct avro_parser *p, uint32_t at, const char *space)
{
	struct avro_type *u = type_new(p, AVRO_UNION);
	size_t n;

	if (avro_count_elements(p, at, "union", &n))
		return NULL;
	u->branch = avro_bytes(p, n, sizeof(*u->branch));
	for (uint32_t i = json_first(p->json, at); i < p->json->node[at].next;
	     i = p->json->node[i].next) {
		const struct avro_type *branch = parse_type(p, i, space);

		if (!branch || check_branch(p, u, branch))
			return NULL;
		u->branch[u->n++] = branch;
	}
	return u;
}

static int parse_field(struct avro_parser *p, uint32_t at, const char *space,
		       struct avro_type *record)
{
	struct avro_field *field = &record->field[record->n];
	uint32_t type = json_get(p->json, at, "type");

	field->name = avro_text_of(p, at, "name");
	if (!field->name || !avro_is_name(field->name, false))
		return err_set(p->err, EX_CONFIG, "fields: one has no name, or \"%s\"",
			       field->name ? field->name : "");
	for (size_t i = 0; i < record->n; i++)
		if (strcmp(record->field[i].name, field->name) == 0)
			return err_set(p->err, EX_CONFIG, "field %s: stands twice", field->name);
	if (!type)
		return err_set(p->err, EX_CONFIG, "field %s: no type", field->name);
	field->type = parse_type(p, type, space);
	if (!field->type || avro_parse_aliases(p, at, false, &field->aliases))
		return err_in(p->err, "field %s", field->name);
	field->value.at = json_get(p->json, at, "default");
	field->value.json = field->value.at ? p->json : NULL;
	record->n++;
	return 0;
}

static int parse_record(struct avro_parser *p, uint32_t at, struct avro_type *record)
{
	uint32_t fields = json_get(p->json, at, "fields");
	const char *space = avro_space_of(p, record->name);
	size_t n;

	if (avro_need_array(p, fields, "fields") || avro_count_elements(p, fields, "fields", &n))
		return -1;
	record->field = avro_bytes(p, n, sizeof(*record->field));
	for (uint32_t i = json_first(p->json, fields); i < p->json->node[fields].next;
	     i = p->json->node[i].next)
		if (parse_field(p, i, space, record))
			return -1;
	return 0;
}

static int parse_enum(struct avro_parser *p, uint32_t at, struct avro_type *e)
{
	struct avro_names symbols;
	const char *value = avro_text_of(p, at, "default");

	if (avro_parse_names(p, json_get(p->json, at, "symbols"), "symbols", false, &symbols))
		return -1;
	e->symbol = symbols.name;
	e->n = e->symbol_default = symbols.n;
	for (size_t i = 0; i < e->n; i++) {
		for (size_t k = 0; k < i; k++)
			if (strcmp(e->symbol[i], e->symbol[k]) == 0)
				return err_set(p->err, EX_CONFIG, "symbol %s stands twice",
					       e->symbol[i]);
		if (value && strcmp(value, e->symbol[i]) == 0)
			e->symbol_default = i;
	}
	if (json_get(p->json, at, "default") && e->symbol_default == e->n)
		return err_set(p->err, EX_CONFIG, "the default is none of the symbols");
	return 0;
}

static int parse_fixed(struct avro_parser *p, uint32_t at, struct avro_type *fixed)
{
	uint64_t size;

	if (!json_get_u64(p->json, at, "size", &size) || size > INT32_MAX)
		return err_set(p->err, EX_CONFIG, "size: missing, or no number of bytes");
	fixed->size = (uint32_t)size;
	return 0;
}

/* Puts a type that has a name into the table. */
static int name_type(struct avro_parser *p, uint32_t at, const char *space, struct avro_type *type)
{
	const char *name = avro_text_of(p, at, "name"), *own = avro_text_of(p, at, "namespace");
	struct avro_schema *s = p->schema;

	if (!name || !avro_is_name(name, true) || primitive_of(name) < AVRO_RECORD)
		return err_set(p->err, EX_CONFIG, "%s \"%s\": not a name for a type",
			       kinds[type->kind], name ? name : "");
	type->name = avro_full_name(p, own ? own : space, name);
	if (avro_find_named(s, type->name))
		return err_set(p->err, EX_CONFIG, "%s %s: defined twice", kinds[type->kind],
			       type->name);
	if (s->n_named == AVRO_MANY)
		return err_set(p->err, EX_CONFIG, "more than %d names", AVRO_MANY);
	mem_reserve(&s->named, &s->cap_named, s->n_named + 1, sizeof(*s->named));
	s->named[s->n_named++] = type;
	return 0;
}

static int parse_parts(struct avro_parser *p, uint32_t at, struct avro_type *type)
{
	const char *space = avro_space_of(p, type->name);

	if (avro_parse_aliases(p, at, true, &type->aliases))
		return -1;
	for (size_t i = 0; i < type->aliases.n; i++)
		type->aliases.name[i] = avro_full_name(p, space, type->aliases.name[i]);
	if (type->kind == AVRO_RECORD)
		return parse_record(p, at, type);
	return type->kind == AVRO_ENUM ? parse_enum(p, at, type) : parse_fixed(p, at, type);
}

static const struct avro_type *parse_named(struct avro_parser *p, uint32_t at, const char *space,
					   enum avro_kind kind)
{
	struct avro_type *type = type_new(p, kind);

	if (name_type(p, at, space, type))
		return NULL;
	if (parse_parts(p, at, type)) {
		err_in(p->err, "%s %s", kinds[kind], type->name);
		return NULL;
	}
	avro_logical_of(p->json, at, type);
	return type;
}

static const struct avro_type *parse_items(struct avro_parser *p, uint32_t at, const char *space,
					   enum avro_kind kind)
{
	const char *key = kind == AVRO_ARRAY ? "items" : "values";
	struct avro_type *type = type_new(p, kind);
	uint32_t items = json_get(p->json, at, key);

	if (!items) {
		err_set(p->err, EX_CONFIG, "%s: no %s", kinds[kind], key);
		return NULL;
	}
	type->items = parse_type(p, items, space);
	if (!type->items) {
		err_in(p->err, "%s of", kinds[kind]);
		return NULL;
	}
	return type;
}

static const struct avro_type *parse_object(struct avro_parser *p, uint32_t at, const char *space)
{
	uint32_t inner = json_get(p->json, at, "type");
	const char *word = inner ? avro_text_at(p, inner) : NULL;
	struct avro_type *type;

	if (!inner || p->json->node[inner].type < JSON_STRING) {
		err_set(p->err, EX_CONFIG, "an object without a type");
		return NULL;
	}
	if (!word)
		return parse_type(p, inner, space);
	if (strcmp(word, "record") == 0 || strcmp(word, "error") == 0)
		return parse_named(p, at, space, AVRO_RECORD);
	if (strcmp(word, "enum") == 0 || strcmp(word, "fixed") == 0)
		return parse_named(p, at, space, *word == 'e' ? AVRO_ENUM : AVRO_FIXED);
	if (strcmp(word, "array") == 0 || strcmp(word, "map") == 0)
		return parse_items(p, at, space, *word == 'a' ? AVRO_ARRAY : AVRO_MAP);
	if (primitive_of(word) == AVRO_RECORD)
		return parse_word(p, word, space);
	type = type_new(p, primitive_of(word));
	avro_logical_of(p->json, at, type);
	return type;
}

static const struct avro_type *parse_type(struct avro_parser *p, uint32_t at, const char *space)
{
	const char *word;

	switch (p->json->node[at].type) {
	case JSON_ARRAY:
		return parse_union(p, at, space);
	case JSON_OBJECT:
		return parse_object(p, at, space);
	default:
		word = avro_text_at(p, at);
		if (word)
			return parse_word(p, word, space);
		err_set(p->err, EX_CONFIG, "a type is a string, an array or an object");
		return NULL;
	}
}

/* ---- the whole */

static int parse_text(struct avro_schema *s, struct slice text, struct err *err)
{
	struct json *json = mem_zalloc(sizeof(*json));
	struct avro_parser p = { s, json, err };

	mem_reserve(&s->texts, &s->cap_texts, s->n_texts + 1, sizeof(*s->texts));
	s->texts[s->n_texts++] = json;
	if (json_parse(json, arena_copy(&s->arena, text), err)) {
		if (err)
			err->code = EX_CONFIG;
		return err_in(err, "not JSON");
	}
	s->root = parse_type(&p, 0, "");
	return s->root ? 0 : -1;
}

static bool stood_before(const struct slice *refs, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (slice_eq(refs[i], refs[at]))
			return true;
	return false;
}

struct avro_schema *avro_schema_new(struct slice text, const struct slice *refs, size_t n_refs,
				    struct err *err)
{
	struct avro_schema *s = mem_zalloc(sizeof(*s));
	struct err ours = ERR_INIT;

	for (size_t i = 0; i < n_refs; i++)
		if (!stood_before(refs, i) && parse_text(s, refs[i], &ours)) {
			err_in(&ours, "reference %zu", i + 1);
			goto free_schema;
		}
	if (parse_text(s, text, &ours) == 0)
		return s;
free_schema:
	err_copy(err, &ours);
	avro_schema_free(s);
	return NULL;
}

void avro_schema_free(struct avro_schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_texts; i++) {
		json_fini(s->texts[i]);
		free(s->texts[i]);
	}
	free(s->texts);
	free(s->named);
	arena_fini(&s->arena);
	free(s);
}

bool avro_schema_is_record(const struct avro_schema *schema)
{
	return schema->root->kind == AVRO_RECORD;
}
