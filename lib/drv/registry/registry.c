/* A schema is a document, and so is each that it refers to. find() walks from the one to the
 * others, depth first, and asks for all that it meets and does not know, side by side; while one
 * is missing the walk is made again with the next call, and costs a few look-ups. Once all are
 * here their texts stand in the document of the schema, in the order of the walk's end. */
#include "drv/registry/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "drv/registry/registry_internal.h"

enum {
	FIRST_SLOTS = 64,
	MOST_DOCUMENTS = 65536,
	MOST_DEPTH = 64,
	MOST_REFS = 4096,
	MOST_BYTES = 16 << 20,
	CONNECTIONS = 4,
};

static const int64_t connect_us = 5 * 1000000, answer_us = 20 * 1000000;

/* ---- documents by their path */

static struct document **slot_of(struct registry *r, const char *path)
{
	return &r->slot[hash_64(path, strlen(path)) & (r->slots - 1)];
}

static void grow_slots(struct registry *r)
{
	struct document **old = r->slot;
	size_t n = r->slots;

	r->slots = n ? 2 * n : FIRST_SLOTS;
	r->slot = mem_array(r->slots, sizeof(*r->slot));
	for (size_t i = 0; i < n; i++)
		for (struct document *d = old[i], *next; d; d = next) {
			struct document **at = slot_of(r, d->path);

			next = d->next;
			d->next = *at;
			*at = d;
		}
	free(old);
}

/* Those that are not there are asked for again if they are wanted again. */
static void drop_missing(struct registry *r)
{
	for (size_t i = 0; i < r->slots; i++)
		for (struct document **at = &r->slot[i]; *at;) {
			struct document *d = *at;

			if (d->state != DOCUMENT_NONE) {
				at = &d->next;
				continue;
			}
			*at = d->next;
			document_free(d);
			r->n--;
		}
}

static struct document *document_of(struct registry *r, const char *path, const char *body)
{
	struct document *d;

	for (d = r->slots ? *slot_of(r, path) : NULL; d; d = d->next)
		if (strcmp(d->path, path) == 0)
			return d;
	if (r->n >= MOST_DOCUMENTS)
		drop_missing(r);
	if (r->n >= r->slots)
		grow_slots(r);
	d = document_new(r, path, body);
	d->next = *slot_of(r, path);
	*slot_of(r, path) = d;
	r->n++;
	return d;
}

/* ---- a schema and all below it */

struct walk {
	struct registry *r;
	struct slice *texts; /* of all but the first document */
	size_t n;
	unsigned depth;
	struct err *err;
};

static enum registry_outcome worse(enum registry_outcome a, enum registry_outcome b)
{
	static const enum registry_outcome order[] = { REGISTRY_FAILED, REGISTRY_NONE,
						       REGISTRY_WAITS };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return REGISTRY_FOUND;
}

static enum registry_outcome walk_down(struct walk *w, struct document *d);

static enum registry_outcome walk_ref(struct walk *w, struct document *d)
{
	enum registry_outcome rc;

	if (d->seen != w->r->walks) {
		rc = walk_down(w, d);
		if (rc == REGISTRY_FOUND) {
			w->texts = mem_grow(w->texts, w->n + 1, sizeof(*w->texts));
			w->texts[w->n++] = slice(d->text, d->text_bytes);
		}
		return rc;
	}
	if (!d->within)
		return REGISTRY_FOUND;
	err_set(w->err, EX_DATAERR, "%s refers to itself", d->path);
	return REGISTRY_NONE;
}

static enum registry_outcome walk_down(struct walk *w, struct document *d)
{
	enum registry_outcome rc = document_turn(d, w->err);

	d->seen = w->r->walks;
	if (rc != REGISTRY_FOUND || d->n_refs == 0)
		return rc;
	if (w->depth == MOST_DEPTH || w->n > MOST_REFS) {
		err_set(w->err, EX_DATAERR, "%s: more than %d references, or %d below one another",
			d->path, MOST_REFS, MOST_DEPTH);
		return REGISTRY_NONE;
	}
	d->within = true;
	w->depth++;
	for (size_t i = 0; i < d->n_refs && rc != REGISTRY_FAILED; i++)
		rc = worse(rc, walk_ref(w, document_of(w->r, d->ref[i], NULL)));
	w->depth--;
	d->within = false;
	return rc;
}

static enum registry_outcome make_whole(struct registry *r, struct document *d, struct err *err)
{
	struct walk w = { .r = r, .err = err };
	enum registry_outcome rc;

