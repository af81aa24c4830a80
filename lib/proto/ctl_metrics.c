/* metrics: the set that is counted from here on. */
#include "proto/ctl_internal.h"

#include <stdlib.h>

#include "base/mem.h"

void ctl_metric_write(const struct ctl_metric *m, struct buf *out)
{
	buf_addz(out, "{\"name\":");
	json_quote(out, m->name);
	ctl_add_text(out, "cfg", m->cfg);
	ctl_add_i64(out, "every_us", m->every_us);
	buf_addz(out, ",\"def\":");
	buf_adds(out, m->def);
	if (m->columns.p) {
		buf_addz(out, ",\"columns\":");
		buf_adds(out, m->columns);
	}
	buf_addz(out, m->final ? ",\"final\":true}" : "}");
}

void ctl_metrics_write_list(const struct ctl_inc *inc, const struct ctl_rules *rules,
			    struct slice metrics, struct buf *out)
{
	ctl_open(inc, "metrics", out);
	ctl_rules_write(rules, out);
	buf_addz(out, ",\"metrics\":");
	buf_adds(out, metrics);
	buf_addc(out, '}');
}

void ctl_metrics_write(const struct ctl_inc *inc, const struct ctl_metrics *m, struct buf *out)
{
	struct buf list = { 0 };

	buf_addc(&list, '[');
	for (size_t i = 0; i < m->n; i++) {
		buf_addz(&list, i ? "," : "");
		ctl_metric_write(&m->metric[i], &list);
	}
	buf_addc(&list, ']');
	ctl_metrics_write_list(inc, &m->rules, buf_slice(&list), out);
	buf_fini(&list);
}

/* A member that is an object or array, as its text. */
static int read_part(const struct ctl *c, uint32_t at, const char *key, enum json_type type,
		     struct slice *text, struct err *err)
{
	uint32_t node = json_get(&c->json, at, key);

	if (!node || c->json.node[node].type != type)
		return ctl_bad(c, key, err);
	*text = c->json.node[node].text;
	return 0;
}

static int read_metric(const struct ctl *c, uint32_t at, struct ctl_metric *out, struct err *err)
{
	*out = (struct ctl_metric){ 0 };
	if (ctl_get_text(c, at, "name", &out->name, err) ||
	    ctl_get_id(c, at, "cfg", &out->cfg, err) ||
	    ctl_get_offset(c, at, "every_us", &out->every_us, err) ||
	    read_part(c, at, "def", JSON_OBJECT, &out->def, err) ||
	    ctl_opt_bool(c, at, "final", &out->final, err))
		return -1;
	return ctl_absent(c, at, "columns")
		       ? 0
		       : read_part(c, at, "columns", JSON_ARRAY, &out->columns, err);
}

int ctl_metrics_read(const struct ctl *c, struct ctl_metrics *out, struct err *err)
{
	const struct json_node *node = c->json.node;
	uint32_t list;

	*out = (struct ctl_metrics){ 0 };
	if (ctl_get_array(c, 0, "metrics", &list, err) || ctl_rules_read(c, 0, &out->rules, err))
		return -1;
	if (!out->rules.set.p)
		return ctl_bad(c, "rules", err);
	for (uint32_t i = json_first(&c->json, list); i < node[list].next; i = node[i].next) {
		out->metric = mem_grow(out->metric, out->n + 1, sizeof(*out->metric));
		if (read_metric(c, i, &out->metric[out->n++], err)) {
			ctl_metrics_fini(out);
			return -1;
		}
	}
	return 0;
}

void ctl_metrics_fini(struct ctl_metrics *m)
{
	ctl_rules_fini(&m->rules);
	free(m->metric);
	*m = (struct ctl_metrics){ 0 };
}
