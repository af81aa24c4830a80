/* The rules in the order in which they are asked. A tally tells which of three cases it is, by how
 * many sinks have a generation: none, some, or all of them the same; two different ones stop every
 * case. Inside of a case the commit decides (none, all), or the positions (some). All lists are
 * as short as a pipeline has sinks, or are looked up by partition; nothing is kept from one probe
 * to the next, as a decision is made anew after each. */
#include "job/start_rules.h"

#include <stdlib.h>

#include "base/mem.h"

#define META_START "hta1 "

void start_decision_fini(struct start_decision *d)
{
	ranges_fini(&d->start);
}

/* ---- what the sinks say together */

struct tally {
	/* the first that has a generation, one that has another, the first that has none */
	const struct ctl_sink_state *with, *other, *without;
};

static struct tally tally_sinks(const struct found *f, const char *except)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		const struct ctl_sink_state *s = &f->sinks[i];

		if (except && strcmp(s->name, except) == 0)
			continue;
		if (!s->gen[0])
			t.without = t.without ? t.without : s;
		else if (!t.with)
			t.with = s;
		else if (strcmp(s->gen, t.with->gen) != 0)
			t.other = s;
	}
	return t;
}

static void stop_two(const struct found *f, const struct tally *t, struct err *why)
{
	err_set(why, EX_CONFIG,
		"sinks %s and %s hold two different starts of job %s (generations %s and %s): one "
		"of the stores is not this job's or was "
		"replaced; name the right store, or delete the job from the wrong one with --reset "
		"%s at its sink and say --bootstrap SINK=init",
		t->with->name, t->other->name, f->job, t->with->gen, t->other->gen, f->job);
}

static const struct ctl_sink_state *first_by_name(const struct found *f)
{
	const struct ctl_sink_state *first = &f->sinks[0];

	for (size_t i = 1; i < f->n; i++)
		if (slice_cmp(slice_z(f->sinks[i].name), slice_z(first->name)) < 0)
			first = &f->sinks[i];
	return first;
}

/* ---- no sink has a generation */

static void rules_none(const struct found *f, struct start_decision *out)
{
	const char *first = first_by_name(f)->name;

	if (!f->commit) {
		out->act = START_FRESH;
		out->to = first;
		return;
	}
	err_set(&out->why, EX_CONFIG,
		"group %s has commits, but no sink knows job %s: the stores were emptied or are "
		"not this job's, or another program reads as this "
		"group; take another -g, or let it start anew with --bootstrap %s=init (from the "
		"start) or %s=now (from the commits)",
		f->group, f->job, first, first);
}

/* ---- some have, some have not */

/* The starts of all that have a generation; false: they are further, differ, or were set by
 * hand. */
static bool starts_of(const struct found *f, struct ranges *start)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct ctl_sink_state *s = &f->sinks[i];

		if (s->gen[0] && s->by_now)
			return false;
		for (size_t k = 0; s->gen[0] && k < s->pos.n; k++) {
			const struct position *p = &s->pos.v[k];
			struct range *r = ranges_find(start, slice_z(p->topic), p->partition);

			if (p->next != p->init || (r && r->from != p->init))
				return false;
			ranges_add(start, slice_z(p->topic), p->partition)->from = p->init;
		}
	}
	return true;
}

static void rules_some(const struct found *f, const struct tally *t, struct start_decision *out)
{
	if (starts_of(f, &out->start)) {
		out->act = START_ADOPT;
		memcpy(out->gen, t->with->gen, sizeof(out->gen));
		return;
	}
	err_set(&out->why, EX_CONFIG,
		"sink %s knows nothing of job %s, and sink %s is further than its start: say what "
		"it shall begin with, once: "
		"--bootstrap %s=init (reads all again for it) or %s=now (from where the others "
		"are)",
		t->without->name, f->job, t->with->name, t->without->name, t->without->name);
}

/* ---- one generation in all */

static void find_new(const struct found *f, struct ranges *start)
{
	for (size_t i = 0; i < f->parts->n; i++) {
		struct slice topic = slice_z(f->parts->v[i].topic);
		int32_t partition = f->parts->v[i].partition;

		for (size_t s = 0; s < f->n; s++)
			if (!positions_find(&f->sinks[s].pos, topic, partition))
				ranges_add(start, topic, partition)->from = 0;
	}
}

