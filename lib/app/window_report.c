/* What hta-window tells people beside its rows: each once, when it is known. Hints at a mistake
 * come early, where they can still help (that no row will come before the end, fields that none of
 * the first lines had, an event far ahead); counts come at the end. */
#include "app/window_internal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"

enum { EARLY_LINES = 10000 };

void agg_tell_patience(const struct agg *a)
{
	struct stat sb;

	if (a->n_files == 0 && !a->has_lateness && isatty(STDOUT_FILENO) &&
	    fstat(STDIN_FILENO, &sb) == 0 && S_ISFIFO(sb.st_mode))
		log_note("rows come at the end of the input; --lateness DUR prints each window as "
			 "soon as it closes");
}

/* ---- fields that no line had */

static void tell_fields(struct agg *a, const char *which)
{
	for (size_t i = 0; i < a->plan->n_fields; i++) {
		const char *option;
		const struct plan_metric *m = plan_who(a->plan, i, &option);

		if (!(a->total.fields >> i & 1))
			log_warn("none of %s %llu lines has %s (%s of metric %s): is it misspelt?",
				 which, (unsigned long long)a->total.valid, a->plan->path[i].name,
				 option, m->def->m.name);
	}
	a->told_fields = true;
}

void agg_tell_early(struct agg *a)
{
	if (a->endless && !a->told_fields && a->total.valid >= EARLY_LINES)
		tell_fields(a, "the first");
}

void agg_tell_ahead(struct agg *a, const struct engine_counts *c, int64_t from_us)
{
	char us[TM_TEXT_BYTES], from[TM_TEXT_BYTES], bound[32];

	if (a->told_ahead || !c->ahead)
		return;
	a->told_ahead = true;
	us[tm_text(c->ahead_us, us)] = from[tm_text(from_us, from)] = 0;
	bound[num_duration_text(a->max_ahead_us, bound)] = 0;
	log_warn("an event of %s is more than %s ahead of %s%s: it %s (--max-ahead)", us, bound,
		 from_us ? "its record's timestamp, " : "the others", from_us ? from : "",
		 a->ahead_dead ? "is bad data" : "counts, but moves no watermark");
}

static void tell_ahead_end(const struct agg *a)
{
	uint64_t waiting = agg_marks_waiting(a);

	if (a->total.ahead > 1)
		log_warn("%llu of %llu events were too far ahead (--max-ahead)",
			 (unsigned long long)a->total.ahead,
			 (unsigned long long)(a->total.counted +
					      (a->ahead_dead ? a->total.ahead : 0)));
	if (waiting)
		log_info("%llu events at the end are too few, or too far ahead of those before "
			 "them, to "
			 "move the watermark: %d must follow (--max-ahead)",
			 (unsigned long long)waiting, AHEAD_EVENTS);
}

void agg_tell_end(struct agg *a)
{
	char lateness[32];

	if (!a->told_fields && a->total.valid)
		tell_fields(a, "the");
	lateness[num_duration_text(a->lateness_us, lateness)] = 0;
	if (a->total.late && !a->late)
		log_warn("%llu of %llu lines came too late (more than --lateness %s) and are not "
			 "counted; --late FILE keeps them, --late drop is silent",
			 (unsigned long long)a->total.late, (unsigned long long)a->total.lines,
			 lateness);
	else if (a->total.late && a->late_file)
		log_warn("%llu of %llu lines came too late (more than --lateness %s): %s",
			 (unsigned long long)a->total.late, (unsigned long long)a->total.lines,
			 lateness, a->late);
	if (a->total.partly_late && !a->late)
		log_warn("%llu of %llu lines came too late for some of the metrics (more than "
			 "--lateness %s); the others count them",
			 (unsigned long long)a->total.partly_late,
			 (unsigned long long)a->total.lines, lateness);
	tell_ahead_end(a);
	agg_tell_folded(a);
	if (a->total.rounded)
		log_warn("%llu values had more than nine decimals and were rounded to nine "
			 "(--exact takes them for bad data)",
			 (unsigned long long)a->total.rounded);
	if (a->total.twice)
		log_warn("%llu local times came twice where the clock of --zone %s was set back, "
			 "and were taken for the first",
			 (unsigned long long)a->total.twice, zone_name(a->plan->common.when.zone));
	if (a->total.skipped)
		log_warn("%llu local times never were where the clock of --zone %s was set "
			 "forward, and were moved forward by as much",
			 (unsigned long long)a->total.skipped,
			 zone_name(a->plan->common.when.zone));
}
