/* The options of hta-trend, and which of them go together. The settings that decide what is told
 * become a text: a store that has begun a rule with others is not judged with these. */
#include <inttypes.h>

#include "agg/fn.h"
#include "app/trend_internal.h"
#include "base/num.h"
#include "read/store_options.h"
#include "tool/opt.h"

static int set_alpha(void *self, const char *value, struct err *err)
{
	struct trend *t = self;

	t->has_alpha = true;
	if (num_probability(value, &t->rule.alpha, err))
		return -1;
	return t->rule.alpha > 0 ? 0 : err_set(err, EX_USAGE, "must be above 0, and at most 1");
}

static int set_factor(void *self, const char *value, struct err *err)
{
	struct trend *t = self;

	t->has_factor = true;
	if (num_real(value, &t->rule.factor, err))
		return -1;
	return t->rule.factor > 0 ? 0 : err_set(err, EX_USAGE, "must be above 0");
}

static int set_above(void *self, const char *value, struct err *err)
{
	struct trend *t = self;

	t->rule.has_above = true;
	return num_real(value, &t->rule.above, err);
}

static int set_below(void *self, const char *value, struct err *err)
{
	struct trend *t = self;

	t->rule.has_below = true;
	return num_real(value, &t->rule.below, err);
}

static int set_last(void *self, const char *value, struct err *err)
{
	struct trend *t = self;

	t->has_last = true;
	if (num_count(value, &t->rule.last, err))
		return -1;
	return t->rule.last >= 1 && t->rule.last <= 10000
		       ? 0
		       : err_set(err, EX_USAGE, "must be 1 to 10000");
}

static int set_warm_up(void *self, const char *value, struct err *err)
{
	struct trend *t = self;

	t->has_warm_up = true;
	return num_count(value, &t->rule.warm_up, err);
}

static const char *const methods[] = {
	[TREND_EMA] = "ema",        [TREND_MAD] = "mad",
	[TREND_SEASON] = "season",  [TREND_THRESHOLD] = "threshold",
	[TREND_NO_ROWS] = "absent", NULL,
};
static const char *const formats[] = {
	[TREND_AUTO] = "auto",
	[TREND_TEXT] = "text",
	[TREND_JSON] = "json",
	NULL,
};

#define AT(member) .at = offsetof(struct trend, member)
const struct opt trend_options[] = {
	STORE_OPT(struct trend, where, STORES_OF_ALERTS),
	{ .name = "measure",
	  .type = OPT_TEXT,
	  AT(measure),
	  .arg = "NAME",
	  .def = "count",
	  .help = "what is judged: count, sum, a measure, or a quotient: errors/requests" },
	{ .name = "method",
	  .type = OPT_CHOICE,
	  AT(method),
	  .arg = "METHOD",
	  .def = "ema",
	  .choices = methods,
	  .help = "running average, median of the last, hour of the week, bounds, no rows" },
	{ .name = "alpha",
	  .type = OPT_CALL,
	  .call = set_alpha,
	  .arg = "A",
	  .help = "ema: weight of the newest value; default: 0.3" },
	{ .name = "factor",
	  .type = OPT_CALL,
	  .call = set_factor,
	  .arg = "F",
	  .help = "a spike is beyond F times the baseline; default: 2; mad: F MADs, default: 6" },
	{ .name = "drop",
	  .type = OPT_FLAG,
	  AT(rule.drop),
	  .help = "drops as well: below 1/F of the baseline; mad: F MADs below" },
	{ .name = "above",
	  .type = OPT_CALL,
	  .call = set_above,
	  .arg = "N",
	  .help = "threshold: a value above N is a spike" },
	{ .name = "below",
	  .type = OPT_CALL,
	  .call = set_below,
	  .arg = "N",
	  .help = "threshold: a value below N is a drop" },
	{ .name = "last",
	  .type = OPT_CALL,
	  .call = set_last,
	  .arg = "N",
	  .help = "mad: of the last N windows, default: 30; season: of N weeks, default: 4" },
	{ .name = "warm-up",
	  .type = OPT_CALL,
	  .call = set_warm_up,
	  .arg = "N",
	  .help = "windows of a series before its first alert; default: 5; threshold: 0" },
	{ .name = "cool-down",
	  .type = OPT_COUNT,
	  AT(rule.cool_down),
	  .arg = "N",
	  .def = "0",
	  .help = "windows after an alert in which its series has no other" },
	{ .name = "for",
	  .type = OPT_COUNT,
	  AT(rule.for_windows),
	  .arg = "N",
	  .def = "1",
	  .min = 1,
	  .max = 1e9,
	  .help = "windows in a row that have to be beyond" },
	{ .name = "clear", .type = OPT_FLAG, AT(rule.clear), .help = "tell when it is over, too" },
	{ .name = "forget",
	  .type = OPT_DURATION,
	  AT(rule.forget_us),
	  .arg = "DUR",
	  .def = "30d",
	  .help = "a series that has had no row for so long begins anew" },
	{ .name = "rule",
	  .type = OPT_TEXT,
	  AT(name),
	  .arg = "NAME",
	  .help = "name of the rule, in keys and in the store; default: METHOD:MEASURE" },
	{ .name = "since",
	  .type = OPT_TEXT,
	  AT(since),
	  .arg = "TIME",
	  .help = "store: windows a rule begins with; default: the first that is stored" },
	{ .name = "follow",
	  .type = OPT_FLAG,
	  AT(follow),
	  .help = "store: go on with what becomes final, every second" },
	{ .name = "init",
	  .type = OPT_FLAG,
	  AT(init),
	  .help = "store: make the tables hta_alerts and hta_trend where they are missing" },
	{ .name = "reset",
	  .type = OPT_FLAG,
	  AT(reset),
	  .help = "store: delete the rule with its alerts, and leave" },
	{ .name = "exit-code",
	  .type = OPT_FLAG,
	  AT(exit_code),
	  .help = "leave with 1 where there were alerts" },
	{ .name = "format",
	  .type = OPT_CHOICE,
	  AT(format),
	  .arg = "FORMAT",
	  .def = "auto",
	  .choices = formats,
	  .help = "auto: text on a terminal, else JSON; a line an alert" },
	STORE_PLACE_OPTS(struct trend, table, ""),
	OPT_END,
};

