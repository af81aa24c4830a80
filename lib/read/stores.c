#include "read/stores.h"

#include <stdlib.h>

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

const struct read_driver *read_stores_choose(const struct read_stores *s, const char *given,
					     const char *program, struct sink_conf *conf,
					     struct err *err)
{
	const struct read_kind *k;

	conf->where = given ? given : is_set("HTA_STORE") ? getenv("HTA_STORE") : NULL;
	conf->where_env = !given;
	k = conf->where ? read_stores_kind(s, conf->where) : kind_of_environment(s);
	if (!k) {
		say_which_store(s, err);
		return NULL;
	}
	if (!k->driver) {
		err_set(err, EX_CONFIG, "this %s was built without %s (configure --with-%s)",
			program, k->name, k->configure);
		return NULL;
	}
	conf->place = conf->place ? conf->place : k->driver->default_table;
	return k->driver;
}
