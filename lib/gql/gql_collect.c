#include "gql/gql_collect.h"

struct collector {
	struct gql_doc *doc;
	bool (*taken)(void *self, const struct gql_selection *);
	void *self;
	struct arena *arena;
	struct gql_group *first, *last;
};

static struct gql_group *group_of(struct collector *c, struct slice key)
{
	struct gql_group *g;

	for (g = c->first; g; g = g->next)
		if (slice_eq(g->key, key))
			return g;
	g = arena_alloc(c->arena, sizeof(*g));
	*g = (struct gql_group){ .key = key };
	if (c->last)
		c->last->next = g;
	else
		c->first = g;
	return c->last = g;
}

/* The array of a group grows by doubling: 1, 2, 4, .. fit before it is copied. */
static void add_node(struct collector *c, const struct gql_selection *s)
{
	struct gql_group *g = group_of(c, s->key);

	if ((g->n & (g->n - 1)) == 0) {
		const struct gql_selection **more = arena_alloc(c->arena, (g->n ? g->n * 2 : 1) *
										  sizeof(*more));
		if (g->n)
			memcpy(more, g->node, g->n * sizeof(*more));
		g->node = more;
	}
	g->node[g->n++] = s;
}

static void collect_set(struct collector *c, const struct gql_selection *s)
{
	struct gql_definition *f;

	for (; s; s = s->next) {
		if (c->taken && !c->taken(c->self, s))
			continue;
		if (s->kind == GQL_SEL_FIELD) {
			add_node(c, s);
		} else if (s->kind == GQL_SEL_INLINE) {
			collect_set(c, s->first);
		} else if ((f = gql_fragment(c->doc, s->name)) && f->mark != c->doc->round) {
			f->mark = c->doc->round;
			collect_set(c, f->first);
		}
	}
}

struct gql_group *gql_collect(struct gql_doc *doc, const struct gql_selection *const *fields,
			      size_t n, bool (*taken)(void *self, const struct gql_selection *),
			      void *self, struct arena *arena)
{
	struct collector c = { .doc = doc, .taken = taken, .self = self, .arena = arena };

	doc->round++;
	for (size_t i = 0; i < n; i++)
		collect_set(&c, fields[i]->first);
	return c.first;
}

struct gql_group *gql_collect_set(struct gql_doc *doc, struct gql_selection *first,
				  bool (*taken)(void *self, const struct gql_selection *),
				  void *self, struct arena *arena)
{
	struct gql_selection whole = { .first = first };
	const struct gql_selection *one = &whole;

	return gql_collect(doc, &one, 1, taken, self, arena);
}
