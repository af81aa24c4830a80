#include "intake/route.h"

#include <stdlib.h>

#include "base/mem.h"
#include "intake/members.h"
#include "intake/total.h"

#define MEMBER(m) (1u << (m))

static const struct intake_route_conf builtin[] = {
	{ .path = "/events",
	  .topic = "events",
	  .forms = CUT_ONE,
	  .required = MEMBER(INTAKE_EVENT_TYPE) | MEMBER(INTAKE_USER_ID) | MEMBER(INTAKE_PAYLOAD) },
	{ .path = "/ingest",
	  .topic = "events",
	  .forms = CUT_ARRAY,
	  .required = MEMBER(INTAKE_EVENT_TYPE) | MEMBER(INTAKE_USER_ID) },
	{ .path = "/publish",
	  .topic = "events",
	  .forms = CUT_ONE | CUT_WRAPPED,
	  .required = MEMBER(INTAKE_TOPIC) | MEMBER(INTAKE_EVENT_ID) | MEMBER(INTAKE_TIMESTAMP) |
		      MEMBER(INTAKE_SOURCE) | MEMBER(INTAKE_PAYLOAD) },
};

static const char *const member_names[INTAKE_MEMBERS] = {
	[INTAKE_TOPIC] = "topic",
	[INTAKE_EVENT_ID] = "event_id",
	[INTAKE_EVENT_TYPE] = "event_type",
	[INTAKE_USER_ID] = "user_id",
	[INTAKE_SOURCE] = "source",
	[INTAKE_TIMESTAMP] = "timestamp",
	[INTAKE_PAYLOAD] = "payload",
	[INTAKE_RECEIVED_AT] = "received_at",
	[INTAKE_DEAD] = "$dead",
	[INTAKE_CONTROL] = "$hta",
	[INTAKE_LOG] = "$log",
	[INTAKE_REQUEST] = "$request",
};

const struct intake_route_conf *intake_route_builtin(struct slice path)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(*builtin); i++)
		if (slice_is(path, builtin[i].path))
			return &builtin[i];
	return NULL;
}

/* A member whose name is `name`, whatever bytes that has. */
static int path_of(struct path *p, const char *name, struct err *err)
{
	struct buf text = { 0 };
	int result;

	buf_addc(&text, '.');
	json_quote_z(&text, name);
	result = path_parse(p, buf_slice(&text), err);
	buf_fini(&text);
	return result;
}

static bool names_are_fine(struct slice line)
{
	struct buf pointer = { 0 };
	struct members n = { 0 };
	bool fine = members_check(&n, line, &pointer) == MEMBERS_FINE;

	members_fini(&n);
	buf_fini(&pointer);
	return fine;
}

/* A row has the members up to INTAKE_TOTAL; of a typed route all, and what its schema asks for. One
 * that the route has no name for is then the topic once more, and not looked at. */
static int route_scan(struct intake_route *r, struct err *err)
{
	const char *const *more = r->quick ? schema_scan_paths(r->quick) : NULL;
	unsigned n = 0, members = r->conf.typed ? INTAKE_MEMBERS : INTAKE_TOTAL;
	struct path path[SCAN_FIELDS];
	int result = 0;

	for (; result == 0 && n < members; n++)
		result = path_of(&path[n], r->name[n] ? r->name[n] : r->name[INTAKE_TOPIC], err);
	for (; result == 0 && more && *more; more++, n++)
		result = path_parse(&path[n], slice_z(*more), err);
	if (result == 0)
		r->scan = scan_new(path, n, err);
	if (r->scan)
		scan_vouch(r->scan, names_are_fine);
	for (unsigned i = 0; i < n - (result != 0); i++)
		path_fini(&path[i]);
	return r->scan ? 0 : -1;
}

/* The quick way, if there is one that fits in a row. */
static void route_quick(struct intake_route *r)
{
	size_t n = INTAKE_MEMBERS;

	r->quick = schema_scan_new(r->conf.schemas, NULL);
	if (r->quick && schema_scan_has(r->quick, r->conf.schema)) {
		for (const char *const *p = schema_scan_paths(r->quick); *p; p++)
			n++;
		if (n <= SCAN_FIELDS)
			return;
	}
	schema_scan_free(r->quick);
	r->quick = NULL;
}

static bool is_taken(struct slice name)
{
	for (size_t i = 0; i < INTAKE_TOTAL; i++)
		if (slice_is(name, member_names[i]))
			return true;
	return false;
}

static int route_names(struct intake_route *r, struct err *err)
{
	struct slice topic = slice_z(r->conf.topic);

	if (topic.n == 0 || topic.n > INTAKE_TEXT_BYTES || !str_utf8(topic.p, topic.n))
		return err_set(err, EX_CONFIG, "%s: a topic has 1 to %d bytes of UTF-8",
			       r->conf.path, INTAKE_TEXT_BYTES);
	memcpy(r->name, member_names, sizeof(member_names));
	if (is_taken(r->conf.own_id) && !slice_is(r->conf.own_id, "event_id"))
		return err_set(err, EX_CONFIG, "x-id: %.*s means something else here",
			       (int)r->conf.own_id.n, r->conf.own_id.p);
	if (r->conf.totals && (is_taken(total_name(r->conf.totals)) ||
			       slice_eq(total_name(r->conf.totals), r->conf.own_id)))
		return err_set(err, EX_CONFIG, "x-total: %.*s means something else here",
			       (int)total_name(r->conf.totals).n, total_name(r->conf.totals).p);
	if (r->conf.own_id.n > 0) {
		buf_adds(&r->own, r->conf.own_id);
		r->name[INTAKE_OWN] = buf_z(&r->own);
	}
	if (r->conf.totals) {
		buf_adds(&r->total, total_name(r->conf.totals));
		r->name[INTAKE_TOTAL] = buf_z(&r->total);
	}
	return 0;
}

struct intake_route *intake_route_new(const struct intake_route_conf *conf, struct err *err)
{
	struct intake_route *r = mem_zalloc(sizeof(*r));

	r->conf = *conf;
	if (conf->schemas) {
		r->check = schema_check_new(conf->schemas);
		route_quick(r);
	}
	if (route_names(r, err) == 0 && route_scan(r, err) == 0)
		return r;
	intake_route_free(r);
	return NULL;
}

void intake_route_free(struct intake_route *r)
{
	if (!r)
		return;
	schema_check_free(r->check);
	schema_scan_free(r->quick);
	scan_free(r->scan);
	buf_fini(&r->own);
	buf_fini(&r->total);
	free(r);
}
