/* Every node of a file belongs to the innermost resource around it: the file itself, or a schema
 * with an $id of its own. A file's URI is file:///NAME, so files refer to each other by their
 * names; an $id at its root is another one.
 *
 *   order.json   {"$id":"https://x/order","$defs":{"p":{"$anchor":"price",..}}, ..}
 *                 file:///order.json and https://x/order: node 0     https://x/order#price: p
 *
 * $id and $anchor count only where a schema can stand by the words of the specification: in an
 * enum or an example they are data. A pointer may lead anywhere. */
#include "schema/schema_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "schema/uri.h"

struct schema_set *schema_set_new(bool assert_formats)
{
	struct schema_set *set = mem_zalloc(sizeof(*set));

	set->assert_formats = assert_formats;
	return set;
}

static void free_op(struct schema_op *op)
{
	free(op->list);
	if (!op->members)
		return;
	free(op->members->slot);
	free(op->members->pattern);
	free(op->members);
}

static void free_doc(struct schema_doc *doc)
{
	instance_fini(&doc->in);
	free(doc->name);
	free(doc->text);
	free(doc->resource);
	free(doc->schema);
}

void schema_set_free(struct schema_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->ops; i++)
		free_op(&set->op[i]);
	for (size_t i = 0; i < set->docs; i++)
		free_doc(&set->doc[i]);
	for (size_t i = 0; i < set->resources; i++)
		free(set->resource[i].uri);
	for (size_t i = 0; i < set->patterns; i++)
		regex_free(set->pattern[i]);
	free(set->op);
	free(set->doc);
	free(set->resource);
	free(set->anchor);
	free(set->code);
	free(set->pattern);
	free(set);
}

int schema_fail(const struct schema_set *set, uint32_t doc, uint32_t at, struct err *err,
		const char *fmt, ...)
{
	struct buf place = { 0 }, text = { 0 };
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf_room(&text, ERR_MSG_BYTES), ERR_MSG_BYTES, fmt, ap);
	va_end(ap);
	text.n = n < ERR_MSG_BYTES ? (size_t)n : ERR_MSG_BYTES - 1;
	instance_pointer(&set->doc[doc].in.json, at, &place);
	err_set(err, EX_CONFIG, "%s#%.*s: %s", set->doc[doc].name,
		place.n > 300 ? 300 : (int)place.n, place.n ? place.p : "", buf_z(&text));
	buf_fini(&place);
	buf_fini(&text);
	return -1;
}

