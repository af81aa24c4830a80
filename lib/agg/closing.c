/* A window of one pane is emitted as it stands in the table. One of several is added up into a
 * table of its own, under the id of its first pane by which its rows have their order, and emitted
 * from there; its first pane is then in no window any more. Each window adds up all of its panes
 * anew: panes are merged and never subtracted, and to merge them ahead of time would hold as many
 * tables as a window has panes. */
#include "agg/closing.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/mem.h"

struct closing {
	uint64_t next;              /* no window that begins before this pane closes any more */
	struct metric_state *whole; /* the window at work; NULL: windows are panes */
	struct buf key;
};

bool closing_by_window(const struct metric_def *def)
{
	return window_panes(&def->m.window) > 1;
}

struct closing *closing_new(struct metric_def *def)
{
	struct closing *c = mem_zalloc(sizeof(*c));

	if (closing_by_window(def))
		c->whole = metric_state_new(def, false);
	return c;
}

void closing_free(struct closing *c)
{
	if (!c)
		return;
	metric_state_free(c->whole);
	buf_fini(&c->key);
	free(c);
}

/* The first pane of the window that closes next. There is no window before 1970. */
static bool next_window(const struct closing *c, const struct metric_state *s, uint64_t *first)
{
	uint64_t pane, panes = window_panes(&s->def->m.window);

	if (!table_earliest(s->table, &pane))
		return false;
	*first = pane >= panes ? pane - panes + 1 : 0;
	*first = *first > c->next ? *first : c->next;
	return true;
}

bool closing_next(const struct closing *c, const struct metric_state *s, int64_t *end_us)
{
	const struct window_spec *w = &s->def->m.window;
	int64_t start_us;
	uint64_t first;

	if (!next_window(c, s, &first))
		return false;
	w->kind->bounds(w, first, &start_us, end_us);
	*end_us = start_us + w->size_us;
	return true;
}

/* The group's key in another window. */
static const char *key_in_window(struct closing *c, const char *key, uint64_t window)
{
	uint64_t head = (key_head(key) & ~KEY_WINDOW_MASK) | window;

	c->key.n = 0;
	buf_add(&c->key, key, key_bytes(key));
	memcpy(c->key.p, &head, sizeof(head));
	return c->key.p;
}

/* All panes from `first` on that the window has. */
static int add_panes(struct closing *c, const struct metric_state *s, uint64_t first,
		     struct err *err)
{
	uint64_t panes = window_panes(&s->def->m.window), pane;
	const struct group *g;

	for (size_t i = 0; (g = table_nth_window(s->table, i, &pane)) && pane < first + panes; i++)
		for (; g; g = table_window_next(s->table, g))
			if (table_add_group(c->whole->table,
					    key_in_window(c, table_key(s->table, g), first),
					    s->table, g, err))
				return err_in(err, "metric %s", s->def->m.name);
	return 0;
}

static int close_panes(struct closing *c, struct metric_state *s, struct emit *e, struct err *err)
{
	uint64_t first = 0, pane;
	int rc;

	next_window(c, s, &first);
	rc = add_panes(c, s, first, err) || emit_table(e, c->whole, err) ? -1 : 0;
	metric_state_clear(c->whole);
	c->next = first + 1;
	if (rc == 0 && table_earliest(s->table, &pane) && pane == first)
		table_drop_earliest(s->table);
	return rc;
}

int closing_close(struct closing *c, struct metric_state *s, struct emit *e, struct err *err)
{
	if (c->whole)
		return close_panes(c, s, e, err);
	if (emit_earliest(e, s, err))
		return -1;
	table_drop_earliest(s->table);
	return 0;
}
