/* probe and init: what sinks hold of the job, and what they shall start with. */
#include "proto/ctl_internal.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- a sink's state */

void ctl_sink_state_fini(struct ctl_sink_state *s)
{
	free(s->name);
	positions_fini(&s->pos);
	*s = (struct ctl_sink_state){ 0 };
}

static void add_position(const struct position *p, struct buf *out)
{
	ctl_add_part(out, p->topic, p->partition);
	ctl_add_i64(out, "init", p->init);
	ctl_add_i64(out, "next", p->next);
	ctl_add_last(out, &p->last);
	ctl_add_time(out, "wm", p->watermark_us);
	ctl_add_bool(out, "idle", p->idle);
	buf_addc(out, '}');
}

void ctl_sink_state_write(const struct ctl_sink_state *s, struct buf *out)
{
	buf_addz(out, "{\"s\":");
	json_quote_z(out, s->name);
	ctl_add_text(out, "gen", s->gen[0] ? slice_z(s->gen) : slice(NULL, 0));
	ctl_add_bool(out, "now", s->by_now);
	if (s->records)
		ctl_add_bool(out, "records", true);
	buf_addz(out, ",\"pos\":[");
	for (size_t i = 0; i < s->pos.n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_position(&s->pos.v[i], out);
	}
	buf_addz(out, "]}");
}

static int read_position(const struct ctl *c, uint32_t at, struct positions *set, struct err *err)
{
	struct slice topic;
	int32_t partition;
	if (ctl_get_part(c, at, &topic, &partition, err))
		return -1;
	if (positions_find(set, topic, partition))
		return err_set(err, EX_DATAERR,
			       "control record `probe`: a partition stands there twice");
	struct position *p = positions_add(set, topic, partition);
	return ctl_get_offset(c, at, "init", &p->init, err) ||
			       ctl_get_offset(c, at, "next", &p->next, err) ||
			       ctl_get_last(c, at, &p->last, err) ||
			       ctl_opt_i64(c, at, "wm", &p->watermark_us, err) ||
			       ctl_opt_bool(c, at, "idle", &p->idle, err)
		       ? -1
		       : 0;
}

/* A generation: 16 hex digits, or "" where it is null. */
static int read_generation(const struct ctl *c, uint32_t at, char out[CTL_INC_CHARS + 1],
			   struct err *err)
{
	struct slice gen;
	out[0] = '\0';
	if (ctl_absent(c, at, "gen"))
		return 0;
	if (ctl_get_id(c, at, "gen", &gen, err))
		return -1;
	memcpy(out, gen.p, CTL_INC_CHARS);
	out[CTL_INC_CHARS] = '\0';
	return 0;
}

static int read_sink(const struct ctl *c, uint32_t at, struct ctl_sink_state *s, struct err *err)
{
	struct slice name;
	uint32_t pos;
	*s = (struct ctl_sink_state){ 0 };
	if (ctl_get_text(c, at, "s", &name, err) || read_generation(c, at, s->gen, err) ||
	    ctl_opt_bool(c, at, "now", &s->by_now, err) ||
	    ctl_opt_bool(c, at, "records", &s->records, err) ||
	    ctl_get_array(c, at, "pos", &pos, err))
		return -1;
	s->name = mem_dup(name.p, name.n);
	for (uint32_t i = json_first(&c->json, pos); i < c->json.node[pos].next;
	     i = c->json.node[i].next)
		if (read_position(c, i, &s->pos, err))
			return -1;
	return 0;
}

int ctl_sink_state_read(struct slice text, struct ctl_sink_state *out, struct err *err)
{
	struct ctl c = { .kind = CTL_PROBE, .line = text };
	int rc;

	*out = (struct ctl_sink_state){ 0 };
	rc = json_parse(&c.json, text, err) || read_sink(&c, 0, out, err) ? -1 : 0;
	if (rc)
		ctl_sink_state_fini(out);
	ctl_fini(&c);
	return rc;
}

