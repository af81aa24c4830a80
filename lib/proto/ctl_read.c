/* read: what is read from here on, and what the sinks have of it. */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/ctl_internal.h"

void ctl_reading_write(const struct ctl_inc *inc, const struct ctl_reading *r, struct buf *out)
{
	ctl_open(inc, "read", out);
	ctl_add_text(out, "gen", r->gen);
	buf_addz(out, ",\"pos\":[");
	for (size_t i = 0; i < r->n; i++) {
		const struct ctl_reading_part *p = &r->part[i];

		buf_addz(out, i ? ",{\"t\":" : "{\"t\":");
		json_quote(out, p->topic);
		ctl_add_i64(out, "p", p->partition);
		ctl_add_i64(out, "init", p->init);
		ctl_add_i64(out, "from", p->from);
		ctl_add_i64(out, "next", p->next);
		ctl_add_bool(out, "idle", p->idle);
		buf_addc(out, '}');
	}
	buf_addz(out, "]}");
}

static int read_part(const struct ctl *c, uint32_t at, struct ctl_reading_part *p, struct err *err)
{
	return ctl_get_part(c, at, &p->topic, &p->partition, err) ||
			       ctl_get_offset(c, at, "init", &p->init, err) ||
			       ctl_get_offset(c, at, "from", &p->from, err) ||
			       ctl_get_offset(c, at, "next", &p->next, err) ||
			       ctl_opt_bool(c, at, "idle", &p->idle, err)
		       ? -1
		       : 0;
}

int ctl_reading_read(const struct ctl *c, struct ctl_reading *out, struct err *err)
{
	uint32_t list;
	size_t cap = 0;

	*out = (struct ctl_reading){ 0 };
	if (ctl_get_text(c, 0, "gen", &out->gen, err) || ctl_get_array(c, 0, "pos", &list, err))
		return -1;
	for (uint32_t i = json_first(&c->json, list); i < c->json.node[list].next;
	     i = c->json.node[i].next) {
		mem_reserve(&out->part, &cap, out->n + 1, sizeof(*out->part));
		out->part[out->n] = (struct ctl_reading_part){ 0 };
		if (read_part(c, i, &out->part[out->n++], err)) {
			ctl_reading_fini(out);
			return -1;
		}
	}
	return 0;
}

void ctl_reading_fini(struct ctl_reading *r)
{
	free(r->part);
	*r = (struct ctl_reading){ 0 };
}
