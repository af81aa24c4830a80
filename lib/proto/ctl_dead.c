/* dead and late: records that leave the main path. */
#include "proto/ctl_internal.h"

/* How much of the record is kept: no character is cut, as far as it is one. */
static size_t kept(struct slice record)
{
	size_t n = record.n;
	if (n <= CTL_KEEP_BYTES)
		return n;
	n = CTL_KEEP_BYTES;
	while (n > CTL_KEEP_BYTES - 4 && ((unsigned char)record.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

bool ctl_keep(struct slice record, struct buf *out)
{
	struct slice s = slice(record.n ? record.p : "", kept(record));
	if (str_utf8(s.p, s.n) && !memchr(s.p, 0, s.n)) {
		json_quote(out, s);
		return false;
	}
	buf_addc(out, '"');
	buf_base64(out, s.p, s.n);
	buf_addc(out, '"');
	return true;
}

void ctl_dead_write(const struct ctl_inc *inc, const struct ctl_dead *d, struct buf *out)
{
	struct buf rec = { 0 };
	bool base64 = ctl_keep(d->record, &rec);
	ctl_open(inc, d->late ? "late" : "dead", out);
	ctl_add_text(out, "s", d->stage);
	ctl_add_text(out, "t", d->topic);
	ctl_add_i64(out, "p", d->partition);
	ctl_add_i64(out, "o", d->offset);
	if (d->inexact)
		ctl_add_bool(out, "inexact", true);
	if (d->retries)
		ctl_add_u64(out, "retries", d->retries);
	ctl_add_lossy(out, "why", d->why);
	ctl_add_u64(out, "size", d->size);
	buf_addz(out, base64 ? ",\"enc\":\"base64\",\"rec\":" : ",\"enc\":\"utf8\",\"rec\":");
	buf_adds(out, buf_slice(&rec));
	buf_addc(out, '}');
	buf_fini(&rec);
}

static int read_place(const struct ctl *c, struct ctl_dead *out, struct err *err)
{
	if (ctl_absent(c, 0, "t"))
		return 0;
	return ctl_get_part(c, 0, &out->topic, &out->partition, err) ||
			       ctl_get_offset(c, 0, "o", &out->offset, err) ||
			       ctl_opt_bool(c, 0, "inexact", &out->inexact, err)
		       ? -1
		       : 0;
}

int ctl_dead_read(const struct ctl *c, struct ctl_dead *out, bool *base64, struct err *err)
{
	struct slice encoding;
	*out = (struct ctl_dead){ .late = c->kind == CTL_LATE };
	if (ctl_get_text(c, 0, "s", &out->stage, err) || read_place(c, out, err) ||
	    ctl_opt_u64(c, 0, "retries", &out->retries, err) ||
	    ctl_get_text(c, 0, "why", &out->why, err) ||
	    ctl_get_u64(c, 0, "size", &out->size, err) ||
	    ctl_get_text(c, 0, "enc", &encoding, err) ||
	    ctl_get_text(c, 0, "rec", &out->record, err))
		return -1;
	*base64 = slice_is(encoding, "base64");
	return *base64 || slice_is(encoding, "utf8") ? 0 : ctl_bad(c, "enc", err);
}
