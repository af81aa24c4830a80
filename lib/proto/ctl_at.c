/* at: where the lines that follow come from. */
#include "proto/ctl_internal.h"

enum { FROM_TOPIC_MOST = 255 };

int64_t ctl_at_time(int64_t us)
{
	if (us <= 0)
		return 0;
	if (us > INT64_MAX - CTL_AT_TIME_US)
		us -= CTL_AT_TIME_US;
	return (us + CTL_AT_TIME_US - 1) / CTL_AT_TIME_US * CTL_AT_TIME_US;
}

/* ---- the place that a record had first */

/* A whole number up to `most` without a sign, white space or leading zeros. */
static bool read_place_number(struct slice text, int64_t most, int64_t *out)
{
	int64_t v = 0;

	if (text.n == 0 || (text.n > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9 || v > (most - (int64_t)digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

/* Cuts what stands behind the last slash off. */
static bool cut_last(struct slice *text, struct slice *last)
{
	const char *slash = text->n ? memrchr(text->p, '/', text->n) : NULL;

	if (!slash)
		return false;
	*last = slice(slash + 1, (size_t)(text->p + text->n - slash - 1));
	text->n = (size_t)(slash - text->p);
	return true;
}

void ctl_at_from(struct ctl_at *at, struct slice text)
{
	struct slice partition, offset;
	int64_t p, o;

	at->from_topic = slice(NULL, 0);
	if (!cut_last(&text, &offset) || !cut_last(&text, &partition) || text.n == 0 ||
	    text.n > FROM_TOPIC_MOST || memchr(text.p, 0, text.n) || !str_utf8(text.p, text.n) ||
	    !read_place_number(partition, INT32_MAX, &p) ||
	    !read_place_number(offset, INT64_MAX, &o))
		return;
	at->from_topic = text;
	at->from_partition = (int32_t)p;
	at->from_offset = o;
}

uint64_t ctl_retries(struct slice text)
{
	int64_t v;

	return read_place_number(text, INT32_MAX, &v) ? (uint64_t)v : 0;
}

/* ---- the record */

void ctl_at_write(const struct ctl_inc *inc, const struct ctl_at *at, struct buf *out)
{
	ctl_open(inc, "at", out);
	ctl_add_text(out, "t", at->topic);
	ctl_add_i64(out, "p", at->partition);
	ctl_add_i64(out, "o", at->offset);
	if (at->time_us)
		ctl_add_i64(out, "ts", at->time_us);
	if (at->from_topic.p) {
		buf_addz(out, ",\"from\":{\"t\":");
		json_quote(out, at->from_topic);
		ctl_add_i64(out, "p", at->from_partition);
		ctl_add_i64(out, "o", at->from_offset);
		buf_addc(out, '}');
	}
	if (at->retries)
		ctl_add_u64(out, "retries", at->retries);
	if (at->inexact)
		ctl_add_bool(out, "inexact", true);
	buf_addc(out, '}');
}

int ctl_at_read(const struct ctl *c, struct ctl_at *out, struct err *err)
{
	uint32_t from = json_get(&c->json, 0, "from");

	*out = (struct ctl_at){ 0 };
	if (ctl_get_part(c, 0, &out->topic, &out->partition, err) ||
	    ctl_get_offset(c, 0, "o", &out->offset, err) ||
	    ctl_opt_i64(c, 0, "ts", &out->time_us, err) ||
	    ctl_opt_u64(c, 0, "retries", &out->retries, err) ||
	    ctl_opt_bool(c, 0, "inexact", &out->inexact, err))
		return -1;
	if (ctl_absent(c, 0, "from"))
		return 0;
	return ctl_get_part(c, from, &out->from_topic, &out->from_partition, err) ||
			       ctl_get_offset(c, from, "o", &out->from_offset, err)
		       ? -1
		       : 0;
}
