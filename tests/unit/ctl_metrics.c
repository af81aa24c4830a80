/* Control records of metrics and of the set of rules that they are of. */
#include "ctl_lines.h"

#define SLICE(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
static const struct ctl_metric two[] = {
	{ SLICE("a\"\xc3\xa9"), SLICE(INC), 60000000, SLICE("{\"by\":[\"k\"]}"), { 0 }, false },
	{ SLICE("b"), SLICE(GEN), 0, SLICE("{}"), SLICE("[[\"count\",\"x.avg.n\"]]"), true },
};
#define ONE "{\"name\":\"b\",\"cfg\":\"" GEN "\",\"every_us\":0,\"def\":{}"

static bool same_metric(const struct ctl_metric *a, const struct ctl_metric *b)
{
	return slice_eq(a->name, b->name) && slice_eq(a->cfg, b->cfg) &&
	       a->every_us == b->every_us && slice_eq(a->def, b->def) &&
	       slice_eq(a->columns, b->columns) && a->final == b->final;
}

static void test_metrics(void)
{
	static const char *const bad[] = {
		"\"metrics\":[]}",
		"\"set\":\"short\",\"metrics\":[]}",
		"\"set\":\"" GEN "\"}",
		"\"set\":\"" GEN "\",\"metrics\":{}}",
		"\"set\":\"" GEN "\",\"metrics\":[" ONE "},1]}",
		"\"set\":\"" GEN "\",\"metrics\":[" ONE ",\"columns\":{}}]}",
		"\"set\":\"" GEN "\",\"metrics\":[" ONE ",\"final\":1}]}",
		"\"set\":\"" GEN "\",\"metrics\":[{\"name\":\"b\",\"cfg\":\"" GEN "\"}]}",
		"\"set\":\"" GEN "\",\"metrics\":[{\"name\":\"b\",\"cfg\":\"" GEN
		"\",\"every_us\":-1,\"def\":{}}]}",
		"\"set\":\"" GEN "\",\"metrics\":[{\"name\":\"b\",\"cfg\":\"" GEN
		"\",\"every_us\":1,\"def\":\"{}\"}]}",
	};
	struct ctl_metrics got,
		set = { { z(GEN), NULL, 0 }, (struct ctl_metric *)(uintptr_t)two, 2 };
	struct buf b = { 0 };
	struct err err = ERR_INIT;
	struct ctl c = { 0 };

	ctl_metrics_write(&inc, &set, &b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"metrics\",\"set\":\"" GEN
		      "\",\"rules\":[],\"metrics\":[{\"name\":\"a\\\"\xc3\xa9\","
		      "\"cfg\":\"" INC "\",\"every_us\":60000000,\"def\":{\"by\":[\"k\"]}}," ONE
		      ",\"columns\":[[\"count\",\"x.avg.n\"]],\"final\":true}]}",
		 "metrics");
	read_back(&c, &b, CTL_METRICS);
	ok(ctl_metrics_read(&c, &got, &err) == 0 && slice_is(got.rules.set, GEN) && got.n == 2 &&
		   same_metric(&got.metric[0], &two[0]) && same_metric(&got.metric[1], &two[1]),
	   "read back");
	ctl_metrics_fini(&got);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		b.n = 0;
		buf_printf(&b, OPEN "\"k\":\"metrics\",%s", bad[i]);
		read_back(&c, &b, CTL_METRICS);
		ok(ctl_metrics_read(&c, &got, &err) == -1 && err.code == EX_DATAERR, "refused: %s",
		   bad[i]);
	}
	buf_fini(&b);
	ctl_fini(&c);
}

static void test_rules(void)
{
	const struct ctl_rule three[] = {
		{ z("b"), z("b@2"), z(GEN), 2, CTL_RULE_ACTIVE },
		{ z("a"), z("a"), z(INC), 1, CTL_RULE_ACTIVE },
		{ z("p"), z("p"), z(INC), 1, CTL_RULE_PAUSED },
	};
	const struct ctl_rule turned[] = {
		{ z("a"), z("a"), z(INC), 1, CTL_RULE_ACTIVE },
		{ z("b"), z("b@2"), z(GEN), 2, CTL_RULE_ACTIVE },
		{ .rule = z("gone"), .state = CTL_RULE_RETIRED },
	};
	struct ctl_metrics got,
		set = { { z(GEN), (struct ctl_rule *)(uintptr_t)turned, 3 }, NULL, 0 };
	char one[CTL_INC_CHARS + 1], other[CTL_INC_CHARS + 1], fewer[CTL_INC_CHARS + 1];
	struct buf b = { 0 };
	struct err err = ERR_INIT;
	struct ctl c = { 0 };

	ctl_rules_set(three, 3, one);
	ctl_rules_set(turned, 3, other);
	ctl_rules_set(three, 1, fewer);
	is_str(one, other, "a set is the active ones, in any order");
	ok(strcmp(one, fewer) != 0, "fewer are another set");
	ctl_metrics_write(&inc, &set, &b);
	is_bytes(b.p, b.n,
		 OPEN "\"k\":\"metrics\",\"set\":\"" GEN
		      "\",\"rules\":[{\"rule\":\"a\",\"state\":\"active\",\"version\":1,"
		      "\"metric\":\"a\",\"cfg\":\"" INC
		      "\"},{\"rule\":\"b\",\"state\":\"active\",\"version\":2,"
		      "\"metric\":\"b@2\",\"cfg\":\"" GEN
		      "\"},{\"rule\":\"gone\",\"state\":\"retired\"}],\"metrics\":[]}",
		 "rules");
	read_back(&c, &b, CTL_METRICS);
	ok(ctl_metrics_read(&c, &got, &err) == 0 && got.rules.n == 3, "read back");
	for (size_t i = 0; i < got.rules.n; i++)
		ok(slice_eq(got.rules.rule[i].rule, turned[i].rule) &&
			   slice_eq(got.rules.rule[i].metric, turned[i].metric) &&
			   slice_eq(got.rules.rule[i].cfg, turned[i].cfg) &&
			   got.rules.rule[i].state == turned[i].state,
		   "rule %zu", i);
	ctl_metrics_fini(&got);
	b.n = 0;
	buf_addz(&b, OPEN "\"k\":\"metrics\",\"set\":\"" GEN
			  "\",\"rules\":[{\"rule\":\"a\",\"state\":\"asleep\"}],"
			  "\"metrics\":[]}");
	read_back(&c, &b, CTL_METRICS);
	ok(ctl_metrics_read(&c, &got, &err) == -1 && err.code == EX_DATAERR,
	   "a state that is none is refused");
	buf_fini(&b);
	ctl_fini(&c);
}

int main(void)
{
	ctl_inc_set(&inc, INC);
	test_metrics();
	test_rules();
	return done();
}
