/* A window of one pane is emitted as it stands in the table, if nothing else is to be done with it.
 * Else its groups go through tables of its own, under the id of its first pane by which its rows
 * have their order:
 *
 *   panes -> whole (added up, folded) -> best (the highest, others as one) -> emit
 *
 * The first pane is then in no window any more. Each window adds up all of its panes anew: panes
 * are merged and never subtracted, and to merge them ahead of time would hold as many tables as a
 * window has panes.
 *
 * A window is folded where it has more groups than the bound. A pane that has more can be folded at
 * once, since so have all of its windows: it is remembered, and its later events, which come under
 * their own keys, are folded with the next call, or with the window. */
#include "agg/closing.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "agg/sessions.h"
#include "agg/highest.h"
#include "base/mem.h"
#include "base/tm.h"

enum { HEAVIEST = 3, HEAVIEST_BYTES = 120 };

struct closing {
	uint64_t next;              /* no window that begins before this pane closes any more */
	struct metric_state *whole; /* the window at work; NULL: they are emitted as they stand */
	struct metric_state *best;  /* ... of a metric with a top */
	struct sessions *sessions;  /* ... of windows that are joined, and nothing else then */
	struct highest top;
	struct buf key, folded_key;
	uint64_t *folded; /* panes, in order */
	size_t n_folded, cap_folded;
	uint64_t windows_folded;
	struct buf text;
};

bool closing_by_window(const struct metric_def *def)
{
	return def->m.window.kind->joined || window_panes(&def->m.window) > 1 ||
	       def->m.final.fold || def->m.final.top;
}

struct closing *closing_new(struct metric_def *def)
{
	struct closing *c = mem_zalloc(sizeof(*c));

	if (def->m.window.kind->joined)
		c->sessions = sessions_new(def);
	else if (closing_by_window(def))
		c->whole = metric_state_new(def, false);
	if (def->m.final.top)
		c->best = metric_state_new(def, false);
	return c;
}

void closing_free(struct closing *c)
{
	if (!c)
		return;
	metric_state_free(c->whole);
	metric_state_free(c->best);
	sessions_free(c->sessions);
	highest_fini(&c->top);
	buf_fini(&c->key);
	buf_fini(&c->folded_key);
	buf_fini(&c->text);
	free(c->folded);
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

	if (c->sessions)
		return sessions_next(c->sessions, s, end_us);
	if (!next_window(c, s, &first))
		return false;
	w->kind->bounds(w, first, &start_us, end_us);
	*end_us = start_us + w->size_us;
	return true;
}

/* ---- adding up */

/* The group's key in another window. */
static const char *key_in_window(struct closing *c, const char *key, uint64_t window)
{
	uint64_t head = (key_head(key) & ~KEY_WINDOW_MASK) | window;

	c->key.n = 0;
	buf_add(&c->key, key, key_bytes(key));
	memcpy(c->key.p, &head, sizeof(head));
	return c->key.p;
}

/* The same with METRIC_OTHER in the set `which` of dimensions. */
static const char *key_folded(struct closing *c, const struct metric_state *s, const char *key,
			      uint64_t window, uint32_t which)
{
	key_replace(key_in_window(c, key, window), s->def->m.n_dims, which, slice_z(METRIC_OTHER),
		    &c->folded_key);
	return c->folded_key.p;
}

/* The panes from `first` on, `panes` of them, become the window `first`. */
static int add_panes(struct closing *c, const struct metric_state *s, uint64_t first,
		     uint64_t panes, bool fold, struct err *err)
{
	uint32_t which = fold ? s->def->m.final.fold : 0;
	const struct group *g;
	uint64_t pane;

	metric_state_clear(c->whole);
	for (size_t i = 0; (g = table_nth_window(s->table, i, &pane)) && pane < first + panes; i++)
		for (; pane >= first && g; g = table_window_next(s->table, g)) {
			const char *key = table_key(s->table, g);

			key = which ? key_folded(c, s, key, first, which)
				    : key_in_window(c, key, first);
			if (table_add_group(c->whole->table, key, s->table, g, err))
				return err_in(err, "metric %s", s->def->m.name);
		}
	return 0;
}

/* ---- folding */

static size_t folded_at(const struct closing *c, uint64_t pane)
{
	size_t i = c->n_folded;

	while (i > 0 && c->folded[i - 1] >= pane)
		i--;
	return i;
}

static bool is_any_folded(const struct closing *c, uint64_t first, uint64_t panes)
{
	size_t i = folded_at(c, first);

	return i < c->n_folded && c->folded[i] < first + panes;
}

static void note_folded(struct closing *c, uint64_t pane)
{
	size_t i = folded_at(c, pane);

	if (i < c->n_folded && c->folded[i] == pane)
		return;
	mem_reserve(&c->folded, &c->cap_folded, c->n_folded + 1, sizeof(*c->folded));
	memmove(c->folded + i + 1, c->folded + i, (c->n_folded - i) * sizeof(*c->folded));
	c->folded[i] = pane;
	c->n_folded++;
	c->windows_folded++;
}

/* Appends "{"user":"u1"} 123, ..": the groups that counted most. */
static void put_heaviest(struct closing *c, const struct metric_state *s, const struct table *t)
{
	static const char *const by = "count";
	struct metric_def d = *s->def;
	struct dim dim[METRIC_DIMS_MAX];
	struct buf text = { 0 };

	d.m.final.top_by = (char *)(uintptr_t)by;
	highest_order(&c->top, &d, t, 1);
	for (size_t i = 0; i < d.m.n_dims; i++)
		dim[i].name = slice_z(d.m.dim[i].name);
	for (size_t i = 0; i < c->top.n && i < HEAVIEST; i++) {
		text.n = 0;
		key_dims(table_key(t, c->top.entry[i].g), d.m.n_dims, dim);
		dims_json(dim, d.m.n_dims, &text);
		buf_printf(&c->text, "%s%.*s%s %llu", i ? ", " : "",
			   (int)(text.n > HEAVIEST_BYTES ? HEAVIEST_BYTES : text.n), text.p,
			   text.n > HEAVIEST_BYTES ? ".." : "",
			   (unsigned long long)table_counts(t, c->top.entry[i].g).count);
	}
	buf_fini(&text);
}

