/* Metrics and plans from options: names, dimensions, scopes, what the hash of a definition
 * stands for. */
#include "agg/metric_read.h"
#include "agg/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "tap.h"

static struct err err;

static void test_names(void)
{
	char long_name[METRIC_NAME_MAX + 2];
	memset(long_name, 'x', sizeof(long_name));
	long_name[METRIC_NAME_MAX + 1] = 0;
	is_int(metric_name_check("a", &err), 0, "one byte");
	is_int(metric_name_check("requests per minute, \xc3\xa9t\xc3\xa9", &err), 0,
	       "UTF-8 with blanks");
	is_int(metric_name_check(long_name + 1, &err), 0, "the longest");
	is_int(metric_name_check(long_name, &err), -1, "one more");
	is_int(metric_name_check("", &err), -1, "empty");
	is_int(metric_name_check("a\nb", &err), -1, "a newline");
	is_int(metric_name_check("a\x7f", &err), -1, "DEL");
	is_int(metric_name_check("\xff", &err), -1, "not UTF-8");
	is_int(err.code, EX_USAGE, "is a usage error");
}

static void test_dims(void)
{
	static char name[METRIC_DIM_NAME_MAX + 1];
	struct metric m = { 0 };
	is_int(metric_add_dims(&m, slice_z("status, .payload.price,.\"a,b\\\".c\" ,."), &err), -1,
	       "a wrong path in a list");
	metric_fini(&m);
	is_int(metric_add_dims(&m, slice_z("status, .payload.price,.\"a,b\\\".c\""), &err), 0,
	       "a list with a comma in quotes");
	is_int(m.n_dims, 3, "has three paths");
	is_str(m.dim[0].name, "a,b\".c", "in order of their names");
	is_str(m.dim[1].name, "payload.price", "second");
	is_str(m.dim[2].name, "status", "third");
	is_int(metric_add_dims(&m, slice_z(".[\"payload.price\"]"), &err), -1,
	       "another path of the same name");
	is_int(metric_add_dims(&m, slice_z("x,"), &err), -1, "an empty path at the end");
	metric_fini(&m);
	is_int(metric_add_dims(&m, slice_z(" "), &err), 0, "an empty list");
	is_int(m.n_dims, 0, "has none");
	for (int i = 0; i < METRIC_DIMS_MAX; i++) {
		char short_name[8];
		snprintf(short_name, sizeof(short_name), "d%d", i);
		if (metric_add_dims(&m, slice_z(short_name), &err))
			ok(false, "%s", err.msg);
	}
	is_int(metric_add_dims(&m, slice_z("more"), &err), -1, "too many");
	metric_fini(&m);
	memset(name, 'x', sizeof(name));
	is_int(metric_add_dims(&m, slice(name, METRIC_DIM_NAME_MAX), &err), 0, "the longest name");
	is_int(metric_add_dims(&m, slice(name, METRIC_DIM_NAME_MAX + 1), &err), -1,
	       "one byte more");
	is_int(err.code, EX_USAGE, "is a usage error");
	name[500] = '.';
	is_int(metric_add_dims(&m, slice(name, METRIC_DIM_NAME_MAX), &err), 0,
	       "a path of two steps as long");
	metric_fini(&m);
}

static const char *time_of = "ts";

static struct plan *plan_of(const char *const *options, enum value_unit unit, bool exact)
{
	struct plan_builder *b = plan_builder_new();
	struct plan *p = NULL;
	int rc = 0;
	for (; *options && rc == 0; options += 2) {
		if (strcmp(options[0], "metric") == 0)
			rc = plan_metric(b, options[1], &err);
		else if (strcmp(options[0], "every") == 0)
			rc = plan_window(b, "every", options[1], &err);
		else if (strcmp(options[0], "by") == 0)
			rc = plan_by(b, options[1], &err);
		else if (strcmp(options[0], "value") == 0)
			rc = plan_value(b, options[1], &err);
		else if (strcmp(options[0], "zone") == 0)
			rc = plan_zone(b, options[1], &err);
		else if (strcmp(options[0], "format") == 0)
			rc = plan_time_format(b, options[1], &err);
		else
			rc = plan_uniq(b, options[1], &err);
	}
	if (rc == 0)
		p = plan_finish(b, time_of, unit, exact, &err);
	plan_builder_free(b);
	return p;
}

#define OPTIONS(...)              \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void is_list(struct plan *p, const char *want, const char *name)
{
	struct buf got = { 0 };
	for (size_t i = 0; p && i < p->n_metrics; i++) {
		buf_printf(&got, "%s ", p->metric[i].def->m.name);
		metric_describe(&p->metric[i].def->m, &p->common, &got);
		buf_addc(&got, '\n');
	}
	is_str(buf_z(&got), want, name);
	buf_fini(&got);
	plan_free(p);
}

