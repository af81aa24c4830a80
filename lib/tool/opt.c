/* Tables in, variables set: one walk over argv, one function that sets a variable by its type.
 *
 *	--every 1m, --by=a,b   take_long_option --+
 *	-qv, -n5               take_letters ------+--> give_value: empty?, set, bounds
 *	FILE, -                take_operand --> the program's own function
 *
 * An option names its variable by the offset in a struct that its group lends, so that a table is
 * constant data and several programs share one. Where two tables have an option of the same name
 * the earlier one's counts: opt_each passes over the other, and --help and the completions, which
 * walk by it too, agree with the parser. Where the earlier one stands `beside` the other, both
 * count, and the value says which.
 *
 * getopt_long knows neither types nor defaults nor the order of options among operands, accepts
 * abbreviations, and prints by itself. Look-ups are linear: some forty options, once a start. */
#include "tool/opt.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "tool/opt_internal.h"

/* ---- tables */
const struct opt *opt_each(const struct opt_group *groups, size_t n, struct opt_at *at, void **self)
{
	while (at->group < n) {
		const struct opt_group *g = &groups[at->group];
		const struct opt *o = g->table ? &g->table[at->i++] : NULL;
		if (!o || !o->name) {
			at->group++;
			at->i = 0;
		} else {
			const struct opt *first = opt_by_name(groups, n, o->name, strlen(o->name),
							      self);

			if (first != o && !first->beside)
				continue;
			*self = g->self;
			return o;
		}
	}
	return NULL;
}

const struct opt *opt_by_name(const struct opt_group *groups, size_t n, const char *name,
			      size_t name_n, void **self)
{
	for (size_t g = 0; g < n; g++)
		for (const struct opt *o = groups[g].table; o && o->name; o++)
			if (strlen(o->name) == name_n && memcmp(o->name, name, name_n) == 0) {
				*self = groups[g].self;
				return o;
			}
	return NULL;
}

const struct opt *opt_by_letter(const struct opt_group *groups, size_t n, char letter, void **self)
{
	struct opt_at at = { 0 };
	const struct opt *o;

	while ((o = opt_each(groups, n, &at, self)))
		if (o->letter == letter)
			return o;
	return NULL;
}

char opt_letter(const struct opt_group *groups, size_t n, const struct opt *o)
{
	void *self;

	return o->letter && opt_by_letter(groups, n, o->letter, &self) == o ? o->letter : 0;
}

bool opt_takes_value(const struct opt *o)
{
	return o->type != OPT_FLAG && (o->type != OPT_CALL || o->arg);
}

void opt_arg(const struct opt *o, struct buf *out)
{
	if (o->arg || !o->choices) {
		buf_addz(out, o->arg ? o->arg : "VALUE");
		return;
	}
	for (size_t i = 0; o->choices[i]; i++) {
		buf_addz(out, i ? "|" : "");
		buf_addz(out, o->choices[i]);
	}
}

/* ---- values */
static void bound_text(const struct opt *o, double v, char out[64])
{
	static const struct {
		double bytes;
		const char *unit;
	} units[] = {
		{ 1 << 30, "GiB" },
		{ 1 << 20, "MiB" },
		{ 1 << 10, "KiB" },
	};
	char duration[32];

	if (o->type == OPT_DURATION) {
		snprintf(out, 64, "%.*s", num_duration_text((int64_t)v, duration), duration);
		return;
	}
	for (size_t i = 0; o->type == OPT_BYTES && i < sizeof units / sizeof units[0]; i++)
		if (v >= units[i].bytes &&
		    (double)(uint64_t)(v / units[i].bytes) * units[i].bytes == v) {
			snprintf(out, 64, "%.15g%s", v / units[i].bytes, units[i].unit);
			return;
		}
	snprintf(out, 64, "%.15g", v);
}

static int check_bounds(const struct opt *o, const char *value, double v, struct err *err)
{
	char min[64], max[64];

	if (o->max <= o->min || (v >= o->min && v <= o->max))
		return 0;
	bound_text(o, o->min, min);
	if (o->max >= 9e18)
		return err_set(err, EX_USAGE, "\"%s\" is too small, at least %s is needed", value,
			       min);
	bound_text(o, o->max, max);
	return err_set(err, EX_USAGE, "\"%s\" is too %s, it goes from %s to %s", value,
		       v < o->min ? "small" : "large", min, max);
}