/* What people are told of the first window that is folded. t has its groups. */
static void tell_folded(struct closing *c, const struct metric_state *s, uint64_t first,
			const struct table *t)
{
	const struct metric *m = &s->def->m;
	char at[TM_TEXT_BYTES];
	int64_t start_us, end_us;

	if (c->text.n)
		return;
	m->window.kind->bounds(&m->window, first, &start_us, &end_us);
	at[tm_text(start_us, at)] = 0;
	buf_printf(&c->text,
		   "metric %s: more than %llu groups (--max-groups) in the window of %s: ", m->name,
		   (unsigned long long)m->final.groups_max, at);
	for (size_t i = 0, n = 0; i < m->n_dims; i++)
		if (m->final.fold >> i & 1)
			buf_printf(&c->text, "%s%s", n++ ? ", " : "", m->dim[i].name);
	buf_addz(&c->text, " is " METRIC_OTHER " there; the heaviest were ");
	put_heaviest(c, s, t);
}

static int still_too_many(const struct metric_state *s, struct err *err)
{
	return err_set(
		err, EX_DATAERR,
		"metric %s: more than %llu groups (--max-groups) in a window that is folded: "
		"fold another dimension, leave one out of --by, or raise --max-groups",
		s->def->m.name, (unsigned long long)s->def->m.final.groups_max);
}

/* c->whole becomes the window, folded where it has to be. */
static int make_whole(struct closing *c, const struct metric_state *s, uint64_t first,
		      uint64_t panes, struct err *err)
{
	const struct metric_final *f = &s->def->m.final;
	bool fold = is_any_folded(c, first, panes);

	if (add_panes(c, s, first, panes, fold, err))
		return -1;
	if (!f->fold || table_groups(c->whole->table) <= f->groups_max)
		return 0;
	if (!fold) {
		tell_folded(c, s, first, c->whole->table);
		c->windows_folded++;
		if (add_panes(c, s, first, panes, true, err))
			return -1;
	}
	return table_groups(c->whole->table) > f->groups_max ? still_too_many(s, err) : 0;
}

/* Puts c->whole in the place of the pane that it was made of. */
static int put_back(struct closing *c, struct metric_state *s, size_t nth, struct err *err)
{
	struct table *from = c->whole->table;

	table_drop_nth(s->table, nth);
	for (const struct group *g = table_first(from); g; g = table_next(from, g))
		if (table_add_group(s->table, table_key(from, g), from, g, err))
			return err_in(err, "metric %s", s->def->m.name);
	return 0;
}

int closing_bound(struct closing *c, struct metric_state *s, struct err *err)
{
	const struct metric_final *f = &s->def->m.final;
	uint64_t pane;
	size_t n;

	if (!f->fold)
		return 0;
	for (size_t i = 0; (n = table_nth_groups(s->table, i)); i++) {
		if (n <= f->groups_max)
			continue;
		table_nth_window(s->table, i, &pane);
		if (!is_any_folded(c, pane, 1)) {
			if (add_panes(c, s, pane, 1, false, err))
				return -1;
			tell_folded(c, s, pane, c->whole->table);
			note_folded(c, pane);
		}
		if (make_whole(c, s, pane, 1, err) || put_back(c, s, i, err))
			return -1;
	}
	return 0;
}

uint64_t closing_folded(const struct closing *c, const char **text)
{
	*text = buf_z((struct buf *)(uintptr_t)&c->text);
	return c->windows_folded;
}

/* ---- closing */

/* The highest groups of c->whole, and the others as one. */
static int choose_best(struct closing *c, const struct metric_state *s, uint64_t first,
		       struct err *err)
{
	const struct metric *m = &s->def->m;
	struct table *from = c->whole->table;

	metric_state_clear(c->best);
	highest_order(&c->top, s->def, from, m->window.size_us);
	for (size_t i = 0; i < c->top.n; i++) {
		const struct group *g = c->top.entry[i].g;
		const char *key = table_key(from, g);

		if (i >= m->final.top)
			key = key_folded(c, s, key, first, UINT32_MAX);
		if (table_add_group(c->best->table, key, from, g, err))
			return err_in(err, "metric %s", m->name);
	}
	return 0;
}

static int close_whole(struct closing *c, struct metric_state *s, struct emit *e, struct err *err)
{
	uint64_t panes = window_panes(&s->def->m.window), first = 0, pane;

	next_window(c, s, &first);
	if (make_whole(c, s, first, panes, err) || (c->best && choose_best(c, s, first, err)) ||
	    emit_table(e, c->best ? c->best : c->whole, err))
		return -1;
	c->next = first + 1;
	if (table_earliest(s->table, &pane) && pane == first)
		table_drop_earliest(s->table);
	if (c->n_folded && c->folded[0] == first)
		memmove(c->folded, c->folded + 1, --c->n_folded * sizeof(*c->folded));
	return 0;
}

int closing_close(struct closing *c, struct metric_state *s, struct emit *e, struct err *err)
{
	if (c->sessions)
		return sessions_close(c->sessions, s, e, err);
	if (c->whole)
		return close_whole(c, s, e, err);
	if (emit_earliest(e, s, err))
		return -1;
	table_drop_earliest(s->table);
	return 0;
}
