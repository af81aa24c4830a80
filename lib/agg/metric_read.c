#include "agg/metric_read.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"

/* Every option of windows that stands in it, by its name. */
static int read_window(const struct json *j, struct metric *m, struct err *err)
{
	const struct window_option *o;
	struct window_given own = { .n = 0 }, all = { .n = 0 };
	struct slice text;

	for (size_t i = 0; (o = window_option_at(window_kinds, i)); i++) {
		char *given;
		int rc;

		if (!json_get_text(j, 0, o->name, &text))
			continue;
		given = mem_dup(text.p, text.n);
		rc = window_give(window_kinds, &own, o->name, given, err);
		free(given);
		if (rc)
			return -1;
	}
	return window_choose(window_kinds, &own, &all, &m->window, err);
}

/* "agg":{"NAME":"OPERATION(PATH)", ..} */
static int read_measures(const struct json *j, struct metric *m, struct err *err)
{
	uint32_t agg = json_get(j, 0, "agg");
	struct buf text = { 0 };
	int rc = 0;

	for (uint32_t i = agg ? json_first(j, agg) : 0; agg && i < j->node[agg].next && rc == 0;
	     i = j->node[j->node[i].next].next) {
		text.n = 0;
		buf_adds(&text, j->node[i].text);
		buf_addc(&text, '=');
		rc = json_string(j, j->node[i].next, &text)
			     ? -1
			     : metric_add_measure(m, buf_z(&text), err);
	}
	buf_fini(&text);
	return rc;
}

struct metric_def *metric_def_read(struct slice def, struct err *err)
{
	static const struct metric_common none;
	struct metric_def *d = NULL;
	struct metric m = { 0 };
	struct json j = { 0 };

	if (json_parse(&j, def, err) == 0 && read_window(&j, &m, err) == 0 &&
	    read_measures(&j, &m, err) == 0)
		d = metric_def_new_take(&m, &none, err);
	if (!d)
		err_set(err, EX_CONFIG, "its definition cannot be read (%s): %.*s", err->msg,
			(int)(def.n > 200 ? 200 : def.n), def.p);
	metric_fini(&m);
	json_fini(&j);
	return d;
}
