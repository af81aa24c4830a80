#include "serve/rules.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "json/json.h"
#include "tool/rules_files.h"

/* ---- the folder */
static int take_rules_file(void *arg, const char *path, struct slice text, struct err *err)
{
	struct served_rules *s = arg;
	size_t before = s->rules.n, at = s->texts;

	s->text = mem_grow(s->text, s->texts + 1, sizeof(*s->text));
	s->path = mem_grow(s->path, s->texts + 1, sizeof(*s->path));
	s->text[at] = (struct buf){ 0 };
	s->path[at] = mem_strdup(path);
	s->texts++;
	buf_adds(&s->text[at], text);
	if (rules_parse(&s->rules, path, buf_slice(&s->text[at]), err))
		return -1;
	s->v = mem_grow(s->v, s->rules.n + 1, sizeof(*s->v));
	for (size_t i = before; i < s->rules.n; i++) {
		const struct rule *r = &s->rules.v[i];

		s->v[i] = (struct served_rule){ .id = r->id,
						.source = r->source,
						.path = s->path[at],
						.version = r->version,
						.active = r->active,
						.retired = r->retired };
	}
	return 0;
}

/* A folder without rules is one that has none yet. */
static bool is_without_rules(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	bool none = dir != NULL;

	while (dir && none && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		none = e->d_name[0] == '.' || n <= 5 || strcmp(e->d_name + n - 5, ".json") != 0;
	}
	if (dir)
		closedir(dir);
	return none;
}

int served_rules_read(struct served_rules *s, const char *path, struct err *err)
{
	return is_without_rules(path) ? 0 : rules_files_each(path, take_rules_file, s, err);
}

void served_rules_fini(struct served_rules *s)
{
	rules_fini(&s->rules);
	for (size_t i = 0; i < s->texts; i++) {
		buf_fini(&s->text[i]);
		free(s->path[i]);
	}
	free(s->text);
	free(s->path);
	free(s->v);
}

struct served_rule *served_rules_find(struct served_rules *s, struct slice id)
{
	for (size_t i = 0; i < s->rules.n; i++)
		if (slice_eq(s->v[i].id, id))
			return &s->v[i];
	return NULL;
}

/* ---- texts */
void served_rule_text(struct slice source, uint64_t version, bool retired, struct buf *out)
{
	struct json j = { 0 };

	buf_addc(out, '{');
	if (json_parse(&j, source, NULL) == 0)
		for (uint32_t i = 1; i < j.node[0].next; i = j.node[i + 1].next) {
			const struct json_node *v = &j.node[i + 1];
			bool quoted = v->type == JSON_STRING;

			if (json_is(&j, i, slice_z("version")) ||
			    json_is(&j, i, slice_z("retired")))
				continue;
			buf_addz(out, out->p[out->n - 1] == '{' ? "\"" : ",\"");
			buf_adds(out, j.node[i].text);
			buf_addz(out, "\":");
			buf_add(out, v->text.p - quoted, v->text.n + 2 * quoted);
		}
	if (version) {
		buf_addz(out, ",\"version\":");
		buf_addu(out, version);
	}
	buf_addz(out, retired ? ",\"retired\":true}" : "}");
	json_fini(&j);
}

void served_rule_etag(struct slice text, char out[SERVE_ETAG_BYTES])
{
	struct buf etag = { 0 };
	uint8_t hash[16];

	hash_128(text.p, text.n, hash);
	buf_addc(&etag, '"');
	buf_hex(&etag, hash, sizeof(hash));
	buf_addc(&etag, '"');
	memcpy(out, buf_z(&etag), SERVE_ETAG_BYTES);
	buf_fini(&etag);
}