static void test_scopes(void)
{
	is_list(plan_of((const char *const[]){ NULL }, VALUE_RFC3339, false),
		"events {\"every\":\"1m\",\"time\":\"ts\",\"by\":[]}\n", "no option at all");
	is_list(plan_of(OPTIONS("every", "10s", "by", "endpoint,status", "value", ".latency_ms",
				"uniq", "user_id"),
			VALUE_MS, true),
		"events "
		"{\"every\":\"10s\",\"time\":\"ts\",\"unit\":\"ms\",\"by\":[\"endpoint\","
		"\"status\"],\"value\":\"latency_ms\",\"uniq\":\"user_id\","
		"\"exact\":true}\n",
		"one metric without a name");
	is_list(plan_of(OPTIONS("by", "region", "every", "5m", "metric", "a", "metric", "b",
				"every", "1h", "by", "status", "by", "endpoint", "value", "x",
				"metric", "c", "by", "", "uniq", ".\"user.id\""),
			VALUE_RFC3339, false),
		"a {\"every\":\"5m\",\"time\":\"ts\",\"by\":[\"region\"]}\n"
		"b "
		"{\"every\":\"1h\",\"time\":\"ts\",\"by\":[\"endpoint\",\"status\"],\"value\":"
		"\"x\"}\n"
		"c {\"every\":\"5m\",\"time\":\"ts\",\"by\":[],\"uniq\":\".\\\"user.id\\\"\"}\n",
		"own options replace everybody's");
	is_list(plan_of(OPTIONS("metric", "a", "zone", "+0100", "metric", "b", "format",
				"%F \"%T\"", "zone", "Z"),
			VALUE_S, false),
		"a "
		"{\"every\":\"1m\",\"time\":\"ts\",\"unit\":\"s\",\"zone\":\"UTC\",\"format\":\"%Y-"
		"%m-%d \\\"%H:%M:%S\\\"\",\"by\":[]}\n"
		"b "
		"{\"every\":\"1m\",\"time\":\"ts\",\"unit\":\"s\",\"zone\":\"UTC\",\"format\":\"%Y-"
		"%m-%d \\\"%H:%M:%S\\\"\",\"by\":[]}\n",
		"zone and form are everybody's, the last one holds");
	ok(!plan_of(OPTIONS("zone", "+1"), VALUE_RFC3339, false) && err.code == EX_USAGE,
	   "a wrong zone: %s", err.msg);
	ok(!plan_of(OPTIONS("format", "%T"), VALUE_RFC3339, false) && err.code == EX_USAGE,
	   "a wrong form: %s", err.msg);
	ok(!plan_of(OPTIONS("format", "%F %T"), VALUE_RFC3339, false) && err.code == EX_USAGE &&
		   strstr(err.msg, "--zone"),
	   "a local form without a zone: %s", err.msg);
	is_list(plan_of(OPTIONS("value", "x", "metric", "a", "value", ""), VALUE_RFC3339, false),
		"a {\"every\":\"1m\",\"time\":\"ts\",\"by\":[]}\n",
		"an empty one takes everybody's away");
	ok(!plan_of(OPTIONS("metric", "a", "metric", "a"), VALUE_RFC3339, false) &&
		   err.code == EX_USAGE,
	   "the same name twice: %s", err.msg);
	ok(!plan_of(OPTIONS("by", "a..b"), VALUE_RFC3339, false) && err.code == EX_USAGE,
	   "a wrong path: %s", err.msg);
	ok(!plan_of(OPTIONS("every", "60"), VALUE_RFC3339, false) && err.code == EX_USAGE,
	   "a length without unit: %s", err.msg);
	ok(!plan_of(OPTIONS("every", "0s"), VALUE_RFC3339, false) && err.code == EX_USAGE,
	   "a window of no length: %s", err.msg);
}

static void test_fields(void)
{
	struct plan *p = plan_of(OPTIONS("value", "x", "by", "ts,status", "metric", "a", "metric",
					 "b", "by", "x,y", "uniq", "x", "metric", "c", "value",
					 "y"),
				 VALUE_RFC3339, false);
	const char *option;
	is_int(p->n_fields, 4, "ts, status, x, y: each once");
	is_int(p->n_values, 2, "two values");
	is_int(p->n_uniqs, 1, "one unique");
	is_str(plan_who(p, p->time_field, &option)->def->m.name, "a", "who asks for the time");
	is_str(option, "--time", "and by which option");
	is_str(plan_who(p, p->value_field[1], &option)->def->m.name, "b", "who asks for y first");
	is_str(option, "--by", "as what");
	plan_free(p);
}

