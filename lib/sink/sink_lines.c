/* A sink that stores lines as they are: rows or records, whatever the stream has. The driver keeps
 * the lines of an epoch and passes them on; the rest of an epoch's way is that of every sink, see
 * sink_epochs.c. Where the driver keeps no positions, of a plain stream and of an acknowledged one
 * that is stored at least once, lines are sent as they come, and a barrier or the end waits until
 * all are stored. */
#include "sink/sink_internal.h"

/* What is passed on before it is stored, below a sink that keeps positions, is lost in a crash
 * between the two: the job goes on at those. */
static int check_above(const struct sink *s, const struct ctl *hello, struct err *err)
{
	const struct json *j = &hello->json;
	uint32_t stages = ctl_stages(hello);
	struct slice name;

	for (uint32_t i = json_first(j, stages); i < j->node[stages].next; i = j->node[i].next)
		if (json_get_text(j, i, "sink", &name))
			return err_set(err, EX_USAGE,
				       "%s stores at least once here, and sink %.*s, which keeps "
				       "positions, stands above it: put it above that one",
				       s->program->name, (int)name.n, name.p);
	return 0;
}

int sink_lines_hello(struct sink *s, struct stage *st, const struct ctl *hello, struct buf *members,
		     struct err *err)
{
	if (sink_lines(s)->begin(s->store.d, st, hello, &s->role, err))
		return -1;
	if (!s->role.keeps)
		return check_above(s, hello, err);
	buf_addz(members, ",\"sink\":");
	json_quote_z(members, s->name);
	buf_printf(members, ",\"claims\":%s", s->role.claims ? "true" : "false");
	if (s->role.commits)
		buf_addz(members, ",\"commits\":true");
	return 0;
}

static enum sink_result call_connect(struct sink *s, void *arg, struct err *err)
{
	(void)s, (void)arg, (void)err;
	return SINK_OK;
}

int sink_lines_plain(struct sink *s, struct stage *st, struct err *err)
{
	enum sink_result result;

	return sink_lines(s)->begin(s->store.d, st, NULL, &s->role, err) ||
			       sink_try(s, st, call_connect, NULL, &result, err)
		       ? -1
		       : 0;
}

int sink_lines_data(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
		    struct err *err)
{
	enum sink_result result;

	if (!s->role.keeps && sink_try(s, st, call_connect, NULL, &result, err))
		return -1;
	return sink_lines(s)->take(s->store.d, run, stage_acknowledged(st) || s->pass, lines, err);
}

int sink_lines_flush(struct sink *s, struct stage *st, struct err *err)
{
	(void)st;
	return s->store.connected ? sink_lines(s)->flush(s->store.d, err) : 0;
}
