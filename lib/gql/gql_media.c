#include "gql/gql_media.h"

static const char *const names[] = {
	[GQL_MEDIA_JSON] = "application/json",
	[GQL_MEDIA_GRAPHQL] = "application/graphql-response+json",
};

static struct slice trim(struct slice s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before the next `at` off *rest, trimmed. False: nothing is left. */
static bool next_part(struct slice *rest, char at, struct slice *part)
{
	if (!rest->p)
		return false;
	const char *end = rest->n ? memchr(rest->p, at, rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->n;

	*part = trim(slice(rest->p, n));
	*rest = end ? slice(end + 1, rest->n - n - 1) : slice(NULL, 0);
	return true;
}

static bool is_word(struct slice s, const char *word)
{
	return s.n == strlen(word) && str_same(s.p, word, s.n);
}

/* A weight of RFC 9110 in thousands; -1: none. */
static int weight_of(struct slice text)
{
	int weight = 0, unit = 1000;

	for (size_t i = 0; i < text.n; i++) {
		if (i == 1 && text.p[i] == '.')
			continue;
		if (text.p[i] < '0' || text.p[i] > '9' || unit == 0)
			return -1;
		weight += (text.p[i] - '0') * unit;
		unit /= 10;
	}
	return text.n && weight <= 1000 ? weight : -1;
}

/* How exactly a range names a type: 3 the type, 2 application, 1 any, 0 not. */
static int exactness(struct slice range, const char *name)
{
	if (is_word(range, name))
		return 3;
	if (is_word(range, "application/*"))
		return 2;
	return is_word(range, "*/*");
}

struct preference {
	int exact, weight;
	unsigned place;
};

static void prefer(struct preference *p, const char *name, struct slice range, int weight,
		   unsigned place)
{
	int exact = exactness(range, name);

	if (exact > p->exact)
		*p = (struct preference){ exact, weight, place };
}

enum gql_media gql_media_accept(struct slice accept)
{
	struct preference json = { 0 }, graphql = { 0 };
	struct slice one, range, parameter;

	if (trim(accept).n == 0)
		return GQL_MEDIA_JSON;
	for (unsigned place = 0; next_part(&accept, ',', &one); place++) {
		int weight = 1000;

		next_part(&one, ';', &range);
		while (next_part(&one, ';', &parameter))
			if (parameter.n > 2 && str_same(parameter.p, "q=", 2))
				weight = weight_of(slice(parameter.p + 2, parameter.n - 2));
		if (weight < 0)
			continue;
		prefer(&json, names[GQL_MEDIA_JSON], range, weight, place);
		prefer(&graphql, names[GQL_MEDIA_GRAPHQL], range, weight, place);
	}
	if (json.weight == 0 && graphql.weight == 0)
		return GQL_MEDIA_NONE;
	if (graphql.weight != json.weight)
		return graphql.weight > json.weight ? GQL_MEDIA_GRAPHQL : GQL_MEDIA_JSON;
	return graphql.place < json.place ? GQL_MEDIA_GRAPHQL : GQL_MEDIA_JSON;
}

bool gql_media_is_json(struct slice type)
{
	struct slice part;

	if (!type.p || !next_part(&type, ';', &part) || !is_word(part, names[GQL_MEDIA_JSON]))
		return false;
	while (next_part(&type, ';', &part))
		if (part.n > 8 && str_same(part.p, "charset=", 8) &&
		    !is_word(slice(part.p + 8, part.n - 8), "utf-8") &&
		    !is_word(slice(part.p + 8, part.n - 8), "\"utf-8\""))
			return false;
	return true;
}
