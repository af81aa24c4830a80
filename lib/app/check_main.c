/* hta-check. Rules are read and judged whatever is asked; then comes what is asked for, if all of
 * them are good. What is wrong goes to standard error, a line each as compilers write them, and the
 * last line says how much there was. */
#include "app/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/check_internal.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/out.h"
#include "read/store_options.h"
#include "tool/prog.h"

/* ---- options */

/* What was given to read, in the order of the command line; read when all options are known. */
struct check_source {
	bool line;
	const char *text, *metric; /* a file's name, or a line and its rule_id */
};

struct check_program {
	struct check check;
	const struct check_servers *servers;
	const char *metric; /* of the next line */
	struct check_source *source;
	size_t sources;
};

static int set_line_name(void *self, const char *value, struct err *err)
{
	struct check_program *p = self;

	p->metric = value;
	return metric_name_check(value, err);
}

static void add_source(struct check_program *p, bool line, const char *text)
{
	p->source = mem_grow(p->source, p->sources + 1, sizeof(*p->source));
	p->source[p->sources++] = (struct check_source){ line, text, p->metric };
}

static int add_line(void *self, const char *value, struct err *err)
{
	(void)err;
	add_source(self, true, value);
	return 0;
}

static int add_operand(void *self, const char *operand, struct err *err)
{
	(void)err;
	add_source(self, false, operand);
	return 0;
}

static int add_store(void *self, const char *value, struct err *err)
{
	struct check_connect *c = self;

	(void)err;
	c->store = mem_grow(c->store, c->stores + 1, sizeof(*c->store));
	c->store[c->stores++] = value;
	return 0;
}

static int read_source(struct check *c, const struct check_source *s, struct err *err)
{
	if (s->line)
		return check_add_line(c, s->text, s->metric, err);
	return strcmp(s->text, "-") == 0 ? check_add_stdin(c, err)
					 : check_add_file(c, s->text, err);
}

static int read_sources(struct check_program *p, struct err *err)
{
	if (!p->sources)
		return check_add_stdin(&p->check, err);
	for (size_t i = 0; i < p->sources; i++)
		if (read_source(&p->check, &p->source[i], err))
			return -1;
	return 0;
}

static const char *const forms[] = { "json", NULL };

#define AT(member) .at = offsetof(struct check_program, check.member)
static const struct opt opts[] = {
	{ .letter = 'e',
	  .name = "expression",
	  .type = OPT_CALL,
	  .call = add_line,
	  .arg = "LINE",
	  .help = "a rule in one line, as of hta-window; may repeat, and adds to the same metric" },
	{ .name = "metric",
	  .type = OPT_CALL,
	  .call = set_line_name,
	  .arg = "NAME",
	  .help = "name of the lines behind it [events]" },
	{ .name = "explain", .type = OPT_FLAG, AT(explain), .help = "say in words what rules do" },
	{ .name = "test",
	  .type = OPT_FLAG,
	  AT(test),
	  .help = "run the tests that stand beside rules; prints TAP" },
	{ .name = "print",
	  .type = OPT_CHOICE,
	  AT(print),
	  .arg = "json",
	  .choices = forms,
	  .help = "print each rule in its canonical form, one a line" },
	{ .name = "cost",
	  .type = OPT_TEXT,
	  AT(sample),
	  .arg = "SAMPLE",
	  .help = "say what rules cost, told from a file of real events" },
	{ .name = "connect",
	  .type = OPT_FLAG,
	  AT(connect.wanted),
	  .help = "try the brokers and stores that are named, and say what to mend; rules are "
		  "held against what is stored" },
	CLUSTER_BROKERS_OPT(struct check_program, check.connect.cluster,
			    "connect: the cluster of the events"),
	{ .letter = 't',
	  .name = "topic",
	  .type = OPT_TEXT,
	  AT(connect.topics),
	  .arg = "NAME,...",
	  .help = "connect: topics to read" },
	{ .letter = 'g',
	  .name = "group",
	  .type = OPT_TEXT,
	  AT(connect.group),
	  .arg = "NAME",
	  .help = "connect: consumer group" },
	CLUSTER_SETTINGS_OPTS(struct check_program, check.connect.cluster, "NAME=VALUE|NAME=@FILE",
			      cluster_add_property),
	{ .letter = 'd',
	  .name = "store",
	  .type = OPT_CALL,
	  AT(connect),
	  .call = add_store,
	  .arg = "URL|FILE",
	  .help = "connect: " STORES_ANY "; may repeat" },
	STORE_PLACE_OPTS(struct check_program, check.connect.place, "connect: "),
	{ .name = "schema",
	  .type = OPT_FLAG,
	  AT(schema),
	  .help = "print a JSON Schema of rules, for editors, and leave" },
	{ .name = "strict", .type = OPT_FLAG, AT(strict), .help = "warnings are errors" },
	{ .name = "against",
	  .type = OPT_TEXT,
	  AT(against),
	  .arg = "FILE|DIR",
	  .help = "the rules that run now: what a change of them would be" },
	{ .name = "time",
	  .type = OPT_TEXT,
	  AT(shared[RULES_TIME]),
	  .arg = "PATH",
	  .help = "for rules without \"time\": as hta-window is given it" },
	{ .name = "time-unit",
	  .type = OPT_TEXT,
	  AT(shared[RULES_UNIT]),
	  .arg = "s|ms|us|ns",
	  .help = "the same for \"time_unit\"" },
	{ .name = "time-format",
	  .type = OPT_TEXT,
	  AT(shared[RULES_FORMAT]),
	  .arg = "clf|http|PATTERN",
	  .help = "the same for \"time_format\"" },
	{ .name = "zone",
	  .type = OPT_TEXT,
	  AT(shared[RULES_ZONE]),
	  .arg = "ZONE",
	  .help = "the same for \"zone\"" },
	{ .name = "lateness",
	  .type = OPT_TEXT,
	  AT(shared[RULES_LATENESS]),
	  .arg = "DUR",
	  .help = "the same for \"lateness\"" },
	OPT_END,
};