enum schema_below schema_below(struct slice word)
{
	static const struct {
		const char *word;
		enum schema_below below;
	} words[] = {
		{ "$defs", BELOW_NAMED },
		{ "additionalProperties", BELOW_ONE },
		{ "allOf", BELOW_LIST },
		{ "anyOf", BELOW_LIST },
		{ "contains", BELOW_ONE },
		{ "definitions", BELOW_NAMED },
		{ "dependentSchemas", BELOW_NAMED },
		{ "else", BELOW_ONE },
		{ "if", BELOW_ONE },
		{ "items", BELOW_ONE },
		{ "not", BELOW_ONE },
		{ "oneOf", BELOW_LIST },
		{ "patternProperties", BELOW_NAMED },
		{ "prefixItems", BELOW_LIST },
		{ "properties", BELOW_NAMED },
		{ "propertyNames", BELOW_ONE },
		{ "then", BELOW_ONE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (slice_is(word, words[i].word))
			return words[i].below;
	return BELOW_NONE;
}

/* ---- resources and anchors */

static uint32_t add_resource(struct schema_set *set, char *uri_take, uint32_t doc, uint32_t at)
{
	mem_reserve(&set->resource, &set->resources_cap, set->resources + 1,
		    sizeof(*set->resource));
	set->resource[set->resources] = (struct schema_resource){ uri_take, doc, at };
	return (uint32_t)set->resources++;
}

const struct schema_resource *schema_resource_named(const struct schema_set *set, struct slice uri)
{
	for (size_t i = 0; i < set->resources; i++)
		if (slice_is(uri, set->resource[i].uri))
			return &set->resource[i];
	return NULL;
}

/* $id: the schema at `at` is a resource of its own. */
static int take_id(struct schema_set *set, uint32_t doc, uint32_t at, uint32_t id,
		   uint32_t *resource, struct err *err)
{
	const struct json_node *node = &set->doc[doc].in.json.node[id];
	struct buf uri = { 0 };
	const char *hash;

	if (node->type != JSON_STRING)
		return schema_fail(set, doc, id, err, "must be a string");
	uri_resolve(slice_z(set->resource[*resource].uri), node->text, &uri);
	buf_z(&uri);
	hash = strchr(uri.p, '#');
	if (hash && hash[1]) {
		buf_fini(&uri);
		return schema_fail(set, doc, id, err, "must have no fragment");
	}
	if (hash)
		uri.p[hash - uri.p] = '\0';
	if (schema_resource_named(set, slice_z(uri.p)) &&
	    strcmp(uri.p, set->resource[*resource].uri) != 0) {
		schema_fail(set, doc, id, err, "%s is the $id of another schema", uri.p);
		buf_fini(&uri);
		return -1;
	}
	*resource = add_resource(set, uri.p, doc, at);
	return 0;
}

static int take_anchor(struct schema_set *set, uint32_t doc, uint32_t at, uint32_t anchor,
		       uint32_t resource, struct err *err)
{
	const struct json_node *node = &set->doc[doc].in.json.node[anchor];

	if (node->type != JSON_STRING || !node->text.n)
		return schema_fail(set, doc, anchor, err, "must be a name");
	for (size_t i = 0; i < set->anchors; i++)
		if (set->anchor[i].resource == resource &&
		    slice_eq(set->anchor[i].name, node->text))
			return schema_fail(set, doc, anchor, err, "is there twice");
	mem_reserve(&set->anchor, &set->anchors_cap, set->anchors + 1, sizeof(*set->anchor));
	set->anchor[set->anchors++] = (struct schema_anchor){ resource, node->text, doc, at };
	return 0;
}

/* ---- the walk over a file */

enum place { PLACE_DATA, PLACE_SCHEMA, PLACE_LIST, PLACE_NAMED };

static int walk_node(struct schema_set *set, uint32_t doc, uint32_t at, uint32_t resource,
		     enum place place, struct err *err);

static enum place place_below(enum place place, struct slice name)
{
	static const enum place below[] = {
		[BELOW_NONE] = PLACE_DATA,
		[BELOW_ONE] = PLACE_SCHEMA,
		[BELOW_LIST] = PLACE_LIST,
		[BELOW_NAMED] = PLACE_NAMED,
	};

	if (place == PLACE_NAMED)
		return PLACE_SCHEMA;
	return place == PLACE_SCHEMA ? below[schema_below(name)] : PLACE_DATA;
}

static int walk_object(struct schema_set *set, uint32_t doc, uint32_t at, uint32_t resource,
		       enum place place, struct err *err)
{
	const struct instance *in = &set->doc[doc].in;
	const struct json_node *node = in->json.node;

	if (place == PLACE_SCHEMA) {
		uint32_t id = instance_member(in, at, slice_z("$id"));
		uint32_t anchor = instance_member(in, at, slice_z("$anchor"));

		if (id && take_id(set, doc, at, id, &resource, err))
			return -1;
		if (anchor && take_anchor(set, doc, at, anchor, resource, err))
			return -1;
		schema_want(set, doc, at);
	}
	set->doc[doc].resource[at] = resource;
	for (uint32_t i = at + 1; i < node[at].next; i = node[i + 1].next)
		if (walk_node(set, doc, i + 1, resource, place_below(place, node[i].text), err))
			return -1;
	return 0;
}

static int walk_node(struct schema_set *set, uint32_t doc, uint32_t at, uint32_t resource,
		     enum place place, struct err *err)
{
	const struct json_node *node = set->doc[doc].in.json.node;

	if (node[at].type == JSON_OBJECT)
		return walk_object(set, doc, at, resource, place, err);
	set->doc[doc].resource[at] = resource;
	if (place == PLACE_SCHEMA)
		schema_want(set, doc, at);
	if (node[at].type != JSON_ARRAY)
		return 0;
	for (uint32_t i = at + 1; i < node[at].next; i = node[i].next)
		if (walk_node(set, doc, i, resource,
			      place == PLACE_LIST ? PLACE_SCHEMA : PLACE_DATA, err))
			return -1;
	return 0;
}

/* file:///NAME, with what a URI cannot have as %HH. */
static char *file_uri(const char *name)
{
	struct buf uri = { 0 };

	buf_addz(&uri, "file:///");
	for (; *name; name++) {
		if (strchr("%?#[] ", *name) || (unsigned char)*name >= 0x7f) {
			buf_addc(&uri, '%');
			buf_hex(&uri, name, 1);
		} else {
			buf_addc(&uri, *name);
		}
	}
	buf_z(&uri);
	return uri.p;
}

/* A name that is there twice would hide a part of the schema; half of a surrogate pair is no
 * text. */
static int check_texts(const struct schema_set *set, uint32_t doc, struct err *err)
{
	const struct instance *in = &set->doc[doc].in;
	const struct json_node *node = in->json.node;

	for (uint32_t at = 0; at < in->json.n; at++) {
		if (node[at].escaped)
			return schema_fail(set, doc, at, err,
					   "half of a surrogate pair is no text");
		for (uint32_t i = at + 1; node[at].type == JSON_OBJECT && i < node[at].next;
		     i = node[i + 1].next)
			if (node[i].type != JSON_STRING)
				return schema_fail(set, doc, i, err, "is there twice");
	}
	return 0;
}

int schema_set_add(struct schema_set *set, const char *name, struct slice text, struct err *err)
{
	uint32_t number = (uint32_t)set->docs;
	struct schema_doc *doc;

	mem_reserve(&set->doc, &set->docs_cap, set->docs + 1, sizeof(*set->doc));
	doc = &set->doc[set->docs++];
	*doc = (struct schema_doc){ .name = mem_strdup(name), .text = mem_dup(text.p, text.n) };
	if (instance_read(&doc->in, slice(doc->text, text.n), err)) {
		err->code = EX_CONFIG;
		return err_in(err, "%s", name);
	}
	doc->resource = mem_array(doc->in.json.n, sizeof(*doc->resource));
	doc->schema = mem_array(doc->in.json.n, sizeof(*doc->schema));
	for (size_t i = 0; i < doc->in.json.n; i++)
		doc->schema[i] = NO_SCHEMA;
	if (check_texts(set, number, err))
		return -1;
	return walk_node(set, number, 0, add_resource(set, file_uri(name), number, 0), PLACE_SCHEMA,
			 err);
}

int schema_set_find(const struct schema_set *set, struct slice stem)
{
	for (size_t i = 0; i < set->docs; i++) {
		const struct slice name = slice_z(set->doc[i].name);

		if (name.n == stem.n + 5 && memcmp(name.p, stem.p, stem.n) == 0 &&
		    memcmp(name.p + stem.n, ".json", 5) == 0)
			return (int)i;
	}
	return -1;
}

const char *schema_set_name(const struct schema_set *set, int file)
{
	return (size_t)file < set->docs ? set->doc[file].name : NULL;
}

uint32_t schema_want(struct schema_set *set, uint32_t doc, uint32_t at)
{
	uint32_t *number = &set->doc[doc].schema[at];

	if (*number != NO_SCHEMA)
		return *number;
	mem_reserve(&set->code, &set->codes_cap, set->codes + 1, sizeof(*set->code));
	set->code[set->codes] = (struct schema_code){ .doc = doc, .at = at };
	return *number = (uint32_t)set->codes++;
}
