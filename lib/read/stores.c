#include "read/stores.h"

#include <stdlib.h>
#include <string.h>

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

const struct read_kind *read_stores_kind(const struct read_stores *s, const char *store)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->kind[i].accepts(store))
			return &s->kind[i];
	return NULL;
}

static const struct read_kind *kind_of_environment(const struct read_stores *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (const char *const *v = s->kind[i].environment; v && *v; v++)
			if (is_set(*v))
				return &s->kind[i];
	return NULL;
}

/* "which store? -d A, -d B or -d C (HTA_STORE and VARIABLES do as well)" */
static void say_which_store(const struct read_stores *s, struct err *err)
{
	struct buf all = { 0 };

	for (size_t i = 0; i < s->n; i++)
		buf_printf(&all, "%s-d %s",
			   i == 0          ? ""
			   : i + 1 == s->n ? " or "
					   : ", ",
			   s->kind[i].example);
	err_set(err, EX_USAGE, "which store? %s (HTA_STORE and %s do as well)", buf_z(&all),
		s->variables);
	buf_fini(&all);
}

const struct read_kind *read_stores_named(const struct read_stores *s, const char *configure)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->kind[i].configure, configure) == 0)
			return &s->kind[i];
	return NULL;
}

const struct read_driver *read_kind_driver(const struct read_kind *k, const char *program,
					   struct sink_conf *conf, struct err *err)
{
	if (!k->driver) {
		err_set(err, EX_CONFIG, "this %s was built without %s (configure --with-%s)",
			program, k->name, k->configure);
		return NULL;
	}
	conf->place = conf->place ? conf->place : k->driver->default_table;
	return k->driver;
}

const struct read_kind *read_stores_unnamed(const struct read_stores *s, struct sink_conf *conf,
					    struct err *err)
{
	const struct read_kind *k;

	conf->where = is_set("HTA_STORE") ? getenv("HTA_STORE") : NULL;
	conf->where_env = true;
	conf->stores = s;
	k = conf->where ? read_stores_kind(s, conf->where) : kind_of_environment(s);
	if (!k)
		say_which_store(s, err);
	return k;
}

const struct read_driver *read_stores_choose(const struct read_stores *s, const char *given,
					     const char *program, struct sink_conf *conf,
					     struct err *err)
{
	const struct read_kind *k;

	if (given) {
		conf->where = given;
		conf->where_env = false;
		conf->stores = s;
		k = read_stores_kind(s, given);
		if (!k)
			say_which_store(s, err);
	} else {
		k = read_stores_unnamed(s, conf, err);
	}
	return k ? read_kind_driver(k, program, conf, err) : NULL;
}
