/* A record filter over lines of any form: each format is a function that writes the record of a
 * line or says what does not fit. All of them are pure (lib/text); what they need of a stream,
 * which only CSV does, is in parse_csv.c. */
#include "app/parse.h"

#include <stdlib.h>
#include <string.h>

#include "app/parse_csv.h"
#include "base/log.h"
#include "base/mem.h"
#include "text/access.h"
#include "text/logfmt.h"
#include "text/pattern.h"

enum format {
	FORMAT_COMBINED,
	FORMAT_COMMON,
	FORMAT_LOGFMT,
	FORMAT_CSV,
	FORMAT_TSV,
	FORMAT_PATTERN,
};

static const char *const formats[] = { "combined", "common", "logfmt", "csv", "tsv", NULL };

struct parse {
	const char *format_text, *names, *separator;
	struct pattern_times times;
	const char **file;
	size_t files, cap;
	/* running */
	enum format format;
	struct access access;
	struct logfmt logfmt;
	struct pattern *pattern;
	struct parse_csv csv;
	bool told_offset;
};

/* ---- a line */

static bool is_first_line(const struct record *r)
{
	return r->run->origin.file && r->run->origin.line + r->nth == 1;
}

static bool is_blank(struct slice s)
{
	return s.n == 0 || (s.n == 1 && *s.p == '\r');
}

static int parse_line(struct parse *p, struct slice line, struct buf *out, struct err *why)
{
	switch (p->format) {
	case FORMAT_COMBINED:
	case FORMAT_COMMON:
		return access_line(&p->access, line, out, why);
	case FORMAT_LOGFMT:
		return logfmt_line(&p->logfmt, line, out, why);
	default:
		return pattern_line(p->pattern, line, out, why);
	}
}

static void tell_offset(struct parse *p)
{
	if (p->told_offset || !p->pattern || !pattern_lost_offset(p->pattern))
		return;
	p->told_offset = true;
	log_warn(
		"the pattern leaves out an offset from UTC that stands behind a time: its times "
		"are read as %s; --datetime-format '%%d/%%b/%%Y:%%H:%%M:%%S %%z' with %%x in place "
		"of %%d:%%t %%^ reads it",
		p->times.zone ? p->times.zone : "UTC");
}

/* A line that begins like a hello must not pass for one below. */
static void guard_hello(struct buf *line)
{
	static const char start[] = "{\"$hta\"";

	if (line->n < sizeof(start) || memcmp(line->p, start, sizeof(start) - 1) != 0)
		return;
	buf_room(line, 1);
	memmove(line->p + 1, line->p, line->n);
	line->p[0] = ' ';
	line->n++;
}

static enum record_verdict parse_record(void *self, const struct record *r, struct buf *replace,
					struct err *why)
{
	struct parse *p = self;
	size_t mark = is_first_line(r) ? str_mark(r->line) : 0;
	struct slice line = slice(r->line.p + mark, r->line.n - mark);
	enum record_verdict verdict = RECORD_REPLACE;

	if (p->csv.csv)
		verdict = parse_csv_record(&p->csv, r, replace, why);
	else if (is_blank(line))
		verdict = RECORD_DROP;
	else if (parse_line(p, line, replace, why))
		verdict = RECORD_DEAD;
	if (verdict == RECORD_REPLACE)
		guard_hello(replace);
	tell_offset(p);
	return verdict;
}

/* ---- the stream */

static int open_parse(void *self, struct stage *st, struct err *err)
{
	struct parse *p = self;

	(void)err;
	p->csv.st = st;
	return 0;
}

static int greet_parse(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
		       struct err *err)
{
	struct parse *p = self;

	(void)st, (void)hello, (void)members;
	if (!p->csv.csv || p->csv.has_names)
		return 0;
	return err_set(err, EX_USAGE,
		       "an acknowledged stream may begin in the middle of a file, without its "
		       "header: say --names a,b,c (a header is left out then)");
}

static int finish_parse(void *self, struct stage *st, bool eof, struct err *err)
{
	struct parse *p = self;

	(void)st, (void)eof;
	return parse_csv_finish(&p->csv, err);
}

static const struct record_filter filter = {
	.finds_dead = true,
	.record = parse_record,
	.open = open_parse,
	.hello = greet_parse,
	.finish = finish_parse,
};

/* ---- the start */

