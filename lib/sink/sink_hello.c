/* The hello of an acknowledged stream: whether what comes is what this sink takes, and the metrics
 * of it. Nothing is asked of the store before the first probe: the hello passes before the sink
 * connects. */
#include "base/mem.h"
#include "sink/sink_internal.h"

/* The same name twice in a pipeline would share one set of positions. */
static int check_sink_name(struct sink *s, const struct ctl *hello, struct err *err)
{
	const struct json *j = &hello->json;
	uint32_t stages = ctl_stages(hello);
	struct slice name;

	for (uint32_t i = json_first(j, stages); i < j->node[stages].next; i = j->node[i].next)
		if (json_get_text(j, i, "sink", &name) && slice_is(name, s->name))
			return err_set(err, EX_USAGE,
				       "two sinks are named %s: give one of them another --name",
				       s->name);
	return 0;
}

/* Records that are known by their offset, and nothing else. */
static int check_places(const struct sink *s, const struct ctl_hello *above, struct err *err)
{
	if (!above->multiplies.p)
		return 0;
	return err_set(err, EX_USAGE,
		       "%.*s above may make several records of one, and %s keeps the offset of "
		       "each: put %s above it",
		       (int)above->multiplies.n, above->multiplies.p, s->program->name,
		       s->program->name);
}

/* A stage that has failed above says what it is no more. */
static int check_stream(const struct sink *s, const struct ctl_hello *above, struct err *err)
{
	unsigned takes = s->events ? SINK_RECORDS : s->store.driver->takes;
	const char *flag = s->events && !s->store.driver->events_only ? " --events" : "";

	if (above->failed || takes & SINK_LINES)
		return 0;
	if (takes & (above->rows ? SINK_ROWS : SINK_RECORDS))
		return above->rows ? 0
		       : s->events ? sink_events_check(s, above, err)
				   : check_places(s, above, err);
	if (above->rows)
		return err_set(err, EX_USAGE,
			       "hta-window stands above: what comes here are rows, and %s%s stores "
			       "records; say %s%s ... | hta-window",
			       s->program->name, flag, s->program->name, flag);
	return err_set(err, EX_USAGE,
		       "no hta-window above: what comes here are records, and a sink "
		       "stores rows; say hta-window ... | %s%s",
		       s->program->name,
		       s->store.driver->events_place ? ", or --events to store the records" : "");
}

/* An option that is for plain streams only, or NULL. */
static const char *plain_option(const struct sink *s)
{
	if (s->dry_run)
		return "dry-run";
	if (s->replace && !s->events)
		return "replace";
	return s->pass ? "pass" : NULL;
}

int sink_hello(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
	       struct err *err)
{
	struct sink *s = self;
	struct ctl_hello above;

	if (ctl_hello_read(hello, &above, err))
		return -1;
	if (check_stream(s, &above, err))
		return -1;
	s->filter.rows = above.rows;
	if (plain_option(s))
		return err_set(err, EX_USAGE, "--%s is for plain streams: this one is acknowledged",
			       plain_option(s));
	if (check_sink_name(s, hello, err))
		return -1;
	if (sink_positions_open(s, err))
		return -1;
	if (sink_lines(s))
		return sink_lines_hello(s, st, hello, members, err);
	buf_addz(members, ",\"sink\":");
	json_quote_z(members, s->name);
	buf_printf(members, ",\"claims\":%s",
		   s->store.driver->takes & SINK_DEAD && sink_has_dead(s) ? "true" : "false");
	if (!above.rows && !sink_events_keyed(s))
		buf_addz(members, ",\"places\":true");
	return 0;
}

/* The columns of a metric. Their names point into the hello. */
static int add_columns(struct sink *s, struct sink_metric *m, const struct json *j, uint32_t list,
		       struct err *err)
{
	struct column column[COLUMNS_MAX];

	if (columns_parse(j, list, column, &m->columns, err))
		return err_in(err, "metric %.*s", (int)m->name.n, m->name.p);
	m->column = sink_keep_columns(s, column, m->columns);
	return 0;
}

static int add_metric(struct sink *s, const struct json *j, uint32_t at, struct err *err)
{
	struct sink_metric *m;
	uint32_t def = json_get(j, at, "def"), columns = json_get(j, at, "columns");
	struct slice name, cfg;

	if (!json_get_text(j, at, "name", &name) || !json_get_text(j, at, "cfg", &cfg) || !def)
		return 0;
	s->metric = mem_grow(s->metric, s->metrics + 1, sizeof(*s->metric));
	m = &s->metric[s->metrics++];
	/* the name may have been decoded, into memory of the parsed hello */
	*m = (struct sink_metric){ .name = arena_copy(&s->names, name),
				   .cfg = cfg,
				   .def = j->node[def].text,
				   .shape = j->node[def].text };
	m->stream = m->name;
	json_get_i64(j, at, "every_us", &m->every_us);
	json_get_bool(j, at, "final", &m->final);
	return columns ? add_columns(s, m, j, columns, err) : 0;
}

/* The rules of a window's element, if it has some. */
static int take_rules(struct sink *s, const struct ctl *c, uint32_t at, struct err *err)
{
	struct ctl_rules rules;

	if (ctl_rules_read(c, at, &rules, err))
		return -1;
	if (rules.set.p)
		sink_set_take(s, &rules);
	ctl_rules_fini(&rules);
	return 0;
}

/* The metrics of all windows above, and the lateness. */
int sink_hello_returned(void *self, struct stage *st, struct slice line, struct err *err)
{
	struct sink *s = self;
	struct ctl c = { 0 };
	uint32_t stages;
	int rc = 0;

	(void)st;
	s->hello.n = 0;
	buf_adds(&s->hello, line);
	if (ctl_parse(&c, buf_slice(&s->hello), err)) {
		ctl_fini(&c);
		return -1;
	}
	stages = ctl_stages(&c);
	for (uint32_t i = json_first(&c.json, stages); i < c.json.node[stages].next;
	     i = c.json.node[i].next) {
		uint32_t list = json_get(&c.json, i, "metrics");
		int64_t us;

		if (json_get_i64(&c.json, i, "lateness_us", &us))
			s->lateness_us = us;
		for (uint32_t k = list ? json_first(&c.json, list) : 0;
		     list && k < c.json.node[list].next && rc == 0; k = c.json.node[k].next)
			rc = add_metric(s, &c.json, k, err);
		if (rc == 0)
			rc = take_rules(s, &c, i, err);
	}
	ctl_fini(&c);
	return rc ? -1 : sink_set_leave_out(s, err);
}

int sink_metrics_replace(struct sink *s, const struct ctl_metrics *from, struct err *err)
{
	s->metrics = 0;
	for (size_t i = 0; i < from->n; i++) {
		const struct ctl_metric *m = &from->metric[i];
		struct sink_metric *to;
		struct json j = { 0 };
		int rc = 0;

		s->metric = mem_grow(s->metric, s->metrics + 1, sizeof(*s->metric));
		to = &s->metric[s->metrics++];
		*to = (struct sink_metric){ .name = arena_copy(&s->names, m->name),
					    .cfg = arena_copy(&s->names, m->cfg),
					    .def = arena_copy(&s->names, m->def),
					    .every_us = m->every_us,
					    .final = m->final };
		to->stream = to->name;
		to->shape = to->def;
		if (m->columns.p)
			rc = json_parse(&j, arena_copy(&s->names, m->columns), err) ||
					     add_columns(s, to, &j, 0, err)
				     ? -1
				     : 0;
		json_fini(&j);
		if (rc)
			return -1;
	}
	return sink_set_leave_out(s, err);
}
