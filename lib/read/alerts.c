#include "read/alerts.h"

void alerts_state_fini(struct alerts_state *s)
{
	buf_fini(&s->rule);
	buf_fini(&s->text);
}

int alerts_missing(const struct sink_conf *conf, struct err *err)
{
	/* What is in the environment may be a password, and is there for the next command too. */
	bool named = conf->where && !conf->where_env;

	return err_set(err, EX_CONFIG,
		       "tables hta_alerts and hta_trend are missing: run `hta-trend --init%s%s "
		       "METRIC` once, as a user who may make tables",
		       named ? " -d " : "", named ? conf->where : "");
}

void alerts_array(const struct alerts_batch *batch, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < batch->n; i++) {
		if (i)
			buf_addc(out, ',');
		buf_adds(out, batch->alert[i].json);
	}
	buf_addc(out, ']');
}
