/* The registry, and what options make of it. A kind has one option that asks for it; among the
 * kinds whose option is there, it is the one that knows all options of the same scope: with
 * --every alone tumbling windows, with --every and --slide those of the kind that has both. */
#include "agg/window_kind.h"

#include <string.h>

#include "base/num.h"

extern const struct window_kind window_tumbling, window_hopping, window_session;

const struct window_kind *const window_kinds[] = { &window_tumbling, &window_hopping,
						   &window_session, NULL };

/* ---- options */

static bool is_listed_before(const struct window_kind *const *kinds, size_t kind, size_t option)
{
	for (size_t k = 0; k <= kind; k++)
		for (size_t i = 0; kinds[k]->option[i].name && (k < kind || i < option); i++)
			if (strcmp(kinds[k]->option[i].name, kinds[kind]->option[option].name) == 0)
				return true;
	return false;
}

const struct window_option *window_option_at(const struct window_kind *const *kinds, size_t n)
{
	for (size_t k = 0; kinds[k]; k++)
		for (size_t i = 0; kinds[k]->option[i].name; i++)
			if (!is_listed_before(kinds, k, i) && n-- == 0)
				return &kinds[k]->option[i];
	return NULL;
}

/* 0: it was not given. */
int64_t window_given_us(const struct window_given *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->option[i].name, name) == 0)
			return g->option[i].us;
	return 0;
}

static const struct window_option *find_option(const struct window_kind *const *kinds,
					       const char *name)
{
	const struct window_option *o;

	for (size_t i = 0; (o = window_option_at(kinds, i)); i++)
		if (strcmp(o->name, name) == 0)
			return o;
	BUG("no window has an option --%s", name);
}

int window_give(const struct window_kind *const *kinds, struct window_given *g, const char *name,
		const char *text, struct err *err)
{
	const struct window_option *o = find_option(kinds, name);
	int64_t us;
	size_t i = 0;

	if (num_duration(text, &us, err))
		return -1;
	if (us < WINDOW_MIN_US || us > WINDOW_MAX_US || us % WINDOW_MIN_US)
		return err_set(err, EX_USAGE, "%s is 1ms to 366d long, in whole milliseconds",
			       o->what);
	while (i < g->n && strcmp(g->option[i].name, o->name) != 0)
		i++;
	if (i == WINDOW_GIVEN_MAX)
		BUG("more than %d options of windows", WINDOW_GIVEN_MAX);
	g->option[i].name = o->name;
	g->option[i].us = us;
	g->n += i == g->n;
	return 0;
}

/* ---- choosing */

static bool has_option(const struct window_kind *k, const char *name)
{
	for (size_t i = 0; k->option[i].name; i++)
		if (strcmp(k->option[i].name, name) == 0)
			return true;
	return false;
}

static bool is_asked_for(const struct window_kind *k, const struct window_given *g)
{
	if (!window_given_us(g, k->option[k->own].name))
		return false;
	for (size_t i = 0; i < g->n; i++)
		if (!has_option(k, g->option[i].name))
			return false;
	return true;
}

static int no_such_kind(const struct window_given *g, struct err *err)
{
	struct buf names = { 0 };
	int rc;

	for (size_t i = 0; i < g->n; i++)
		buf_printf(&names, "%s--%s", i ? ", " : "", g->option[i].name);
	rc = err_set(err, EX_USAGE, "there are no windows of %.*s", (int)names.n, names.p);
	buf_fini(&names);
	return rc;
}

int window_choose(const struct window_kind *const *kinds, const struct window_given *own,
		  const struct window_given *all, struct window_spec *out, struct err *err)
{
	const struct window_given *asks = own->n ? own : all;
	const struct window_kind *k = kinds[0];

	for (size_t i = 0; asks->n && k && !is_asked_for(k, asks);)
		k = kinds[++i];
	if (!k)
		return no_such_kind(asks, err);
	*out = (struct window_spec){ .kind = k };
	for (size_t i = 0; k->option[i].name; i++) {
		const struct window_option *o = &k->option[i];
		int64_t of_own = window_given_us(own, o->name),
			of_all = window_given_us(all, o->name);

		out->option_us[i] = of_own ? of_own : of_all ? of_all : o->def_us;
		if (!out->option_us[i])
			return err_set(err, EX_USAGE, "--%s needs --%s", k->option[k->own].name,
				       o->name);
	}
	return k->make(out, err);
}

/* ---- texts */

void window_canonical(const struct window_spec *w, struct buf *out)
{
	for (size_t i = 0; w->kind->option[i].name; i++)
		if (w->option_us[i] != WINDOW_NONE_US)
			buf_printf(out, "%s %lld\n", w->kind->option[i].name,
				   (long long)w->option_us[i]);
}

void window_define(const struct window_spec *w, struct buf *out)
{
	char text[32];

	for (size_t i = 0; w->kind->option[i].name; i++) {
		if (w->option_us[i] == WINDOW_NONE_US)
			continue;
		text[num_duration_text(w->option_us[i], text)] = 0;
		buf_printf(out, "%s\"%s\":\"%s\"", i ? "," : "", w->kind->option[i].name, text);
	}
}

bool window_is_exact(const struct window_spec *w)
{
	return w->kind->joined && w->option_us[1] != WINDOW_NONE_US;
}

int window_stored(const struct window_spec *w, struct err *err)
{
	if (w->pane_us)
		return 0;
	return err_set(err, EX_USAGE,
		       "%s windows are for plain streams: in an acknowledged one a window is "
		       "counted in several epochs, and none has all of its events",
		       w->kind->name);
}
