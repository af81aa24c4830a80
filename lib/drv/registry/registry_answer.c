/* Answers are small, come once a schema, and are read as JSON:
 *
 *	200	{"schema":TEXT,"schemaType":"AVRO","id":7,"references":[{"name":..,"subject":S,
 *		"version":V}]}; no schemaType is AVRO
 *	else	{"error_code":40403,"message":".."} */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/registry/registry_internal.h"

/* A string member in a buffer of its own, NULL: there is none, or it has a NUL inside. */
static char *text_of(const struct json *j, uint32_t at, const char *key, size_t *n)
{
	uint32_t value = json_get(j, at, key);
	struct buf b = { 0 };

	if (!value || j->node[value].type != JSON_STRING || json_string(j, value, &b)) {
		buf_fini(&b);
		return NULL;
	}
	buf_z(&b);
	*n = b.n;
	if (strlen(b.p) == b.n)
		return b.p;
	buf_fini(&b);
	return NULL;
}

static int read_ref(struct document *d, uint32_t at, struct err *err)
{
	const struct json *j = &d->registry->json;
	size_t n;
	char *subject = text_of(j, at, "subject", &n);
	struct buf path = { 0 };
	uint64_t version;

	if (!subject || !json_get_u64(j, at, "version", &version)) {
		free(subject);
		return err_set(err, EX_DATAERR, "a reference without a subject and a version");
	}
	buf_addz(&path, "/subjects/");
	registry_url_put(&path, subject);
	buf_addz(&path, "/versions/");
	buf_addu(&path, version);
	buf_z(&path);
	free(subject);
	d->ref = mem_grow(d->ref, d->n_refs + 1, sizeof(*d->ref));
	d->ref[d->n_refs++] = path.p;
	return 0;
}

static int read_refs(struct document *d, struct err *err)
{
	const struct json *j = &d->registry->json;
	uint32_t refs = json_get(j, 0, "references");

	if (!refs || j->node[refs].type != JSON_ARRAY)
		return 0;
	for (uint32_t i = json_first(j, refs); i < j->node[refs].next; i = j->node[i].next) {
		if (d->n_refs == REGISTRY_REFS)
			return err_set(err, EX_DATAERR, "more than %d references", REGISTRY_REFS);
		if (read_ref(d, i, err))
			return -1;
	}
	return 0;
}

int registry_answer_read(struct document *d, struct slice body, struct err *err)
{
	struct json *j = &d->registry->json;
	bool has_id;
	uint64_t id;
	size_t n;

	if (json_parse(j, body, err) || j->node[0].type != JSON_OBJECT)
		return err_set(err, EX_DATAERR, "an answer that is no JSON object");
	has_id = json_get_u64(j, 0, "id", &id) && id <= UINT32_MAX;
	if (has_id)
		d->id = (uint32_t)id;
	if (d->body)
		return has_id ? 0 : err_set(err, EX_DATAERR, "an answer without an id");
	d->text = text_of(j, 0, "schema", &d->text_bytes);
	if (!d->text)
		return err_set(err, EX_DATAERR, "an answer without a schema");
	d->type = text_of(j, 0, "schemaType", &n);
	if (!d->type)
		d->type = mem_strdup("AVRO");
	return read_refs(d, err);
}

int registry_answer_code(struct registry *r, struct slice body, struct buf *message)
{
	struct err none;
	uint64_t code;
	size_t n;
	char *text;

	if (json_parse(&r->json, body, &none) || r->json.node[0].type != JSON_OBJECT ||
	    !json_get_u64(&r->json, 0, "error_code", &code) || code > INT32_MAX)
		return 0;
	text = text_of(&r->json, 0, "message", &n);
	if (text)
		buf_printf(message, ": %.200s", text);
	free(text);
	return (int)code;
}
