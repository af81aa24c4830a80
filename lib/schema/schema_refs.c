/* A reference is resolved against the URI of the resource around it; what is before the # of the
 * result names a resource, what is behind it an anchor of it or a pointer from its root. Pointers
 * count children of the values as they stand, so one may lead to where no word says that a schema
 * is; what it finds is compiled as one. */
#include "schema/schema_internal.h"
#include "schema/uri.h"

/* The child of a container by a token of a pointer; 0: none. */
static uint32_t child_named(const struct instance *in, uint32_t at, struct slice token)
{
	const struct json_node *node = in->json.node;
	uint32_t child = at + 1;
	uint64_t index = 0;

	if (node[at].type == JSON_OBJECT)
		return instance_member(in, at, token);
	if (node[at].type != JSON_ARRAY || !token.n || token.n > 9 ||
	    (token.p[0] == '0' && token.n > 1))
		return 0;
	for (size_t i = 0; i < token.n; i++) {
		if ((unsigned char)(token.p[i] - '0') > 9)
			return 0;
		index = index * 10 + (unsigned)(token.p[i] - '0');
	}
	for (; child < node[at].next && index; index--)
		child = node[child].next;
	return child < node[at].next ? child : 0;
}

/* A token's text: ~0 and ~1 decoded, in place. */
static struct slice read_token(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		bool escape = p[i] == '~' && i + 1 < n && (p[i + 1] == '0' || p[i + 1] == '1');

		p[to++] = escape ? (p[i + 1] == '0' ? '~' : '/') : p[i];
		i += escape;
	}
	return slice(p, to);
}

/* A pointer from the node at; false: it leads nowhere. */
static bool follow_pointer(const struct instance *in, struct buf *pointer, uint32_t *at)
{
	char *p = pointer->p, *end = p + pointer->n;

	while (p < end) {
		char *slash = memchr(p + 1, '/', (size_t)(end - p - 1));

		if (!slash)
			slash = end;
		*at = child_named(in, *at, read_token(p + 1, (size_t)(slash - p - 1)));
		if (!*at)
			return false;
		p = slash;
	}
	return true;
}

static bool find_fragment(const struct schema_set *set, const struct schema_resource *r,
			  struct buf *fragment, uint32_t *doc, uint32_t *at)
{
	*doc = r->doc;
	*at = r->at;
	if (!fragment->n)
		return true;
	if (fragment->p[0] == '/')
		return follow_pointer(&set->doc[r->doc].in, fragment, at);
	for (size_t i = 0; i < set->anchors; i++) {
		const struct schema_anchor *a = &set->anchor[i];
		const struct schema_resource *of = &set->resource[a->resource];

		/* a file with an $id is a resource under two names */
		if (of->doc != r->doc || of->at != r->at || !slice_eq(a->name, buf_slice(fragment)))
			continue;
		*doc = a->doc;
		*at = a->at;
		return true;
	}
	return false;
}

int schema_resolve(struct schema_set *set, uint32_t doc, uint32_t at, struct slice reference,
		   uint32_t *to_doc, uint32_t *to_at, struct err *err)
{
	const struct schema_resource *r;
	struct buf uri = { 0 }, fragment = { 0 };
	struct slice whole;
	const char *hash;
	bool found;

	uri_resolve(slice_z(set->resource[set->doc[doc].resource[at]].uri), reference, &uri);
	whole = buf_slice(&uri);
	hash = memchr(whole.p, '#', whole.n);
	if (hash)
		whole.n = (size_t)(hash - whole.p);
	r = schema_resource_named(set, whole);
	found = r && (!hash || uri_decode(slice(hash + 1, uri.n - whole.n - 1), &fragment)) &&
		find_fragment(set, r, &fragment, to_doc, to_at);
	if (!r)
		err_set(err, EX_CONFIG, "\"%.*s\" is in none of the files (%.*s)",
			reference.n > 200 ? 200 : (int)reference.n, reference.p,
			whole.n > 200 ? 200 : (int)whole.n, whole.p);
	else if (!found)
		err_set(err, EX_CONFIG, "\"%.*s\" leads nowhere",
			reference.n > 200 ? 200 : (int)reference.n, reference.p);
	buf_fini(&uri);
	buf_fini(&fragment);
	return found ? 0 : -1;
}
