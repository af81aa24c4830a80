/* Rules into the set, and what hta-window would say of them.
 *
 *   text -> rules_parse_all    what the grammar forbids, each error with its place
 *        -> try_rule           conditions, zone and form by themselves, so that the place is
 *                              theirs; then a plan of the rule: all else, at the rule's place
 *        -> check_plan         what rules of one run agree on, and a plan of all together
 *
 * A plan is made as hta-window makes it and thrown away; of it stays the rule's cfg. */
#include "app/check_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agg/plan.h"
#include "tool/rules_files.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/timeform.h"
#include "base/zone.h"
#include "json/json.h"

/* ---- places */

/* The member's value in the rule's text; the rule itself where it is not there. */
static const char *find_member(struct slice source, const char *const *member)
{
	struct json j = { 0 };
	struct err ignored;
	const char *found = source.p;
	uint32_t at = 0;

	if (json_parse(&j, source, &ignored)) {
		json_fini(&j);
		return found;
	}
	for (; *member; member++) {
		uint32_t next = 0;

		if (**member == '#' && j.node[at].type == JSON_ARRAY) {
			unsigned long n = strtoul(*member + 1, NULL, 10);

			for (next = json_first(&j, at); n && next < j.node[at].next; n--)
				next = j.node[next].next;
			next = next < j.node[at].next ? next : 0;
		} else {
			next = json_get(&j, at, *member);
		}
		if (!next)
			break;
		at = next;
		found = j.node[at].text.p;
	}
	json_fini(&j);
	return found;
}

static void put_place(const struct check *c, size_t i, const char *const *member, struct buf *out)
{
	static const char *const none[] = { NULL };
	const struct check_text *t = &c->text[c->of[i].text];
	struct slice source = c->rules.v[i].source;
	const char *at = source.p ? find_member(source, member ? member : none) : t->text.p;
	const char *start = t->text.p;
	unsigned line = 1;

	for (const char *p = start; p < at; p++)
		if (*p == '\n') {
			line++;
			start = p + 1;
		}
	buf_printf(out, "%s:%u:%zu: ", t->name, line, (size_t)(at - start) + 1);
}

