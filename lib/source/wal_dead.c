#include "source/wal_dead.h"

#include "json/json.h"

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
