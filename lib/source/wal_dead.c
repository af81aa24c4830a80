#include "source/wal_dead.h"

#include "json/json.h"
#include "proto/ctl.h"

void wal_dead_write(struct slice reason, struct slice request_id, struct slice record,
		    struct buf *out)
{
	struct buf text = { 0 };
	bool base64 = ctl_keep(record, &text);

	buf_addz(out, WAL_DEAD_START "\"reason\":");
	json_quote(out, reason);
	if (request_id.n) {
		buf_addz(out, ",\"request_id\":");
		json_quote(out, request_id);
	}
	buf_addz(out, base64 ? ",\"enc\":\"base64\"},\"record\":" : "},\"record\":");
	buf_adds(out, buf_slice(&text));
	buf_addz(out, "}\n");
	buf_fini(&text);
}

static bool read_record(const struct json *j, uint32_t dead, struct buf *record)
{
	uint32_t at = json_get(j, 0, "record");
	struct slice enc;

	if (!at || j->node[at].type != JSON_STRING)
		return false;
	if (json_get_text(j, dead, "enc", &enc) && slice_is(enc, "base64"))
		return str_unbase64(j->node[at].text, record) == 0;
	return json_string(j, at, record) == 0;
}

void wal_dead_read(struct slice line, struct buf *reason, struct buf *record)
{
	struct json j = { 0 };
	struct err err = ERR_INIT;
	size_t before = reason->n;
	uint32_t dead = json_parse(&j, line, &err) ? 0 : json_get(&j, 0, "$dead"), why;

	why = dead ? json_get(&j, dead, "reason") : 0;
	if (!why || j.node[why].type != JSON_STRING || json_string(&j, why, reason) ||
	    !read_record(&j, dead, record)) {
		reason->n = before;
		buf_addz(reason, "a $dead line that is not of its form");
		buf_adds(record, line);
	}
	json_fini(&j);
}