/* ---- what is asked for */

static int print_text(const struct buf *text, struct err *err)
{
	struct out *o = out_new(NULL, STDOUT_FILENO, 64 << 10);
	int rc = out_write(o, text->p, text->n, err) || out_flush(o, err) ? -1 : 0;

	out_free(o);
	return rc;
}

static int print_schema(struct err *err)
{
	struct buf text = { 0 };
	int rc;

	check_schema(&text);
	rc = print_text(&text, err);
	buf_fini(&text);
	return rc;
}

static int print_rules(const struct check *c, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	for (size_t i = 0; i < c->rules.n; i++) {
		rule_json(&c->rules.v[i], &text);
		buf_addc(&text, '\n');
	}
	rc = print_text(&text, err);
	buf_fini(&text);
	return rc;
}

static int explain_rules(const struct check *c, struct err *err)
{
	struct buf text = { 0 };
	char room[RULES_SHARED][33];
	int rc;

	for (size_t i = 0; i < c->rules.n; i++) {
		struct slice shared[RULES_SHARED];

		for (unsigned k = 0; k < RULES_SHARED; k++)
			shared[k] = rules_says(&c->rules.v[i], c->shared, (enum rules_shared)k,
					       room[k]);
		buf_addz(&text, i ? "\n" : "");
		check_explain(&c->rules.v[i], shared, &text);
	}
	rc = print_text(&text, err);
	buf_fini(&text);
	return rc;
}

static int print_cost(const struct check *c, struct err *err)
{
	struct buf text = { 0 };
	int rc = check_cost(c, &text, err) || print_text(&text, err) ? -1 : 0;

	buf_fini(&text);
	return rc;
}

static int print_connect(struct check_program *p, struct err *err)
{
	struct err printing = ERR_INIT;
	struct buf good = { 0 };
	int rc = check_connect(&p->check, p->servers, &good, err);

	if (print_text(&good, &printing) && rc == 0) {
		err_copy(err, &printing);
		rc = -1;
	}
	buf_fini(&good);
	return rc;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int judge_rules(struct check *c, struct err *err)
{
	if (c->errors)
		return err_set(err, EX_CONFIG, "%zu error%s", c->errors, plural(c->errors));
	if (c->strict && c->warnings)
		return err_set(err, EX_CONFIG, "%zu warning%s (--strict)", c->warnings,
			       plural(c->warnings));
	return 0;
}

static int check_wants(const struct check *c, struct err *err)
{
	const struct check_connect *to = &c->connect;
	unsigned wants = (unsigned)c->explain + (unsigned)c->test + (unsigned)(c->print >= 0) +
			 (unsigned)c->schema + (unsigned)(c->sample != NULL) + (unsigned)to->wanted;
	bool named = to->stores || to->topics || to->group || to->cluster.brokers ||
		     to->cluster.settings;

	if (wants > 1)
		return err_set(err, EX_USAGE,
			       "--explain, --test, --print, --cost, --connect and --schema exclude "
			       "each other");
	if (named && !to->wanted)
		return err_set(err, EX_USAGE, "brokers and stores are for --connect");
	if (to->wanted && !to->stores && !to->topics)
		return err_set(err, EX_USAGE,
			       "what to --connect to? -b HOST -t TOPIC, -d STORE, or several");
	return 0;
}

static int run_check(void *self, struct err *err)
{
	struct check_program *p = self;
	struct check *c = &p->check;

	if (check_wants(c, err))
		return -1;
	if (c->schema)
		return print_schema(err);
	if ((p->sources || !c->connect.wanted) && read_sources(p, err))
		return -1;
	check_plan(c);
	check_lint(c);
	if (c->against && check_against(c, c->against, err))
		return -1;
	if (judge_rules(c, err))
		return -1;
	if (c->explain)
		return explain_rules(c, err);
	if (c->print >= 0)
		return print_rules(c, err);
	if (c->sample)
		return print_cost(c, err);
	if (c->connect.wanted)
		return print_connect(p, err) ? -1 : judge_rules(c, err);
	if (c->test)
		return check_test(c, err);
	log_note("%zu rule%s, good", c->rules.n, plural(c->rules.n));
	return 0;
}

int check_main(const struct check_servers *servers, int argc, char **argv)
{
	struct check_program p = { .servers = servers, .metric = "events", .check.print = -1 };
	const struct prog prog = {
		.name = "hta-check",
		.summary = "check, explain and test rules before they run",
		.synopsis = "[OPTIONS] [FILE|DIR...]",
		.opts = opts,
		.operand = add_operand,
		.run = run_check,
		.examples = "hta-check --strict rules/\n"
			    "hta-check --explain -e 'count, p99(latency_ms) by endpoint every 1m'\n"
			    "prove -e 'hta-check --test' rules/*.json",
	};
	int code = prog_main(&prog, &p, argc, argv);

	check_load_fini(&p.check);
	free(p.source);
	free(p.check.connect.store);
	free(p.check.connect.cluster.setting);
	return code;
}