static void rules_all(const struct found *f, const char *gen, struct start_decision *out)
{
	if (f->commit && f->commit_gen[0] && strcmp(f->commit_gen, gen) != 0) {
		err_set(&out->why, EX_CONFIG,
			"the sinks hold another start of job %s (generation %s) than group %s has "
			"committed (%s): these stores are not the ones "
			"that the group filled; name the right stores, take another -g, or delete "
			"the job from every sink with --reset %s and say --bootstrap %s=init",
			f->job, gen, f->group, f->commit_gen, f->job, f->sinks[0].name);
		return;
	}
	memcpy(out->gen, gen, sizeof(out->gen));
	find_new(f, &out->start);
	out->act = out->start.n ? START_NEW : START_READ;
	out->commit = f->group && !f->commit_gen[0];
}

void start_rules(const struct found *f, struct start_decision *out)
{
	struct tally t = tally_sinks(f, NULL);

	*out = (struct start_decision){ .act = START_STOP };
	if (f->commit_job && strcmp(f->commit_job, f->job) != 0) {
		err_set(&out->why, EX_CONFIG,
			"group %s belongs to job %s: a group has one job and a job one group; say "
			"--job %s, or take another -g",
			f->group, f->commit_job, f->commit_job);
		return;
	}
	if (f->n == 0)
		out->act = START_READ;
	else if (t.other)
		stop_two(f, &t, &out->why);
	else if (!t.with)
		rules_none(f, out);
	else if (t.without)
		rules_some(f, &t, out);
	else
		rules_all(f, t.with->gen, out);
}

/* ---- bootstrap */

static const struct ctl_sink_state *sink_of(const struct found *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->sinks[i].name, name) == 0)
			return &f->sinks[i];
	return NULL;
}

static int no_such_sink(const struct found *f, const char *name, struct err *err)
{
	struct buf names = { 0 };

	for (size_t i = 0; i < f->n; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", f->sinks[i].name);
	err_set(err, EX_USAGE, "--bootstrap %s: there is no such sink in this pipeline, it has %s",
		name, f->n ? buf_z(&names) : "none that keeps positions");
	buf_fini(&names);
	return -1;
}

/* now: the lowest position of the others. init: their start; one set by hand counts only where
 * there is no other. */
static void take_others(const struct found *f, const char *except, bool now, bool by_now,
			struct ranges *start)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct ctl_sink_state *s = &f->sinks[i];

		if (!s->gen[0] || strcmp(s->name, except) == 0 || (!now && s->by_now != by_now))
			continue;
		for (size_t k = 0; k < s->pos.n; k++) {
			const struct position *p = &s->pos.v[k];
			struct range *r = ranges_find(start, slice_z(p->topic), p->partition);
			int64_t at = now ? p->next : p->init;

			if (!r)
				ranges_add(start, slice_z(p->topic), p->partition)->from = at;
			else if (at < r->from)
				r->from = at;
		}
	}
}

int start_rules_bootstrap(const struct found *f, const char *sink, bool now, struct bootstrap *out,
			  struct err *err)
{
	const struct ctl_sink_state *s = sink_of(f, sink);
	struct tally t = tally_sinks(f, sink);

	*out = (struct bootstrap){ 0 };
	if (!s)
		return no_such_sink(f, sink, err);
	if (s->gen[0])
		return err_set(
			err, EX_CONFIG,
			"--bootstrap %s: the sink has positions of job %s already, nothing was "
			"changed; to begin anew there, delete them first with --reset %s "
			"at the sink",
			sink, f->job, f->job);
	if (t.other) {
		stop_two(f, &t, err);
		return -1;
	}
	if (!t.with)
		return 0;
	memcpy(out->gen, t.with->gen, sizeof(out->gen));
	take_others(f, sink, now, false, &out->start);
	if (out->start.n == 0)
		take_others(f, sink, now, true, &out->start);
	return 0;
}

/* ---- the commit's metadata */

void start_rules_meta_write(const char *gen, const char *job, struct buf *out)
{
	buf_addz(out, META_START);
	if (gen[0])
		buf_printf(out, "gen=%s ", gen);
	buf_printf(out, "job=%s", job);
}

static bool eat_start(struct slice *text, const char *start)
{
	size_t n = strlen(start);

	if (text->n < n || memcmp(text->p, start, n) != 0)
		return false;
	*text = slice(text->p + n, text->n - n);
	return true;
}

void start_rules_meta_read(struct slice text, char gen[CTL_INC_CHARS + 1], char **job)
{
	gen[0] = 0;
	*job = NULL;
	if (!eat_start(&text, META_START))
		return;
	if (text.n > CTL_INC_CHARS + 5 && text.p[CTL_INC_CHARS + 4] == ' ' &&
	    eat_start(&text, "gen=")) {
		memcpy(gen, text.p, CTL_INC_CHARS);
		gen[CTL_INC_CHARS] = 0;
		text = slice(text.p + CTL_INC_CHARS + 1, text.n - CTL_INC_CHARS - 1);
	}
	if (eat_start(&text, "job="))
		*job = mem_dup(text.p, text.n);
}
