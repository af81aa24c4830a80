/* What a pane r is joined from: its own groups, and the sessions that were open, whose last event
 * is in the pane before it.
 *
 *   open (last in r - 1) + groups of r  -> sorted by key, then first event -> joined
 *        joined, last in r - 1          -> ended: written
 *        joined, last in r              -> open of the next pane
 *
 * An open session is one element among the groups: joining is by first and last events, and those
 * that the longest length has parted are parted again by it. A group is added once, and a session
 * that lasts once a pane, whatever its events. Rows have their order by the window in their key,
 * here how far the last event is in its pane. */
#include "agg/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/mem.h"
#include "row/panes.h"

struct session_part {
	const struct table *t;
	const struct group *g;
	const char *key;
	int64_t first_us, last_us;
	size_t dims;
};

struct sessions {
	int64_t gap_us, length_us;
	struct metric_state *open, *coming, *ended;
	uint64_t pane; /* of the last events of what is open */
	struct session_part *part;
	size_t n, cap;
	struct buf key;
};

struct sessions *sessions_new(struct metric_def *def)
{
	struct sessions *s = mem_zalloc(sizeof(*s));

	s->gap_us = def->m.window.option_us[0];
	s->length_us = def->m.window.option_us[1];
	if (s->length_us == WINDOW_NONE_US)
		s->length_us = INT64_MAX;
	s->open = metric_state_new(def, false);
	s->coming = metric_state_new(def, false);
	s->ended = metric_state_new(def, false);
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	metric_state_free(s->open);
	metric_state_free(s->coming);
	metric_state_free(s->ended);
	free(s->part);
	buf_fini(&s->key);
	free(s);
}

static bool next_pane(const struct sessions *s, const struct metric_state *m, uint64_t *pane)
{
	if (table_groups(s->open->table)) {
		*pane = s->pane + 1;
		return true;
	}
	return table_earliest(m->table, pane);
}

bool sessions_next(const struct sessions *s, const struct metric_state *m, int64_t *end_us)
{
	uint64_t pane;

	if (!next_pane(s, m, &pane))
		return false;
	*end_us = (int64_t)(pane + 1) * s->gap_us;
	return true;
}

/* ---- parts */

static void add_part(struct sessions *s, const struct metric_state *m, const struct group *g)
{
	struct session_part *p;

	mem_reserve(&s->part, &s->cap, s->n + 1, sizeof(*s->part));
	p = &s->part[s->n++];
	*p = (struct session_part){
		.t = m->table, .g = g, .key = table_key(m->table, g), .dims = m->def->m.n_dims
	};
	metric_times(m->def, m->table, g, &p->first_us, &p->last_us);
}

static int part_cmp(const void *a, const void *b)
{
	const struct session_part *x = a, *y = b;
	int order = key_cmp(x->key, y->key, x->dims);

	return order ? order : (x->first_us > y->first_us) - (x->first_us < y->first_us);
}

static void gather_parts(struct sessions *s, const struct metric_state *m, uint64_t pane)
{
	const struct group *g;
	uint64_t window;

	s->n = 0;
	for (g = table_first(s->open->table); g; g = table_next(s->open->table, g))
		add_part(s, s->open, g);
	g = table_nth_window(m->table, 0, &window);
	for (; g && window == pane; g = table_window_next(m->table, g))
		add_part(s, m, g);
	if (s->n)
		qsort(s->part, s->n, sizeof(*s->part), part_cmp);
}

/* ---- joining */

/* How many parts from `from` on are one session, and its last event. */
static size_t join_parts(const struct sessions *s, size_t from, int64_t *last_us)
{
	const struct session_part *first = &s->part[from];
	size_t i = from + 1;

	*last_us = first->last_us;
	for (; i < s->n; i++) {
		const struct session_part *p = &s->part[i];

		if (key_cmp(first->key, p->key, p->dims) != 0 ||
		    p->first_us - *last_us >= s->gap_us ||
		    p->last_us - first->first_us >= s->length_us)
			break;
		*last_us = p->last_us > *last_us ? p->last_us : *last_us;
	}
	return i - from;
}

static int put_session(struct sessions *s, size_t from, size_t n, uint64_t pane, int64_t last_us,
		       struct err *err)
{
	bool ends = pane_of(last_us, s->gap_us) < pane;
	struct table *to = ends ? s->ended->table : s->coming->table;
	uint64_t head;

	for (size_t i = from; i < from + n; i++) {
		const struct session_part *p = &s->part[i];

		key_replace(p->key, p->dims, 0, slice(NULL, 0), &s->key);
		head = (key_head(s->key.p) & ~KEY_WINDOW_MASK) | (uint64_t)(last_us % s->gap_us);
		memcpy(s->key.p, &head, sizeof(head));
		if (table_add_group(to, s->key.p, p->t, p->g, err))
			return err_in(err, "metric %s", s->open->def->m.name);
	}
	return 0;
}

static int join_pane(struct sessions *s, uint64_t pane, struct err *err)
{
	int64_t last_us;
	size_t n;

	metric_state_clear(s->coming);
	metric_state_clear(s->ended);
	for (size_t i = 0; i < s->n; i += n) {
		n = join_parts(s, i, &last_us);
		if (put_session(s, i, n, pane, last_us, err))
			return -1;
	}
	return 0;
}

int sessions_close(struct sessions *s, struct metric_state *m, struct emit *e, struct err *err)
{
	struct metric_state *open = s->open;
	uint64_t pane = 0, window;

	next_pane(s, m, &pane);
	gather_parts(s, m, pane);
	if (join_pane(s, pane, err) || emit_table(e, s->ended, err))
		return -1;
	s->open = s->coming;
	s->coming = open;
	s->pane = pane;
	if (table_earliest(m->table, &window) && window == pane)
		table_drop_earliest(m->table);
	return 0;
}