	r->walks++;
	rc = walk_down(&w, d);
	if (rc != REGISTRY_FOUND) {
		free(w.texts);
		return rc;
	}
	d->whole = true;
	d->texts = w.texts;
	d->n_texts = w.n;
	return rc;
}

static void key_path(const struct registry_key *key, struct buf *out)
{
	char guid[REGISTRY_GUID_TEXT];

	switch (key->by) {
	case REGISTRY_BY_ID:
		buf_printf(out, "/schemas/ids/%u", key->id);
		break;
	case REGISTRY_BY_GUID:
		registry_guid(key->guid, guid);
		buf_printf(out, "/schemas/guids/%s", guid);
		break;
	case REGISTRY_BY_SUBJECT:
		buf_addz(out, "/subjects/");
		registry_url_put(out, key->subject);
		buf_addz(out, "/versions/latest");
		break;
	}
}

static enum registry_outcome find_schema(void *registry, const struct registry_key *key,
					 struct registry_schema *out, struct err *err)
{
	struct registry *r = registry;
	struct buf path = { 0 };
	enum registry_outcome rc = REGISTRY_FOUND;
	struct document *d;

	key_path(key, &path);
	d = document_of(r, buf_z(&path), NULL);
	buf_fini(&path);
	if (!d->whole)
		rc = make_whole(r, d, err);
	if (rc == REGISTRY_FOUND)
		*out = (struct registry_schema){
			.id = key->by == REGISTRY_BY_ID ? key->id : d->id,
			.type = d->type,
			.text = slice(d->text, d->text_bytes),
			.refs = d->texts,
			.n_refs = d->n_texts,
		};
	return rc;
}

static enum registry_outcome find_id(void *registry, const char *subject, const char *type,
				     struct slice text, bool add, uint32_t *id, struct err *err)
{
	struct registry *r = registry;
	struct buf path = { 0 }, body = { 0 };
	enum registry_outcome rc;
	struct document *d;

	buf_addz(&path, "/subjects/");
	registry_url_put(&path, subject);
	if (add)
		buf_addz(&path, "/versions");
	buf_addz(&body, "{\"schema\":");
	json_quote(&body, text);
	if (strcmp(type, "AVRO") != 0) /* older registries know no other, and not the member */
		buf_printf(&body, ",\"schemaType\":\"%s\"", type);
	buf_addz(&body, "}");
	d = document_of(r, buf_z(&path), buf_z(&body));
	rc = document_turn(d, err);
	if (rc == REGISTRY_FOUND)
		*id = d->id;
	buf_fini(&path);
	buf_fini(&body);
	return rc;
}

/* ---- life */

static void registry_close(void *registry)
{
	struct registry *r = registry;

	if (!r)
		return;
	for (size_t i = 0; i < r->slots; i++)
		for (struct document *d = r->slot[i], *next; d; d = next) {
			next = d->next;
			document_free(d);
		}
	free(r->slot);
	http_client_free(r->http);
	registry_urls_fini(&r->urls);
	json_fini(&r->json);
	free(r->token);
	free(r);
}

static const char *set_in_environment(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

static int find_registry(struct registry *r, struct err *err)
{
	const char *env = set_in_environment("HTA_REGISTRY");
	const char *where = r->conf.urls ? r->conf.urls : env;
	bool login;

	if (!where)
		return err_set(err, EX_USAGE,
			       "--registry URL is missing (or HTA_REGISTRY in the environment)");
	if (registry_urls_parse(where, &r->urls, &login, err))
		return err_in(err, r->conf.urls ? "--registry" : "HTA_REGISTRY");
	if (login && r->conf.urls)
		log_warn("a password on the command line is seen by everybody on this machine: put "
			 "the URL into HTA_REGISTRY, or the login into HTA_REGISTRY_LOGIN");
	r->login = set_in_environment("HTA_REGISTRY_LOGIN");
	return registry_token_open(r, set_in_environment("HTA_REGISTRY_TOKEN"), err);
}

static void *registry_open(const struct registry_conf *conf, struct loop *loop, struct err *err)
{
	struct registry *r = mem_zalloc(sizeof(*r));

	r->conf = *conf;
	r->loop = loop;
	if (find_registry(r, err))
		goto close;
	r->http = http_client_new(loop,
				  &(struct http_client_conf){ .ca = conf->ca,
							      .connect_us = connect_us,
							      .answer_us = answer_us,
							      .most_bytes = MOST_BYTES,
							      .connections = CONNECTIONS },
				  err);
	if (r->http)
		return r;
close:
	registry_close(r);
	return NULL;
}

const struct registry_ops registry_http = {
	.open = registry_open,
	.close = registry_close,
	.find = find_schema,
	.id = find_id,
};