static int find_format(struct parse *p, struct err *err)
{
	const char *text = p->format_text, *near;

	if (!text)
		return err_set(err, EX_USAGE,
			       "say --format: combined, common, logfmt, csv, tsv, "
			       "or a pattern such as '%%h %%^ %%e [%%d:%%t %%^] "
			       "\"%%r\" %%s %%b'");
	for (size_t i = 0; formats[i]; i++)
		if (strcasecmp(text, formats[i]) == 0) {
			p->format = (enum format)i;
			return 0;
		}
	p->format = FORMAT_PATTERN;
	if (strchr(text, '%') || strstr(text, "~h{"))
		return 0;
	near = str_nearest(text, formats);
	return err_set(err, EX_USAGE, "unknown format \"%s\"%s%s%s; a pattern has fields like %%h",
		       text, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int check_options(const struct parse *p, struct err *err)
{
	const struct pattern_times *t = &p->times;

	if ((p->names || p->separator) && p->format != FORMAT_CSV && p->format != FORMAT_TSV)
		return err_set(err, EX_USAGE, "--names and --separator are for csv and tsv");
	if (p->separator && p->format == FORMAT_TSV)
		return err_set(err, EX_USAGE,
			       "tsv is divided by tabs; --format csv --separator "
			       "takes others");
	if ((t->date || t->time || t->both || t->zone) && p->format != FORMAT_PATTERN)
		return err_set(err, EX_USAGE, "forms of times and --zone are for patterns");
	if (t->both && (t->date || t->time))
		return err_set(err, EX_USAGE,
			       "--datetime-format stands in place of --date-format "
			       "and --time-format");
	return 0;
}

/* A printable character of ASCII or a tab, spelled \t too. */
static int read_separator(const char *text, char *out, struct err *err)
{
	*out = text[0];
	if (strcmp(text, "\\t") == 0)
		*out = '\t';
	else if (strlen(text) != 1 || *out == '"' || ((*out < ' ' || *out > '~') && *out != '\t'))
		return err_set(err, EX_USAGE,
			       "--separator \"%s\": one character of ASCII, other than \"", text);
	return 0;
}

static int make_csv(struct parse *p, struct err *err)
{
	char separator = p->format == FORMAT_TSV ? '\t' : ',';

	if (p->separator && read_separator(p->separator, &separator, err))
		return -1;
	p->csv.csv = csv_new(separator, p->format == FORMAT_TSV);
	p->csv.has_names = p->names;
	if (!p->names || csv_names(p->csv.csv, p->names, err) == 0)
		return 0;
	err->code = EX_USAGE;
	return err_in(err, "--names");
}

static int make_parser(struct parse *p, struct err *err)
{
	if (find_format(p, err) || check_options(p, err))
		return -1;
	p->access.combined = p->format == FORMAT_COMBINED;
	if (p->format == FORMAT_CSV || p->format == FORMAT_TSV)
		return make_csv(p, err);
	if (p->format == FORMAT_PATTERN)
		p->pattern = pattern_new(p->format_text, &p->times, err);
	return p->format == FORMAT_PATTERN && !p->pattern ? -1 : 0;
}

static int run_parse(void *self, struct err *err)
{
	struct parse *p = self;
	int rc = make_parser(p, err);

	if (rc == 0)
		rc = record_filter_run(&filter, p, p->file, p->files, err);
	access_fini(&p->access);
	logfmt_fini(&p->logfmt);
	pattern_free(p->pattern);
	parse_csv_fini(&p->csv);
	return rc;
}

static int take_file(void *self, const char *operand, struct err *err)
{
	struct parse *p = self;

	(void)err;
	mem_reserve(&p->file, &p->cap, p->files + 1, sizeof(*p->file));
	p->file[p->files++] = operand;
	return 0;
}

#define AT(member) offsetof(struct parse, member)

static const struct opt opts[] = {
	{ .name = "format",
	  .type = OPT_TEXT,
	  .at = AT(format_text),
	  .arg = "combined|common|logfmt|csv|tsv|PATTERN",
	  .help = "what lines are; a pattern has GoAccess' names of fields" },
	{ .name = "names",
	  .type = OPT_TEXT,
	  .at = AT(names),
	  .arg = "NAME,..",
	  .help = "csv, tsv: names of the columns, in place of a header" },
	{ .name = "separator",
	  .type = OPT_TEXT,
	  .at = AT(separator),
	  .arg = "CHAR",
	  .help = "csv: what stands between fields, in place of a comma" },
	{ .name = "date-format",
	  .type = OPT_TEXT,
	  .at = AT(times.date),
	  .arg = "FORMAT",
	  .help = "patterns: how %d is written, as for strptime; %d/%b/%Y or %Y-%m-%d if it is not "
		  "given" },
	{ .name = "time-format",
	  .type = OPT_TEXT,
	  .at = AT(times.time),
	  .arg = "FORMAT",
	  .help = "patterns: how %t is written; %H:%M:%S if it is not given" },
	{ .name = "datetime-format",
	  .type = OPT_TEXT,
	  .at = AT(times.both),
	  .arg = "FORMAT",
	  .help = "patterns: how %x is written; %s, %*, %f: seconds, milliseconds, microseconds "
		  "since 1970" },
	{ .name = "zone",
	  .type = OPT_TEXT,
	  .at = AT(times.zone),
	  .arg = "ZONE",
	  .help = "patterns: the zone of times without an offset, such as Europe/Berlin; UTC if it "
		  "is not given" },
	OPT_END,
};

int parse_main(int argc, char **argv)
{
	struct parse p = { 0 };
	const struct prog prog = {
		.name = "hta-parse",
		.summary = "lines of logs, logfmt and CSV into records of JSON",
		.synopsis = "[OPTIONS] --format FORMAT [FILE...]",
		.opts = opts,
		.more = stage_opts_dead,
		.more_self = stage_options(),
		.operand = take_file,
		.run = run_parse,
		.failed = stage_failed,
		.examples = "hta-parse --format combined access.log | hta-window --time time "
			    "--by status,path\n"
			    "hta-parse --format csv orders.csv\n"
			    "hta-parse --format '%h %^ %e [%d:%t %^] \"%r\" %s %b \"%R\" \"%u\" "
			    "%T' timed.log\n"
			    "hta-consume --job web access.log | hta-parse --format combined | "
			    "hta-window --time time --by path | hta-sink-sqlite --init web.db | "
			    "hta-commit",
	};
	int code = prog_main(&prog, &p, argc, argv);

	free(p.file);
	return code;
}