int ctl_probe_read(const struct ctl *c, uint64_t *n, struct ctl_sink_state **sinks, size_t *n_sinks,
		   struct err *err)
{
	uint32_t list;
	size_t cap = 0, k = 0;
	struct ctl_sink_state *v = NULL;
	*sinks = NULL;
	*n_sinks = 0;
	if (ctl_get_u64(c, 0, "n", n, err) || ctl_get_array(c, 0, "sinks", &list, err))
		return -1;
	for (uint32_t i = json_first(&c->json, list); i < c->json.node[list].next;
	     i = c->json.node[i].next) {
		mem_reserve(&v, &cap, k + 1, sizeof(*v));
		if (read_sink(c, i, &v[k++], err))
			goto free_sinks;
	}
	*sinks = v;
	*n_sinks = k;
	return 0;

free_sinks:
	while (k > 0)
		ctl_sink_state_fini(&v[--k]);
	free(v);
	return -1;
}

/* ---- init */

static const char *const act_name[] = {
	[CTL_FRESH] = "fresh",
	[CTL_ADOPT] = "adopt",
	[CTL_NEW] = "new",
	[CTL_BOOT] = "boot",
};
enum { ACTS = sizeof(act_name) / sizeof(*act_name) };

void ctl_init_write(const struct ctl_inc *inc, const struct ctl_init *i, struct buf *out)
{
	ctl_open(inc, "init", out);
	ctl_add_text(out, "to", i->to);
	ctl_add_text(out, "act", slice_z(act_name[i->act]));
	ctl_add_text(out, "gen", slice_z(i->gen));
	ctl_add_bool(out, "now", i->by_now);
	if (i->member.p)
		ctl_add_text(out, "member", i->member);
	buf_addz(out, ",\"pos\":[");
	for (size_t k = 0; k < i->start.n; k++) {
		if (k > 0)
			buf_addc(out, ',');
		ctl_add_part(out, i->start.v[k].topic, i->start.v[k].partition);
		ctl_add_i64(out, "o", i->start.v[k].from);
		buf_addc(out, '}');
	}
	buf_addz(out, "]}");
}

static int read_act(const struct ctl *c, enum ctl_act *out, struct err *err)
{
	struct slice name;
	if (ctl_get_text(c, 0, "act", &name, err))
		return -1;
	for (unsigned i = 0; i < ACTS; i++) {
		if (!slice_is(name, act_name[i]))
			continue;
		*out = (enum ctl_act)i;
		return 0;
	}
	return ctl_bad(c, "act", err);
}

static int read_starts(const struct ctl *c, uint32_t list, struct ranges *set, struct err *err)
{
	for (uint32_t i = json_first(&c->json, list); i < c->json.node[list].next;
	     i = c->json.node[i].next) {
		struct slice topic;
		int32_t partition;
		int64_t offset;
		if (ctl_get_part(c, i, &topic, &partition, err) ||
		    ctl_get_offset(c, i, "o", &offset, err))
			return -1;
		if (ranges_find(set, topic, partition))
			return err_set(err, EX_DATAERR,
				       "control record `init`: a partition stands there twice");
		struct range *r = ranges_add(set, topic, partition);
		r->from = r->to = offset;
	}
	return 0;
}

int ctl_init_read(const struct ctl *c, struct ctl_init *out, struct err *err)
{
	uint32_t list;
	*out = (struct ctl_init){ 0 };
	if (ctl_opt_text(c, 0, "to", &out->to, err) || read_act(c, &out->act, err) ||
	    read_generation(c, 0, out->gen, err) || ctl_opt_bool(c, 0, "now", &out->by_now, err) ||
	    ctl_opt_text(c, 0, "member", &out->member, err) ||
	    ctl_get_array(c, 0, "pos", &list, err))
		return -1;
	if (!out->gen[0])
		return ctl_bad(c, "gen", err);
	if (!out->to.p && (out->act == CTL_FRESH || out->act == CTL_BOOT))
		return ctl_bad(c, "to", err);
	if (read_starts(c, list, &out->start, err) == 0)
		return 0;
	ranges_fini(&out->start);
	return -1;
}