/* Too many fields are refused wherever they come from. */
static void test_too_many_fields(void)
{
	struct buf lists[3] = { { 0 } };
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 30; k++)
			buf_printf(&lists[i], "%sf%d", k ? "," : "", i * 30 + k);
	ok(!plan_of(OPTIONS("metric", "a", "by", buf_z(&lists[0]), "metric", "b", "by",
			    buf_z(&lists[1]), "metric", "c", "by", buf_z(&lists[2])),
		    VALUE_RFC3339, false) &&
		   err.code == EX_USAGE,
	   "%s", err.msg);
	for (int i = 0; i < 3; i++)
		buf_fini(&lists[i]);
}

static void cfg_of(const char *const *options, enum value_unit unit, bool exact,
		   char out[METRIC_CFG_CHARS + 1])
{
	struct plan *p = plan_of(options, unit, exact);
	strcpy(out, p->metric[0].def->cfg);
	plan_free(p);
}

/* A name that no path has: no metric that was before is meant by it. */
static void test_log_time(void)
{
	static const char text[] = "hta-metric 1\nevery 60000000\ntime @kafka\nby .endpoint\n";
	char want[17], got[17];
	struct plan *p;

	time_of = "@kafka";
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)hash_64(text, strlen(text)));
	cfg_of(OPTIONS("by", "endpoint"), VALUE_RFC3339, false, got);
	is_str(got, want, "the record's own time");
	is_list(plan_of(OPTIONS("by", "endpoint"), VALUE_RFC3339, false),
		"events {\"every\":\"1m\",\"time\":\"@kafka\",\"by\":[\"endpoint\"]}\n",
		"described");
	p = plan_of(OPTIONS("by", "endpoint"), VALUE_MS, false);
	ok(!p && err.code == EX_USAGE && strstr(err.msg, "--time-unit"), "has no unit: %s",
	   err.msg);
	err_clear(&err);
	p = plan_of(OPTIONS("zone", "UTC"), VALUE_RFC3339, false);
	ok(!p && strstr(err.msg, "--zone"), "nor a zone");
	err_clear(&err);
	time_of = "@kafkaesque";
	ok(!plan_of(OPTIONS("by", "endpoint"), VALUE_RFC3339, false), "@kafkaesque is no path");
	err_clear(&err);
	time_of = "ts";
}

static void test_cfg(void)
{
	static const char text[] =
		"hta-metric 1\nevery 60000000\ntime .ts\nunit ms\nby .endpoint\nby .status\nvalue "
		".latency_ms\nuniq .user_id\nexact\n";
	static const char local[] = "hta-metric 1\nevery 60000000\ntime .ts\nunit ms\nzone "
				    "UTC\nformat %Y-%m-%dT%H:%M:%S\nby .endpoint\nby .status\n"
				    "value .latency_ms\nuniq .user_id\nexact\n";
	char want[17], got[17], other[17];
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)hash_64(text, strlen(text)));
	cfg_of(OPTIONS("by", "status,endpoint", "value", "latency_ms", "uniq", "user_id"), VALUE_MS,
	       true, got);
	is_str(got, want, "cfg is the hash of the documented text");
	cfg_of(OPTIONS("metric", "other", "every", "60s", "by", ".endpoint", "by", ".[\"status\"]",
		       "value", ".latency_ms", "uniq", "user_id"),
	       VALUE_MS, true, other);
	is_str(other, want, "whatever the name, the order and the way to write it");
	cfg_of(OPTIONS("by", "status,endpoint", "value", "latency_ms", "uniq", "user_id"), VALUE_MS,
	       false, other);
	ok(strcmp(got, other), "exact decides");
	cfg_of(OPTIONS("by", "status,endpoint", "value", "latency_ms", "uniq", "user_id"), VALUE_S,
	       true, other);
	ok(strcmp(got, other), "the unit decides");
	cfg_of(OPTIONS("format", "%FT%T", "zone", "UTC", "by", "status,endpoint", "value",
		       "latency_ms", "uniq", "user_id"),
	       VALUE_MS, true, got);
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)hash_64(local, strlen(local)));
	is_str(got, want, "zone and form have lines of their own");
	cfg_of(OPTIONS("by", "status,endpoint", "value", "latency_ms", "uniq", "user_id", "zone",
		       "+0000", "format", "%Y-%m-%dT%H:%M:%S"),
	       VALUE_MS, true, other);
	is_str(other, want, "whatever the place and the way to write it");
	cfg_of(OPTIONS("zone", "UTC", "by", "status,endpoint", "value", "latency_ms", "uniq",
		       "user_id"),
	       VALUE_MS, true, other);
	ok(strcmp(got, other), "the form decides");
	cfg_of(OPTIONS("zone", "+01:00", "format", "%FT%T", "by", "status,endpoint", "value",
		       "latency_ms", "uniq", "user_id"),
	       VALUE_MS, true, other);
	ok(strcmp(got, other), "the zone decides");
	cfg_of(OPTIONS("by", "status,endpoint", "value", "user_id", "uniq", "latency_ms"), VALUE_MS,
	       true, other);
	ok(strcmp(got, other), "what is value and what uniq decides");
}

