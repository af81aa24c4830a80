/* Texts and names of a schema. All of them lie in its arena, with a NUL behind, since they are put
 * together (namespaces), compared, and written as members of JSON; their lengths are not kept. A
 * text that has a NUL inside is no name, and is refused here. */
#include "avro/avro_parser.h"

void *avro_bytes(struct avro_parser *p, size_t n, size_t bytes)
{
	void *piece = arena_alloc(&p->schema->arena, n * bytes + 1);

	memset(piece, 0, n * bytes + 1);
	return piece;
}

const char *avro_text_at(struct avro_parser *p, uint32_t at)
{
	struct buf text = { 0 };
	char *copy = NULL;

	if (p->json->node[at].type == JSON_STRING && json_string(p->json, at, &text) == 0 &&
	    !memchr(buf_z(&text), '\0', text.n)) {
		copy = avro_bytes(p, text.n, 1);
		memcpy(copy, text.p, text.n);
	}
	buf_fini(&text);
	return copy;
}

const char *avro_text_of(struct avro_parser *p, uint32_t at, const char *key)
{
	uint32_t member = json_get(p->json, at, key);

	return member ? avro_text_at(p, member) : NULL;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c & 0x80;
}

bool avro_is_name(const char *name, bool full)
{
	const char *c = full ? avro_short(name) : name;

	if (!is_letter(*c))
		return false;
	while (is_letter(*c) || (*c >= '0' && *c <= '9'))
		c++;
	return *c == '\0';
}

const char *avro_short(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

const char *avro_full_name(struct avro_parser *p, const char *space, const char *name)
{
	size_t n = strlen(space), more = strlen(name);

	if (n == 0 || strchr(name, '.'))
		return name;
	char *full = avro_bytes(p, n + 1 + more, 1);
	memcpy(full, space, n);
	full[n] = '.';
	memcpy(full + n + 1, name, more);
	return full;
}

const char *avro_space_of(struct avro_parser *p, const char *full)
{
	size_t n = (size_t)(avro_short(full) - full);
	char *space = avro_bytes(p, n, 1);

	if (n > 0)
		memcpy(space, full, n - 1);
	return space;
}

struct avro_type *avro_find_named(const struct avro_schema *s, const char *full)
{
	for (size_t i = 0; i < s->n_named; i++)
		if (strcmp(s->named[i]->name, full) == 0)
			return s->named[i];
	return NULL;
}

int avro_need_array(struct avro_parser *p, uint32_t at, const char *what)
{
	if (at == 0 || p->json->node[at].type != JSON_ARRAY)
		return err_set(p->err, EX_CONFIG, "%s: missing, or no array", what);
	return 0;
}

int avro_count_elements(struct avro_parser *p, uint32_t at, const char *what, size_t *n)
{
	*n = 0;
	for (uint32_t i = json_first(p->json, at); i < p->json->node[at].next;
	     i = p->json->node[i].next)
		++*n;
	if (*n > AVRO_MANY)
		return err_set(p->err, EX_CONFIG, "%s: more than %d", what, AVRO_MANY);
	return 0;
}

int avro_parse_names(struct avro_parser *p, uint32_t at, const char *what, bool full,
		     struct avro_names *out)
{
	if (avro_need_array(p, at, what) || avro_count_elements(p, at, what, &out->n))
		return -1;
	out->name = avro_bytes(p, out->n, sizeof(*out->name));
	out->n = 0;
	for (uint32_t i = json_first(p->json, at); i < p->json->node[at].next;
	     i = p->json->node[i].next) {
		const char *name = avro_text_at(p, i);

		if (!name || !avro_is_name(name, full))
			return err_set(p->err, EX_CONFIG, "%s: \"%s\" is not a name", what,
				       name ? name : "");
		out->name[out->n++] = name;
	}
	return 0;
}

int avro_parse_aliases(struct avro_parser *p, uint32_t at, bool full, struct avro_names *out)
{
	uint32_t aliases = json_get(p->json, at, "aliases");

	return aliases ? avro_parse_names(p, aliases, "aliases", full, out) : 0;
}
