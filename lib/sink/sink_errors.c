/* Words that all stores share. A message names what was found, where, and the command that mends
 * it. What metrics say to each other is in sink_metrics.c, the compare-and-set in keeper.c. */
#include "sink/sink_errors.h"

#include <strings.h>

#include "base/log.h"
#include "base/tm.h"

int sink_error_result(enum sink_result r, struct err *err)
{
	if (r == SINK_OK)
		return 0;
	if (r == SINK_RETRY)
		err->code = EX_UNAVAILABLE;
	return -1;
}

/* Only the sink itself can make what is missing; hta-query cannot. */
static const char *way_out(const char *program)
{
	size_t n = strcspn(program, " ");

	return strncmp(log_program(), program, n) == 0 && !log_program()[n] ? ", or add --init"
									    : "";
}

int sink_error_missing(const char *what, const char *program, const char *where, struct err *err)
{
	return err_set(err, EX_CONFIG, "%s is missing: run `%s --init%s%s </dev/null` once%s", what,
		       program, where ? " " : "", where ? where : "", way_out(program));
}

int sink_error_missing_positions(const char *what, const char *where, struct err *err)
{
	return err_set(
		err, EX_CONFIG,
		"%s for the positions (--positions) is missing%s%s: start the sink once with "
		"--init",
		what, where ? " in " : "", where ? where : "");
}

int sink_error_schema(int found, int wanted, const char *program, struct err *err)
{
	if (found > wanted)
		return err_set(err, EX_CONFIG,
			       "the tables are of schema %d, this program knows %d: install the "
			       "version that made them",
			       found, wanted);
	return err_set(err, EX_CONFIG,
		       "the tables are of schema %d, this program needs %d: run `%s --init "
		       "</dev/null` once%s",
		       found, wanted, program, way_out(program));
}

/* NAME_final and NAME_numbers are views, those of hta_rollups are hta_final and hta_numbers. */
int sink_check_table(const char *name, bool events, struct err *err)
{
	static const char *const taken[] = {
		"hta",
		"hta_alerts",
		"hta_dead",
		"hta_dead_job",
		"hta_dead_taken",
		"hta_final",
		"hta_job",
		"hta_metric",
		"hta_numbers",
		"hta_pos",
		"hta_rules",
		"hta_schema",
		"hta_span",
		"hta_span_metric",
		"hta_trend",
		"hta_events_time",
		"hta_events_type",
		"hta_events_user",
	};

	if (!*name)
		return err_set(err, EX_USAGE, "--table: the name is empty");
	if (!str_utf8(name, strlen(name)))
		return err_set(err, EX_USAGE, "--table: the name is not UTF-8");
	if (strcasecmp(name, events ? "hta_rollups" : "hta_events") == 0)
		return err_set(err, EX_USAGE, "--table %s: that is the table of %s", name,
			       events ? "rollups" : "events (--events)");
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcasecmp(name, taken[i]) == 0)
			return err_set(err, EX_USAGE,
				       "--table %s: the tables and views hta_* have that "
				       "name, or a view's name would be theirs: choose another",
				       name);
	return 0;
}

int sink_error_foreign(const char *what, const char *other, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "%s is somebody else's: it is there, and holds no version of hta's "
		       "schema; use another %s",
		       what, other);
}

int sink_error_group(const char *job, const char *stored, const char *group, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "job %s belongs to %s%s here, this pipeline has %s%s: a job has one group "
		       "and a group one job; name another --job",
		       job, *stored ? "group " : "files", stored, group ? "group " : "files",
		       group ? group : "");
}

enum sink_result sink_error_generation(const char *job, const char *stored, const char *wanted,
				       struct err *err)
{
	err_set(err, EX_TEMPFAIL,
		"job %s has %s%s here, not %s: another pipeline has started it; start again", job,
		*stored ? "generation " : "no generation", stored, wanted);
	return SINK_CONFLICT;
}

int sink_error_no_events(const char *table, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "table %s is there, and holds no events: give them a table of their own "
		       "(--table)",
		       table);
}

int sink_error_events_key(const char *table, bool keyed, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "table %s knows events by %s, and this sink %s: give it a table of its own "
		       "(--table)",
		       table, keyed ? "members of theirs (--key)" : "topic, partition and offset",
		       keyed ? "has no --key" : "has a --key");
}

int sink_error_different(const struct rollup *row, const char *stored, struct err *err)
{
	char start[TM_TEXT_BYTES];
	size_t n = tm_text(row->start_us, start);

	return err_set(err, EX_DATAERR,
		       "row %.*s %.*s %.*s is stored with other values (%s): nothing of this batch "
		       "was written; --replace replaces it",
		       (int)row->metric.n, row->metric.p, (int)n, start,
		       (int)(row->dims.n > 200 ? 200 : row->dims.n), row->dims.p, stored);
}
