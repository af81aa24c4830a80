/* --against: rules beside those that run now, as a reload would take them. A version is what says
 * that a rule means something else; what counts is its cfg. */
#include "app/check_internal.h"

#include <inttypes.h>

#include "base/log.h"

static const struct rule *find_rule(const struct check *c, struct slice id, size_t *at)
{
	for (*at = 0; *at < c->rules.n; ++*at)
		if (slice_eq(c->rules.v[*at].id, id))
			return &c->rules.v[*at];
	return NULL;
}

static void compare_rule(struct check *c, size_t i, const struct rule *was, const char *was_cfg)
{
	const struct rule *r = &c->rules.v[i];
	bool same = strcmp(c->of[i].cfg, was_cfg) == 0;
	static const char *const version[] = { "version", NULL };

	if (r->version < was->version)
		check_tell(c, CHECK_WARNING, i, version,
			   "version %" PRIu64 " is lower than %" PRIu64
			   ", which runs: that one stays",
			   r->version, was->version);
	else if (r->version == was->version && !same)
		check_tell(c, CHECK_ERROR, i, version,
			   "rule %.*s counts something else than before: give it version %" PRIu64,
			   (int)r->id.n, r->id.p, was->version + 1);
	else if (r->version > was->version && same)
		check_tell(c, CHECK_WARNING, i, version,
			   "version %" PRIu64 " changes nothing that counts: leave it at %" PRIu64,
			   r->version, was->version);
}

static void tell_missing(struct check *c, const struct rule *was)
{
	c->warnings++;
	log_each(LOG_WARN,
		 "warning: rule %.*s is missing: that retires nothing; \"active\":false pauses it",
		 (int)was->id.n, was->id.p);
}

int check_against(struct check *c, const char *path, struct err *err)
{
	struct check before = { 0 };
	size_t at;
	int rc;

	memcpy(before.shared, c->shared, sizeof(before.shared));
	rc = check_add_file(&before, path, err);
	if (rc == 0)
		check_plan(&before);
	if (rc == 0 && before.errors)
		rc = err_set(err, EX_CONFIG, "--against %s: these rules cannot run", path);
	for (size_t i = 0; i < c->rules.n && rc == 0; i++) {
		const struct rule *was = find_rule(&before, c->rules.v[i].id, &at);

		if (was && !c->of[i].broken)
			compare_rule(c, i, was, before.of[at].cfg);
	}
	for (size_t i = 0; i < before.rules.n && rc == 0; i++)
		if (before.rules.v[i].active && !find_rule(c, before.rules.v[i].id, &at))
			tell_missing(c, &before.rules.v[i]);
	check_load_fini(&before);
	return rc;
}
