/* before: what lies below the position from which a partition is read on. */
#include "proto/ctl_internal.h"

static bool is_text(struct slice s)
{
	return str_utf8(s.p, s.n) && !memchr(s.p, 0, s.n);
}

void ctl_before_write(const struct ctl_inc *inc, const struct ctl_before *b, struct buf *out)
{
	const char *p = b->lines.p, *end = p ? p + b->lines.n : p, *nl;
	bool first = true;

	ctl_open(inc, "before", out);
	ctl_add_text(out, "t", b->topic);
	ctl_add_i64(out, "p", b->partition);
	if (b->mark_us)
		ctl_add_i64(out, "wm", b->mark_us);
	buf_addz(out, ",\"rec\":[");
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		struct slice line = slice(p, (size_t)(nl - p));

		if (!is_text(line))
			continue;
		if (!first)
			buf_addc(out, ',');
		json_quote(out, line);
		first = false;
	}
	buf_addz(out, "]}");
}

int ctl_before_read(const struct ctl *c, struct ctl_before *out, struct buf *lines, struct err *err)
{
	const struct json_node *node = c->json.node;
	uint32_t list;

	*out = (struct ctl_before){ 0 };
	if (ctl_get_part(c, 0, &out->topic, &out->partition, err) ||
	    ctl_opt_i64(c, 0, "wm", &out->mark_us, err) || ctl_get_array(c, 0, "rec", &list, err))
		return -1;
	for (uint32_t i = json_first(&c->json, list); i < node[list].next; i = node[i].next) {
		struct slice text = node[i].text;

		if (node[i].type != JSON_STRING || node[i].escaped || memchr(text.p, '\n', text.n))
			return ctl_bad(c, "rec", err);
		buf_adds(lines, text);
		buf_addc(lines, '\n');
	}
	return 0;
}
