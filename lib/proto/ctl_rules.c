/* Rules of a stream: which there are, in which version and state. */
#include "proto/ctl_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

const char *const ctl_rule_states[] = {
	[CTL_RULE_ACTIVE] = "active",
	[CTL_RULE_PAUSED] = "paused",
	[CTL_RULE_RETIRED] = "retired",
};
enum { STATES = sizeof(ctl_rule_states) / sizeof(*ctl_rule_states) };

static int rule_cmp(const void *a, const void *b)
{
	return slice_cmp((*(const struct ctl_rule *const *)a)->metric,
			 (*(const struct ctl_rule *const *)b)->metric);
}

void ctl_rules_set(const struct ctl_rule *rule, size_t n, char out[CTL_INC_CHARS + 1])
{
	const struct ctl_rule **sorted = mem_array(n + 1, sizeof(*sorted));
	struct buf text = { 0 }, hex = { 0 };
	uint8_t bytes[CTL_INC_CHARS / 2];
	uint64_t hash;
	size_t active = 0;

	for (size_t i = 0; i < n; i++)
		if (rule[i].state == CTL_RULE_ACTIVE)
			sorted[active++] = &rule[i];
	qsort(sorted, active, sizeof(*sorted), rule_cmp);
	for (size_t i = 0; i < active; i++) {
		buf_adds(&text, sorted[i]->metric);
		buf_addc(&text, '\n');
		buf_adds(&text, sorted[i]->cfg);
		buf_addc(&text, '\n');
	}
	hash = hash_64(text.p, text.n);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(hash >> (56 - 8 * i));
	buf_hex(&hex, bytes, sizeof(bytes));
	memcpy(out, hex.p, CTL_INC_CHARS);
	out[CTL_INC_CHARS] = 0;
	buf_fini(&hex);
	buf_fini(&text);
	free(sorted);
}

void ctl_rules_write(const struct ctl_rules *r, struct buf *out)
{
	if (!r->set.p)
		return;
	ctl_add_text(out, "set", r->set);
	buf_addz(out, ",\"rules\":[");
	for (size_t i = 0; i < r->n; i++) {
		const struct ctl_rule *x = &r->rule[i];

		buf_addz(out, i ? ",{\"rule\":" : "{\"rule\":");
		json_quote(out, x->rule);
		ctl_add_text(out, "state", slice_z(ctl_rule_states[x->state]));
		if (x->state != CTL_RULE_RETIRED) {
			ctl_add_u64(out, "version", x->version);
			ctl_add_text(out, "metric", x->metric);
			ctl_add_text(out, "cfg", x->cfg);
		}
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static int read_rule_state(const struct ctl *c, uint32_t at, enum ctl_rule_state *out,
			   struct err *err)
{
	struct slice name;

	if (ctl_get_text(c, at, "state", &name, err))
		return -1;
	for (unsigned i = 0; i < STATES; i++) {
		if (!slice_is(name, ctl_rule_states[i]))
			continue;
		*out = (enum ctl_rule_state)i;
		return 0;
	}
	return ctl_bad(c, "state", err);
}

static int read_rule(const struct ctl *c, uint32_t at, struct ctl_rule *out, struct err *err)
{
	*out = (struct ctl_rule){ 0 };
	if (ctl_get_text(c, at, "rule", &out->rule, err) ||
	    read_rule_state(c, at, &out->state, err))
		return -1;
	if (out->state == CTL_RULE_RETIRED)
		return 0;
	return ctl_get_u64(c, at, "version", &out->version, err) ||
			       ctl_get_text(c, at, "metric", &out->metric, err) ||
			       ctl_get_id(c, at, "cfg", &out->cfg, err)
		       ? -1
		       : 0;
}

int ctl_rules_read(const struct ctl *c, uint32_t at, struct ctl_rules *out, struct err *err)
{
	const struct json_node *node = c->json.node;
	uint32_t list;

	*out = (struct ctl_rules){ 0 };
	if (ctl_absent(c, at, "rules"))
		return 0;
	if (ctl_get_id(c, at, "set", &out->set, err) || ctl_get_array(c, at, "rules", &list, err))
		return -1;
	for (uint32_t i = json_first(&c->json, list); i < node[list].next; i = node[i].next) {
		out->rule = mem_grow(out->rule, out->n + 1, sizeof(*out->rule));
		if (read_rule(c, i, &out->rule[out->n++], err)) {
			ctl_rules_fini(out);
			return -1;
		}
	}
	return 0;
}

void ctl_rules_fini(struct ctl_rules *r)
{
	free(r->rule);
	*r = (struct ctl_rules){ 0 };
}