static int set_choice(const struct opt *o, int *var, const char *value, struct err *err)
{
	struct buf names = { 0 };
	const char *near;

	for (int i = 0; o->choices[i]; i++)
		if (strcmp(o->choices[i], value) == 0) {
			*var = i;
			return 0;
		}
	for (size_t i = 0; o->choices[i]; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", o->choices[i]);
	near = str_nearest(value, o->choices);
	if (near)
		err_set(err, EX_USAGE, "\"%s\" is none of %s (did you mean \"%s\"?)", value,
			buf_z(&names), near);
	else
		err_set(err, EX_USAGE, "\"%s\" is none of %s", value, buf_z(&names));
	buf_fini(&names);
	return -1;
}

/* Reads the value into the variable; *number is what the bounds are for. */
static int set(const struct opt *o, void *self, const char *value, double *number, struct err *err)
{
	void *var = (char *)self + o->at;
	int rc = 0;

	switch (o->type) {
	case OPT_FLAG:
		*(bool *)var = true;
		break;
	case OPT_TEXT:
		*(const char **)var = value;
		break;
	case OPT_COUNT:
		rc = num_count(value, var, err);
		*number = rc ? 0 : (double)*(uint64_t *)var;
		break;
	case OPT_BYTES:
		rc = num_bytes(value, var, err);
		*number = rc ? 0 : (double)*(uint64_t *)var;
		break;
	case OPT_DURATION:
		rc = num_duration(value, var, err);
		*number = rc ? 0 : (double)*(int64_t *)var;
		break;
	case OPT_PROBABILITY:
		rc = num_probability(value, var, err);
		*number = rc ? 0 : *(double *)var;
		break;
	case OPT_REAL:
		rc = num_real(value, var, err);
		*number = rc ? 0 : *(double *)var;
		break;
	case OPT_CHOICE:
		rc = set_choice(o, var, value, err);
		break;
	case OPT_CALL:
		rc = o->named ? o->named(var, o->name, value, err) : o->call(var, value, err);
		break;
	}
	return rc;
}

static int give_value(const struct opt *o, void *self, const char *shown, const char *value,
		      struct err *err)
{
	double number = 0;
	bool numeric = o->type >= OPT_COUNT && o->type <= OPT_REAL;
	int rc;

	if (value && !*value && !o->empty)
		return err_set(err, EX_USAGE,
			       "%s: the value is empty (a variable that is not set?)", shown);
	rc = set(o, self, value, &number, err);
	if (rc == 0 && numeric)
		rc = check_bounds(o, value, number, err);
	if (rc == 0)
		return 0;
	return err->code ? err_in(err, "%s", shown)
			 : -1; /* without a code: an option that ends the parse, as --help */
}

int opt_defaults(const struct opt_group *groups, size_t n, struct err *err)
{
	struct opt_at at = { 0 };
	const struct opt *o;
	double number;
	void *self;

	while ((o = opt_each(groups, n, &at, &self)))
		if (o->def && o->type != OPT_CALL && set(o, self, o->def, &number, err))
			return err_in(err, "default of --%s", o->name);
	return 0;
}

/* ---- the command line */
struct parse {
	const struct opt_group *groups;
	size_t n;
	opt_operand_fn *operand;
	void *operand_self;
	char **next; /* the next argument, NULL at the end */
};

/* The option beside o that has this word among its choices, else o. */
static const struct opt *opt_of_word(const struct parse *p, const struct opt *o, const char *value,
				     void **self)
{
	struct opt_at at = { 0 };
	const struct opt *other;
	void *others;

	while (o->beside && (other = opt_each(p->groups, p->n, &at, &others))) {
		if (other == o || !other->choices || strcmp(other->name, o->name) != 0)
			continue;
		for (size_t i = 0; other->choices[i]; i++)
			if (strcmp(other->choices[i], value) == 0) {
				*self = others;
				return other;
			}
	}
	return o;
}

/* The one name that starts like this, else NULL. */
static const char *only_name_with(const char *const *names, const char *start)
{
	const char *found = NULL;

	for (; *names; names++)
		if (*start && strncmp(*names, start, strlen(start)) == 0) {
			if (found)
				return NULL;
			found = *names;
		}
	return found;
}

static int unknown_opt(const struct parse *p, const char *name, size_t name_n, struct err *err)
{
	struct opt_at at = { 0 };
	const struct opt *o;
	const char **names = NULL, *near;
	char *word = mem_dup(name, name_n);
	size_t n = 0, cap = 0;
	void *self;

	do {
		o = opt_each(p->groups, p->n, &at, &self);
		mem_reserve(&names, &cap, n + 1, sizeof *names);
		names[n++] = o ? o->name : NULL;
	} while (o);
	near = str_nearest(word, names);
	if (!near)
		near = only_name_with(names, word);
	if (near)
		err_set(err, EX_USAGE, "unknown option \"--%s\" (did you mean \"--%s\"?)", word,
			near);
	else
		err_set(err, EX_USAGE, "unknown option \"--%s\", see --help", word);
	free(word);
	free(names);
	return -1;
}

static int value_missing(const struct opt *o, const char *shown, struct err *err)
{
	struct buf arg = { 0 };

	opt_arg(o, &arg);
	err_set(err, EX_USAGE, "%s: the value is missing (%s)", shown, buf_z(&arg));
	buf_fini(&arg);
	return -1;
}

static int take_long_option(struct parse *p, const char *arg, struct err *err)
{
	const char *name = arg + 2, *eq = strchr(name, '='), *value = eq ? eq + 1 : NULL;
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	char shown[64];
	void *self;
	const struct opt *o = opt_by_name(p->groups, p->n, name, n, &self);

	if (!o)
		return unknown_opt(p, name, n, err);
	snprintf(shown, sizeof shown, "--%s", o->name);
	if (!opt_takes_value(o))
		return eq ? err_set(err, EX_USAGE, "%s: takes no value", shown)
			  : give_value(o, self, shown, NULL, err);
	if (!value && !(value = *p->next))
		return value_missing(o, shown, err);
	p->next += !eq;
	o = opt_of_word(p, o, value, &self);
	return give_value(o, self, shown, value, err);
}

static int take_letters(struct parse *p, const char *arg, struct err *err)
{
	for (const char *at = arg + 1; *at; at++) {
		char shown[] = { '-', *at, '\0' };
		void *self;
		const struct opt *o = opt_by_letter(p->groups, p->n, *at, &self);
		if (!o)
			return err_set(err, EX_USAGE, "unknown option \"%s\"%s%s%s, see --help",
				       shown, arg[2] ? " in \"" : "", arg[2] ? arg : "",
				       arg[2] ? "\"" : "");
		if (!opt_takes_value(o)) {
			if (give_value(o, self, shown, NULL, err))
				return -1;
			continue;
		}
		const char *value = at[1] ? at + 1 : *p->next;
		if (!value)
			return value_missing(o, shown, err);
		p->next += !at[1];
		return give_value(o, self, shown, value, err);
	}
	return 0;
}

static int take_operand(struct parse *p, const char *arg, struct err *err)
{
	if (!p->operand)
		return err_set(err, EX_USAGE, "unexpected operand \"%s\", see --help", arg);
	if (!*arg)
		return err_set(err, EX_USAGE, "an operand is empty (a variable that is not set?)");
	return p->operand(p->operand_self, arg, err);
}

int opt_parse(const struct opt_group *groups, size_t n, opt_operand_fn *operand, void *operand_self,
	      int argc, char **argv, struct err *err)
{
	struct parse p = { groups, n, operand, operand_self, argv + (argc > 0) };
	bool options = true;

	if (opt_defaults(groups, n, err))
		return -1;
	while (*p.next) {
		const char *arg = *p.next++;
		int rc;
		if (!options || arg[0] != '-' || !arg[1])
			rc = take_operand(&p, arg, err);
		else if (strcmp(arg, "--") == 0)
			rc = 0, options = false;
		else if (arg[1] == '-')
			rc = take_long_option(&p, arg, err);
		else
			rc = take_letters(&p, arg, err);
		if (rc)
			return -1;
	}
	return 0;
}
