/* fail and end, and what hta-commit sends back to the source. */
#include "proto/ctl_internal.h"

void ctl_fail_write(const struct ctl_inc *inc, const char *stage, const struct err *e,
		    struct buf *out)
{
	ctl_open(inc, "fail", out);
	ctl_add_i64(out, "code", e->code);
	ctl_add_text(out, "s", slice_z(stage));
	ctl_add_lossy(out, "msg", slice_z(e->msg));
	buf_addc(out, '}');
}

int ctl_fail_read(const struct ctl *c, struct err *out)
{
	struct slice stage, msg;
	uint64_t code;
	if (ctl_get_u64(c, 0, "code", &code, out) || ctl_get_text(c, 0, "s", &stage, out) ||
	    ctl_get_text(c, 0, "msg", &msg, out))
		return -1;
	if (code == 0 || code > 255)
		return ctl_bad(c, "code", out);
	err_set(out, (int)code, "%.*s: %.*s", stage.n < 64 ? (int)stage.n : 64, stage.p,
		msg.n < ERR_MSG_BYTES ? (int)msg.n : ERR_MSG_BYTES, msg.p);
	return 0;
}

void ctl_end_write(const struct ctl_inc *inc, bool eof, struct buf *out)
{
	ctl_open(inc, "end", out);
	ctl_add_text(out, "reason", slice_z(eof ? "eof" : "stop"));
	buf_addc(out, '}');
}

static void open_ack(const struct ctl_inc *inc, const char *kind, struct buf *out)
{
	buf_addz(out, "{\"inc\":\"");
	buf_addz(out, inc->id);
	buf_addz(out, "\",\"k\":\"");
	buf_addz(out, kind);
	buf_addc(out, '"');
}

void ctl_ack_write(const struct ctl_inc *inc, const char *kind, uint64_t epoch, uint64_t rows,
		   struct buf *out)
{
	open_ack(inc, kind, out);
	ctl_add_u64(out, "e", epoch);
	ctl_add_u64(out, "rows", rows);
	buf_addc(out, '}');
}

void ctl_ack_line_write(const struct ctl_inc *inc, const char *kind, struct slice line,
			struct buf *out)
{
	open_ack(inc, kind, out);
	buf_addz(out, ",\"line\":");
	buf_adds(out, line);
	buf_addc(out, '}');
}