/* A definition that a store has kept: the columns of its measures, its window. */
static void test_read(void)
{
	static const char *const measures[] = {
		"avg(a.b)",
		"n=count(.x)",
		"h=histogram(x, -3.5, 0, 10)",
		"odd=p99(.\"a \\\"b\") if .status >= 500 and .path == \"/a\"",
		"rate",
		"u=uniq(x)",
		"few=uniq_exact(x)",
	};
	const size_t n = sizeof(measures) / sizeof(*measures);
	struct buf def = { 0 }, want = { 0 }, got = { 0 };
	struct metric_common common = { .max_ahead_us = 0 };
	struct window_given given = { .n = 0 }, none = { .n = 0 };
	struct metric m = { 0 };
	struct metric_def *d;

	for (size_t i = 0; i < n; i++)
		ok(metric_add_measure(&m, measures[i], &err) == 0, "%s", measures[i]);
	path_parse(&common.time, slice_z("ts"), &err);
	window_give(window_kinds, &given, "every", "90s", &err);
	window_choose(window_kinds, &given, &none, &m.window, &err);
	metric_describe(&m, &common, &def);
	d = metric_def_new_take(&m, &common, &err);
	columns_format(d->column, d->n_columns, &want);
	metric_def_unref(d);
	d = metric_def_read(buf_slice(&def), &err);
	ok(d != NULL, "the definition is read: %s", d ? buf_z(&def) : err.msg);
	if (d)
		columns_format(d->column, d->n_columns, &got);
	is_str(buf_z(&got), buf_z(&want), "... and gives the same columns");
	is_int(d ? d->m.window.pane_us : 0, 90000000, "... and the same windows");
	metric_def_unref(d);
	ok(!metric_def_read(slice_z("{\"every\":\"1m\",\"agg\":{\"x\":\"frob(y)\"}}"), &err) &&
		   err.code == EX_CONFIG,
	   "%s", err.msg);
	ok(!metric_def_read(slice_z("[]x"), &err) && err.code == EX_CONFIG, "%s", err.msg);
	path_fini(&common.time);
	buf_fini(&def);
	buf_fini(&want);
	buf_fini(&got);
}

/* The rule is gone before the plan is made. */
static struct plan *plan_of_rule(const char *json)
{
	struct plan_builder *b = plan_builder_new();
	struct rules rules = { 0 };
	struct plan *p = NULL;

	if (rules_parse(&rules, "rule", slice_z(json), &err) == 0 &&
	    plan_rule(b, &rules.v[0], &err) == 0) {
		rules_fini(&rules);
		p = plan_finish(b, "ts", VALUE_RFC3339, false, &err);
	}
	plan_builder_free(b);
	return p;
}

static void test_cfg_of_shapes(void)
{
	static const char text[] =
		"hta-metric 1\nevery 60000000\ntime .ts\nby .status as \"class\" class 100\n"
		"by .endpoint lower max 64\nby .latency_ms ranges 10 50\nby .tags explode\n";
	struct plan *p = plan_of_rule(
		"{\"rule_id\":\"r\",\"metric\":\"count\",\"group_by\":["
		"{\"path\":\"tags\",\"explode\":true},{\"path\":\"latency_ms\",\"class\":[10,50]},"
		"{\"path\":\"endpoint\",\"lower\":true,\"max\":64},"
		"{\"path\":\"status\",\"as\":\"class\",\"class\":100}]}");
	struct plan *path, *named;
	char want[17];

	snprintf(want, sizeof(want), "%016llx", (unsigned long long)hash_64(text, strlen(text)));
	is_str(p->metric[0].def->cfg, want, "shapes are in the documented text");
	plan_free(p);
	path = plan_of_rule("{\"rule_id\":\"r\",\"metric\":\"count\",\"group_by\":[\"a.b\"]}");
	named = plan_of_rule("{\"rule_id\":\"r\",\"metric\":\"count\",\"group_by\":"
			     "[{\"path\":\".a.b\",\"as\":\"a.b\",\"lower\":false}]}");
	is_str(named->metric[0].def->cfg, path->metric[0].def->cfg,
	       "an object that says no more than a path is one");
	plan_free(path);
	plan_free(named);
}

int main(void)
{
	test_read();
	test_names();
	test_dims();
	test_scopes();
	test_fields();
	test_too_many_fields();
	test_cfg();
	test_log_time();
	test_cfg_of_shapes();
	return done();
}
