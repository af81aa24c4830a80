/* Barriers: the epoch, the offsets that it covers, and the watermarks that the stages' accounts
 * add to them. */
#include "proto/ctl_internal.h"

static void add_range(const struct range *r, struct buf *out)
{
	ctl_add_part(out, r->topic, r->partition);
	ctl_add_i64(out, "f", r->from);
	ctl_add_i64(out, "to", r->to);
	ctl_add_last(out, &r->last);
	ctl_add_bool(out, "idle", r->idle);
	buf_addc(out, '}');
}

void ctl_bar_write(const struct ctl_inc *inc, uint64_t epoch, const char *gen, const char *member,
		   const struct ranges *r, struct slice account_element, struct buf *out)
{
	ctl_open(inc, "bar", out);
	ctl_add_u64(out, "e", epoch);
	ctl_add_text(out, "gen", slice_z(gen));
	if (*member)
		ctl_add_text(out, "member", slice_z(member));
	buf_addz(out, ",\"r\":[");
	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_range(&r->v[i], out);
	}
	buf_addz(out, "],\"acct\":[");
	buf_adds(out, account_element);
	buf_addz(out, "]}");
}

static int read_range(const struct ctl *c, uint32_t at, struct ranges *set, struct err *err)
{
	struct slice topic;
	int32_t partition;
	if (ctl_get_part(c, at, &topic, &partition, err))
		return -1;
	if (ranges_find(set, topic, partition))
		return err_set(err, EX_DATAERR,
			       "control record `bar`: two ranges of one partition");
	struct range *r = ranges_add(set, topic, partition);
	if (ctl_get_offset(c, at, "f", &r->from, err) || ctl_get_offset(c, at, "to", &r->to, err) ||
	    ctl_get_last(c, at, &r->last, err) || ctl_opt_bool(c, at, "idle", &r->idle, err))
		return -1;
	if (r->from > r->to)
		return err_set(err, EX_DATAERR,
			       "control record `bar`: a range that ends before it begins");
	return 0;
}

/* ["topic",partition,us] of an account. A partition that the epoch does not cover moves no
 * position: its watermark has no place. */
static int read_mark(const struct ctl *c, uint32_t at, struct ranges *set, struct err *err)
{
	const struct json_node *node = c->json.node;
	const uint32_t end = node[at].next, topic = at + 1;
	int64_t p, us;
	if (node[at].type != JSON_ARRAY || topic >= end || node[topic].type != JSON_STRING ||
	    node[topic].escaped)
		return ctl_bad(c, "wm", err);
	if (topic + 1 >= end || !json_i64(&c->json, topic + 1, &p) || topic + 2 >= end ||
	    !json_i64(&c->json, topic + 2, &us))
		return ctl_bad(c, "wm", err);
	struct range *r = p < 0 || p > INT32_MAX ? NULL
						 : ranges_find(set, node[topic].text, (int32_t)p);
	if (r && us > r->watermark_us) /* POS_NONE is below all */
		r->watermark_us = us;
	return 0;
}

static int read_marks(const struct ctl *c, struct ranges *set, struct err *err)
{
	uint32_t account, marks;
	if (ctl_get_array(c, 0, "acct", &account, err))
		return -1;
	for (uint32_t i = json_first(&c->json, account); i < c->json.node[account].next;
	     i = c->json.node[i].next) {
		if (ctl_absent(c, i, "wm"))
			continue;
		if (ctl_get_array(c, i, "wm", &marks, err))
			return -1;
		for (uint32_t k = json_first(&c->json, marks); k < c->json.node[marks].next;
		     k = c->json.node[k].next)
			if (read_mark(c, k, set, err))
				return -1;
	}
	return 0;
}

/* Empty where no sink keeps positions. */
static int read_generation(const struct ctl *c, struct slice *out, struct err *err)
{
	return json_get_text(&c->json, 0, "gen", out) && out->n == 0
		       ? 0
		       : ctl_get_id(c, 0, "gen", out, err);
}

int ctl_bar_read(const struct ctl *c, struct ctl_bar *out, struct err *err)
{
	uint32_t list;
	*out = (struct ctl_bar){ 0 };
	if (ctl_get_u64(c, 0, "e", &out->epoch, err) || read_generation(c, &out->gen, err) ||
	    ctl_opt_text(c, 0, "member", &out->member, err) || ctl_get_array(c, 0, "r", &list, err))
		return -1;
	for (uint32_t i = json_first(&c->json, list); i < c->json.node[list].next;
	     i = c->json.node[i].next)
		if (read_range(c, i, &out->ranges, err))
			goto free_ranges;
	if (read_marks(c, &out->ranges, err) == 0)
		return 0;

free_ranges:
	ranges_fini(&out->ranges);
	return -1;
}