/* ---- what goes together */

static int check_method(const struct trend *t, struct err *err)
{
	const struct trend_rule *r = &t->rule;
	bool ratio = r->method == TREND_EMA || r->method == TREND_SEASON;
	bool bounds = r->method == TREND_THRESHOLD;

	if (bounds != (r->has_above || r->has_below))
		return err_set(err, EX_USAGE,
			       bounds ? "--method threshold needs --above N, --below N or both"
				      : "--above and --below are for --method threshold");
	if (r->has_above && r->has_below && r->below > r->above)
		return err_set(err, EX_USAGE, "--below is higher than --above");
	if (t->has_alpha && r->method != TREND_EMA)
		return err_set(err, EX_USAGE, "--alpha is for --method ema");
	if (t->has_last && r->method != TREND_MAD && r->method != TREND_SEASON)
		return err_set(err, EX_USAGE, "--last is for --method mad and season");
	if ((t->has_factor || r->drop) && !ratio && r->method != TREND_MAD)
		return err_set(err, EX_USAGE,
			       "--factor and --drop are for --method ema, mad and season");
	if (ratio && r->factor <= 1)
		return err_set(err, EX_USAGE, "--factor must be above 1 for --method %s",
			       methods[r->method]);
	return 0;
}

static int check_source(const struct trend *t, struct err *err)
{
	if (t->metric)
		return 0;
	if (t->where || t->table)
		return err_set(err, EX_USAGE,
			       "which metric of the store? hta-trend -d STORE METRIC");
	if (t->follow || t->init || t->reset || t->since)
		return err_set(
			err, EX_USAGE,
			"--follow, --init, --reset and --since are for a store: hta-trend -d "
			"STORE METRIC");
	if (t->rule.method == TREND_SEASON)
		return err_set(err, EX_USAGE,
			       "--method season reads the weeks before from a store: hta-trend -d "
			       "STORE METRIC");
	return 0;
}

static void set_defaults(struct trend *t)
{
	struct trend_rule *r = &t->rule;
	bool bounds = t->method == TREND_THRESHOLD;

	r->method = (enum trend_method)t->method;
	if (!t->has_alpha)
		r->alpha = 0.3;
	if (!t->has_factor)
		r->factor = r->method == TREND_MAD ? 6 : 2;
	if (!t->has_last)
		r->last = r->method == TREND_MAD ? 30 : 4;
	if (!t->has_warm_up)
		r->warm_up = bounds ? 0 : 5;
}

static void add_setting(struct buf *b, const char *name, double v)
{
	buf_printf(b, " %s=", name);
	fn_put_double(v, b);
}

static void add_settings(struct trend *t)
{
	const struct trend_rule *r = &t->rule;
	struct buf *b = &t->settings;

	buf_printf(b, "measure=%s method=%s", t->measure, methods[r->method]);
	if (r->method == TREND_EMA)
		add_setting(b, "alpha", r->alpha);
	if (r->method < TREND_THRESHOLD) {
		add_setting(b, "factor", r->factor);
		buf_printf(b, " drop=%d", r->drop);
	}
	if (r->method == TREND_MAD || r->method == TREND_SEASON)
		buf_printf(b, " last=%" PRIu64, r->last);
	if (r->has_above)
		add_setting(b, "above", r->above);
	if (r->has_below)
		add_setting(b, "below", r->below);
	buf_printf(b, " warm-up=%" PRIu64 " cool-down=%" PRIu64 " for=%" PRIu64 " clear=%d",
		   r->warm_up, r->cool_down, r->for_windows, r->clear);
	buf_printf(b, " forget=%" PRId64 "s", r->forget_us / 1000000);
}

int trend_check_options(struct trend *t, struct err *err)
{
	set_defaults(t);
	if (ratio_or_number(&t->number, t->measure, err))
		return err_in(err, "--measure");
	if (check_method(t, err) || check_source(t, err))
		return -1;
	if (t->rule.forget_us < 1000000)
		return err_set(err, EX_USAGE, "--forget must be at least 1s");
	if (t->follow && t->exit_code)
		return err_set(err, EX_USAGE, "--follow and --exit-code exclude each other");
	if (t->name && (!*t->name || !str_utf8(t->name, strlen(t->name))))
		return err_set(err, EX_USAGE, "--rule: a name in UTF-8 is wanted");
	buf_printf(&t->own_name, "%s:%s", methods[t->rule.method], t->measure);
	if (!t->name)
		t->name = buf_z(&t->own_name);
	add_settings(t);
	return 0;
}
