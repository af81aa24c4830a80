#include "agg/metric_state.h"

#include <stdlib.h>

#include "agg/closing.h"
#include "base/mem.h"

struct metric_state *metric_state_new(struct metric_def *def, bool windows)
{
	struct metric_state *s = mem_zalloc(sizeof(*s));

	s->def = metric_def_ref(def);
	s->table = table_new((struct table_shape){ .value = def->m.has_value,
						   .uniq = def->m.has_uniq,
						   .windows = windows || closing_by_window(def),
						   .columns = (unsigned)def->n_kept,
						   .rule = def->rule });
	return s;
}

void metric_state_free(struct metric_state *s)
{
	if (!s)
		return;
	table_free(s->table);
	metric_def_unref(s->def);
	free(s);
}

int metric_state_merge(struct metric_state *s, struct metric_state *from, struct err *err)
{
	if (table_merge(s->table, from->table, err))
		return err_in(err, "metric %s", s->def->m.name);
	s->counted += from->counted;
	metric_state_clear(from);
	from->counted = 0;
	return 0;
}

void metric_state_clear(struct metric_state *s)
{
	table_clear(s->table);
}
