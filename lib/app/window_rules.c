/* --rules: files to rules. A file is taken whole or not at all.
 *
 * One time a job: rules agree on time, unit, format, zone and lateness, with each other and with
 * the options that were given; what a rule leaves out is the others'. So the first rule that says
 * one of them sets the option, and is remembered for the message of the one that differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agg/rule.h"
#include "tool/rules_files.h"
#include "app/window_internal.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"

static int add_rules_text(void *out, const char *path, struct slice text, struct err *err)
{
	(void)err;
	buf_addz(out, path);
	buf_adds(out, text);
	buf_addc(out, 0);
	return 0;
}

/* A pipe has its text once. */
static bool is_lasting(const char *path)
{
	struct stat sb;

	return stat(path, &sb) == 0 && (S_ISREG(sb.st_mode) || S_ISDIR(sb.st_mode));
}

void agg_rules_text(const struct agg *a, struct buf *out)
{
	struct err ignored;

	for (size_t i = 0; i < a->n_paths; i++)
		if (is_lasting(a->rules_path[i]))
			rules_files_each(a->rules_path[i], add_rules_text, out, &ignored);
}

/* ---- what they share */

static int set_rules_time(void *self, const char *value, struct err *err)
{
	(void)err;
	((struct agg *)self)->time = value;
	return 0;
}

static const struct shared_name {
	const char *option, *member;
	int (*set)(void *self, const char *value, struct err *err); /* the option */
} shared_names[AGG_SHARED] = {
	[AGG_TIME] = { "time", "time", set_rules_time },
	[AGG_UNIT] = { "time-unit", "time_unit", agg_set_unit },
	[AGG_FORMAT] = { "time-format", "time_format", agg_set_format },
	[AGG_ZONE] = { "zone", "zone", agg_set_zone },
	[AGG_LATENESS] = { "lateness", "lateness", agg_set_lateness },
};

/* The rule says it: it is new, or what was said before. */
static int share(struct agg_shared *s, const struct shared_name *name, const char *text,
		 const char *rule, bool runs, bool *is_new, struct err *err)
{
	*is_new = false;
	if (!text || (s->by && strcmp(s->text, text) == 0))
		return 0;
	if (runs)
		return err_set(err, EX_CONFIG,
			       "%s says \"%s\":\"%s\": that is one for all rules of a run, and "
			       "does not change while it goes on: start again with it",
			       rule, name->member, text);
	if (s->by)
		return err_set(err, EX_CONFIG,
			       "%s says \"%s\":\"%s\", but %s says \"%s\": rules of one run agree "
			       "on it",
			       rule, name->member, text, s->by, s->text);
	if (prog_given(name->option))
		return err_set(err, EX_CONFIG,
			       "%s says \"%s\":\"%s\" beside the option --%s: one of them will do",
			       rule, name->member, text, name->option);
	s->text = mem_strdup(text);
	s->by = mem_strdup(rule);
	*is_new = true;
	return 0;
}

static int share_option(struct agg *a, enum agg_shared_of which, struct slice text,
			const char *rule, struct err *err)
{
	char *value = text.p ? mem_dup(text.p, text.n) : NULL;
	bool is_new;
	int rc = share(&a->shared[which], &shared_names[which], value, rule, a->plan != NULL,
		       &is_new, err);

	if (rc == 0 && is_new)
		rc = shared_names[which].set(a, a->shared[which].text, err);
	free(value);
	return rc;
}

static int share_all(struct agg *a, const struct rule *r, struct err *err)
{
	char name[METRIC_NAME_MAX + 16], late[33];
	struct slice text[] = { [AGG_TIME] = r->time,
				[AGG_UNIT] = r->unit,
				[AGG_FORMAT] = r->format,
				[AGG_ZONE] = r->zone,
				[AGG_LATENESS] = { NULL, 0 } };

	snprintf(name, sizeof(name), "rule %.*s", (int)r->id.n, r->id.p);
	if (r->lateness_us >= 0)
		text[AGG_LATENESS] = slice(late, num_duration_text(r->lateness_us, late));
	for (unsigned i = 0; i < AGG_SHARED; i++)
		if (share_option(a, (enum agg_shared_of)i, text[i], name, err))
			return -1;
	return 0;
}

struct reading {
	struct rules *rules;
	struct buf text; /* as of agg_rules_text */
	bool lasting;
};

static int add_rules_file(void *self, const char *path, struct slice text, struct err *err)
{
	struct reading *r = self;

	if (r->lasting)
		add_rules_text(&r->text, path, text, err);
	return rules_parse(r->rules, path, text, err);
}

int agg_add_rules(struct agg *a, const char *path, struct err *err)
{
	(void)err;
	a->rules_path = mem_grow(a->rules_path, a->n_paths + 1, sizeof(*a->rules_path));
	a->rules_path[a->n_paths++] = path;
	return 0;
}

static int share_rules(struct agg *a, const struct rules *rules, size_t from, struct err *err)
{
	for (size_t i = from; i < rules->n; i++)
		if (rules->v[i].active && share_all(a, &rules->v[i], err))
			return -1;
	return 0;
}

static int read_path(struct agg *a, const char *path, struct reading *r, struct err *err)
{
	size_t from = r->rules->n;

	r->lasting = is_lasting(path);
	if (rules_files_each(path, add_rules_file, r, err))
		return -1;
	if (share_rules(a, r->rules, from, err)) {
		err->code = EX_CONFIG;
		return err_in(err, "%s", path);
	}
	return 0;
}

int agg_read_rules(struct agg *a, struct rules *rules, struct err *err)
{
	struct reading r = { .rules = rules };
	int rc = 0;

	for (size_t i = 0; i < a->n_paths && rc == 0; i++)
		rc = read_path(a, a->rules_path[i], &r, err);
	a->rules_hash = hash_64(r.text.p, r.text.n);
	buf_fini(&r.text);
	return rc;
}

void agg_rules_fini(struct agg *a)
{
	for (unsigned i = 0; i < AGG_SHARED; i++) {
		free(a->shared[i].text);
		free(a->shared[i].by);
	}
	free(a->rules_path);
}
