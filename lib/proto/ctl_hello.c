/* hello: who is in the pipeline. */
#include "proto/ctl_internal.h"

uint32_t ctl_stages(const struct ctl *c)
{
	return json_get(&c->json, 0, "stages");
}

static int read_version(const struct ctl *c, struct err *err)
{
	uint64_t version;
	if (ctl_get_u64(c, 0, "v", &version, err))
		return -1;
	if (version == CTL_VERSION)
		return 0;
	return err_set(err, EX_PROTOCOL,
		       "the stream speaks version %llu of the protocol, this program version %d: "
		       "run programs of one release in a pipeline",
		       (unsigned long long)version, CTL_VERSION);
}

static int read_unit(const struct ctl *c, bool *bytes, struct err *err)
{
	struct slice unit;
	if (ctl_get_text(c, 0, "unit", &unit, err))
		return -1;
	*bytes = slice_is(unit, "byte");
	return *bytes || slice_is(unit, "record") ? 0 : ctl_bad(c, "unit", err);
}

static void read_stage(const struct ctl *c, uint32_t at, struct ctl_hello *out)
{
	bool failed, multiplies;

	out->n_stages++;
	out->rows |= json_get(&c->json, at, "metrics") != 0;
	out->failed |= json_get_bool(&c->json, at, "failed", &failed) && failed;
	if (json_get_bool(&c->json, at, "multiplies", &multiplies) && multiplies &&
	    !json_get_text(&c->json, at, "s", &out->multiplies))
		out->multiplies = slice_z("a stage");
}

int ctl_hello_read(const struct ctl *c, struct ctl_hello *out, struct err *err)
{
	uint32_t stages;
	*out = (struct ctl_hello){ 0 };
	if (c->kind != CTL_HELLO)
		return err_set(err, EX_DATAERR, "control record `%s` where a hello should stand",
			       ctl_kind_name(c->kind));
	if (read_version(c, err) || ctl_get_id(c, 0, "inc", &out->inc, err) ||
	    ctl_get_text(c, 0, "job", &out->job, err) ||
	    ctl_opt_text(c, 0, "group", &out->group, err) || read_unit(c, &out->bytes, err) ||
	    ctl_get_text(c, 0, "ack", &out->ack, err) ||
	    ctl_get_array(c, 0, "stages", &stages, err))
		return -1;
	for (uint32_t i = json_first(&c->json, stages); i < c->json.node[stages].next;
	     i = c->json.node[i].next)
		read_stage(c, i, out);
	return 0;
}
