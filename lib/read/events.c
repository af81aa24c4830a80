#include "read/events.h"

#include <inttypes.h>
#include <string.h>

#include "base/tm.h"

enum { KEY_CHARS = 2 * EVENT_KEY_BYTES };

void events_place_format(const struct events_place *p, struct buf *out)
{
	char time[TM_TEXT_BYTES];

	if (p->ts_us != POS_NONE)
		buf_add(out, time, tm_text(p->ts_us, time));
	buf_addc(out, '/');
	buf_adds(out, p->topic);
	if (p->in_log)
		buf_printf(out, "/%" PRId32 "/%" PRId64, p->partition, p->offset);
	else
		buf_addz(out, "//");
	if (!p->keyed)
		return;
	buf_addc(out, '/');
	buf_hex(out, p->key, EVENT_KEY_BYTES);
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

static bool read_number(struct slice text, int64_t most, int64_t *out)
{
	int64_t v = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9 || v > (most - (int64_t)digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return text.n > 0;
}

/* Takes all but "/TOPIC" off the text's end. */
static bool cut_tail(struct slice *text, struct events_place *p)
{
	struct slice offset, partition;
	int64_t n;

	if (!cut_last(text, &offset))
		return false;
	p->keyed = offset.n == KEY_CHARS;
	if (p->keyed && (str_unhex(offset, p->key, EVENT_KEY_BYTES) || !cut_last(text, &offset)))
		return false;
	if (!cut_last(text, &partition))
		return false;
	p->in_log = partition.n;
	if (!p->in_log)
		return offset.n == 0;
	if (!read_number(partition, INT32_MAX, &n) || !read_number(offset, INT64_MAX, &p->offset))
		return false;
	p->partition = (int32_t)n;
	return true;
}

int events_place_parse(const char *text, struct events_place *out, struct err *err)
{
	size_t n = strcspn(text, "/");
	struct slice rest = slice_z(text + n);

	*out = (struct events_place){ .ts_us = POS_NONE };
	if ((n == 0 || tm_parse(slice(text, n), &out->ts_us) == 0) && cut_tail(&rest, out) &&
	    rest.n > 0) {
		out->topic = rest.n > 1 ? slice(rest.p + 1, rest.n - 1) : slice(NULL, 0);
		return 0;
	}
	return err_set(err, EX_USAGE,
		       "\"%s\" is no place of an event, such as "
		       "2026-01-01T00:00:00Z/events/0/123: --meta shows them (cursor)",
		       text);
}