void check_tell(struct check *c, enum check_level level, size_t i, const char *const *member,
		const char *fmt, ...)
{
	struct buf text = { 0 };
	char reason[ERR_MSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	put_place(c, i, member, &text);
	if (level == CHECK_ERROR) {
		c->errors++;
		c->of[i].broken = true;
		log_each(LOG_ERROR, "%s%s", buf_z(&text), reason);
	} else if (level == CHECK_WARNING) {
		c->warnings++;
		log_each(LOG_WARN, "%swarning: %s", buf_z(&text), reason);
	} else {
		log_each(LOG_NOTE, "%shint: %s", buf_z(&text), reason);
	}
	buf_fini(&text);
}

/* ---- texts */

static void note_broken(void *arg, const struct err *err)
{
	struct check *c = arg;

	c->errors++;
	log_err(err);
}

/* Its text is taken. */
static struct check_text *add_text(struct check *c, const char *name)
{
	c->text = mem_grow(c->text, c->texts + 1, sizeof(*c->text));
	c->text[c->texts] = (struct check_text){ .name = mem_strdup(name) };
	return &c->text[c->texts++];
}

/* Rules that were read since belong to the last text. */
static void own_rules(struct check *c, size_t before)
{
	c->of = mem_grow(c->of, c->rules.n + 1, sizeof(*c->of));
	for (size_t i = before; i < c->rules.n; i++)
		c->of[i] = (struct check_rule){ .text = c->texts - 1 };
}

static void parse_text(struct check *c, struct check_text *t)
{
	size_t before = c->rules.n;
	size_t errors = rules_parse_all(&c->rules, t->name, buf_slice(&t->text), note_broken, c);

	own_rules(c, before);
	if (!errors && before == c->rules.n) {
		c->errors++;
		log_each(LOG_ERROR, "%s: no rules", t->name);
	}
}

static int add_file(void *arg, const char *path, struct slice text, struct err *err)
{
	struct check *c = arg;
	struct check_text *t = add_text(c, path);

	(void)err;
	buf_adds(&t->text, text);
	parse_text(c, t);
	return 0;
}

int check_add_file(struct check *c, const char *path, struct err *err)
{
	return rules_files_each(path, add_file, c, err);
}

int check_add_stdin(struct check *c, struct err *err)
{
	struct check_text *t = add_text(c, "standard input");

	if (rules_files_read(STDIN_FILENO, t->name, &t->text, err))
		return -1;
	parse_text(c, t);
	return 0;
}

/* "byte N: reason" becomes a place. */
static void tell_line(struct check *c, struct err *err)
{
	unsigned long byte = 1;
	char *rest = err->msg;

	if (strncmp(err->msg, "byte ", 5) == 0) {
		byte = strtoul(err->msg + 5, &rest, 10);
		rest += *rest == ':' ? 2 : 0;
	}
	c->errors++;
	log_each(LOG_ERROR, "-e:1:%lu: %s", byte, rest);
}

int check_add_line(struct check *c, const char *line, const char *name, struct err *err)
{
	struct check_text *t = add_text(c, "-e");
	size_t before = c->rules.n;
	struct rule *last = before ? &c->rules.v[before - 1] : NULL;
	bool joins = last && !last->source.p && slice_is(last->id, name);
	struct err wrong = ERR_INIT;

	buf_addz(&t->text, line);
	for (size_t i = 0; i < before - joins; i++)
		if (slice_is(c->rules.v[i].id, name))
			return err_set(err, EX_USAGE,
				       "two rules are called %s: --metric NAME before it names a "
				       "line",
				       name);
	if (rules_add_line(&c->rules, buf_slice(&t->text), &wrong))
		tell_line(c, &wrong);
	else if (joins)
		return rules_join(&c->rules, err);
	else
		c->rules.v[before].id = arena_copy(&c->rules.arena, slice_z(name));
	own_rules(c, before);
	return 0;
}

/* ---- plans */

static void try_condition(struct check *c, size_t i, struct slice text, const char *const *member)
{
	struct err err = ERR_INIT;
	struct condition *made = text.p ? condition_new(text, &err) : NULL;

	if (text.p && !made)
		check_tell(c, CHECK_ERROR, i, member, "%s", err.msg);
	condition_free(made);
}

/* The parts whose place can be told. */
static void try_parts(struct check *c, size_t i)
{
	const struct rule *r = &c->rules.v[i];
	struct err err = ERR_INIT;

	try_condition(c, i, r->where, (const char *const[]){ "where", NULL });
	for (size_t k = 0; k < r->measures; k++) {
		struct buf name = { 0 };

		rule_measure_name(&r->measure[k], &name);
		try_condition(c, i, r->measure[k].where,
			      (const char *const[]){ "aggregates", buf_z(&name), "where", NULL });
		buf_fini(&name);
	}
	if (r->zone.p) {
		char *name = mem_dup(r->zone.p, r->zone.n);
		struct zone *zone = zone_new(name, &err);

		if (!zone)
			check_tell(c, CHECK_ERROR, i, (const char *const[]){ "zone", NULL }, "%s",
				   err.msg);
		zone_free(zone);
		free(name);
	}
	if (r->format.p) {
		char *name = mem_dup(r->format.p, r->format.n);
		struct timeform *form = timeform_new(name, &err);

		if (!form)
			check_tell(c, CHECK_ERROR, i, (const char *const[]){ "time_format", NULL },
				   "%s", err.msg);
		timeform_free(form);
		free(name);
	}
}

static void try_rule(struct check *c, size_t i)
{
	struct err err = ERR_INIT;
	struct plan *plan;

	try_parts(c, i);
	if (c->of[i].broken)
		return;
	plan = rules_plan(&c->rules, i, i + 1, c->shared, &err);
	if (plan)
		memcpy(c->of[i].cfg, plan->metric[0].def->cfg, sizeof(c->of[i].cfg));
	else
		check_tell(c, CHECK_ERROR, i, NULL, "rule %.*s: %s", (int)c->rules.v[i].id.n,
			   c->rules.v[i].id.p, err.msg);
	plan_free(plan);
}

/* Rules of one run agree on time and lateness. */
static void check_agreement(struct check *c, enum rules_shared which)
{
	static const char *const no_options[RULES_SHARED];
	size_t i = (size_t)-1, at;
	char mine[33], others[33];

	while (rules_disagree(&c->rules, which, &i, &at)) {
		const struct rule *first = &c->rules.v[at];
		struct slice text = rules_says(&c->rules.v[i], no_options, which, mine),
			     before = rules_says(first, no_options, which, others);

		check_tell(c, CHECK_ERROR, i,
			   (const char *const[]){ rules_shared_member[which], NULL },
			   "\"%.*s\", but rule %.*s says \"%.*s\": rules of one run agree on %s",
			   (int)text.n, text.p, (int)first->id.n, first->id.p, (int)before.n,
			   before.p, rules_shared_member[which]);
	}
}

void check_plan(struct check *c)
{
	struct err err = ERR_INIT;
	struct plan *all;

	for (size_t i = 0; i < c->rules.n; i++)
		try_rule(c, i);
	for (unsigned k = 0; k < RULES_SHARED; k++)
		check_agreement(c, (enum rules_shared)k);
	if (c->errors || c->rules.n < 2)
		return;
	all = rules_plan(&c->rules, 0, c->rules.n, c->shared, &err);
	if (!all) {
		c->errors++;
		log_each(LOG_ERROR, "all rules together: %s", err.msg);
	}
	plan_free(all);
}

void check_load_fini(struct check *c)
{
	rules_fini(&c->rules);
	for (size_t i = 0; i < c->texts; i++) {
		buf_fini(&c->text[i].text);
		free(c->text[i].name);
	}
	free(c->text);
	free(c->of);
}
