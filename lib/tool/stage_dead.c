/* Dead letters of a stage. Who takes them is settled before the first record: in band where a
 * stage below claims them (it stores them with its positions, in one transaction), else a file
 * of our own, synced before the barrier passes, else nobody: then an acknowledged stream does
 * not start, and a plain one tells the first few and ends with 65. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tool/stage_internal.h"

enum { TOLD_MOST = 5, LIMIT_FROM_RECORDS = 1000 };

int stage_dead_open(struct stage *st, struct err *err)
{
	if (!st->f->finds_dead)
		return 0;
	st->dead_to = DEAD_TOLD;
	if (!st->o->dead)
		return 0;
	if (strcmp(st->o->dead, "drop") == 0) {
		st->dead_to = DEAD_DROP;
		return 0;
	}
	st->dead_to = DEAD_FILE;
	st->dead_file = dead_file_open(st->o->dead, err);
	return st->dead_file ? 0 : -1;
}

int stage_dead_claims(struct stage *st, struct err *err)
{
	const struct json *j = &st->ctl.json;
	uint32_t claim = json_get(j, 0, "claim");

	st->dead_known = true;
	if (!st->f->finds_dead || st->dead_to != DEAD_TOLD)
		return 0;
	for (uint32_t i = claim ? json_first(j, claim) : 0; claim && i < j->node[claim].next;
	     i = j->node[i].next) {
		dec index;

		if (dec_parse(j->node[i].text, &index) == DEC_OK &&
		    index > (dec)st->index * 1000000000)
			st->dead_to = DEAD_IN_BAND;
	}
	if (st->dead_to == DEAD_IN_BAND)
		return 0;
	return err_set(err, EX_USAGE,
		       "bad records would have nowhere to go: no sink below stores them; say `%s "
		       "--dead FILE` (or --dead drop), "
		       "or put hta-sink-pg or hta-sink-sqlite into the pipeline",
		       prog_common()->name);
}

int stage_dead_barrier(struct stage *st, struct err *err)
{
	uint64_t in = st->account.in;

	if (in >= LIMIT_FROM_RECORDS && (double)st->account.dead > st->o->dead_limit * (double)in)
		return err_set(err, EX_DATAERR,
			       "%llu of the %llu records of this epoch are bad, more than "
			       "--dead-limit %g%%: "
			       "has a field been renamed? nothing of this epoch is stored",
			       (unsigned long long)st->account.dead, (unsigned long long)in,
			       st->o->dead_limit * 100);
	return st->dead_file && st->account.dead ? dead_file_sync(st->dead_file, err) : 0;
}

int stage_dead_end(struct stage *st, struct err *err)
{
	if (st->dead_total == 0)
		return 0;
	if (st->dead_to != DEAD_TOLD) {
		log_note("%llu of %llu lines were bad: %s", (unsigned long long)st->dead_total,
			 (unsigned long long)st->seen_total,
			 st->dead_to == DEAD_DROP ? "dropped" : st->o->dead);
		return 0;
	}
	return err_set(err, EX_DATAERR,
		       "%llu of %llu lines were bad; the others are counted (--dead FILE keeps "
		       "them, --dead drop ignores them)",
		       (unsigned long long)st->dead_total, (unsigned long long)st->seen_total);
}

/* Where a record stood, for people: "access.log:12" or "events/3@1200". */
static void tell_dead_letter(struct stage *st, const struct origin *o, uint64_t nth,
			     const char *reason)
{
	struct err place = { .code = EX_DATAERR };

	if (st->dead_told++ >= TOLD_MOST)
		return;
	err_set(&place, EX_DATAERR, "%s:%llu: %s", o->file, (unsigned long long)(o->line + nth),
		reason);
	log_err(&place);
}

static int in_band(struct stage *st, const struct origin *o, uint64_t nth, size_t at,
		   struct slice record, uint64_t size, const char *reason, struct err *err)
{
	struct ctl_dead d = {
		.stage = slice_z(prog_common()->name),
		.topic = o->topic,
		.partition = o->partition,
		.inexact = o->inexact,
		.offset = o->inexact ? o->offset : o->offset + (int64_t)(o->bytes ? at : nth),
		.why = slice_z(reason),
		.size = size,
		.record = record,
	};

	st->line.n = 0;
	ctl_dead_write(&st->inc, &d, &st->line);
	buf_addc(&st->line, '\n');
	return out_write(st->out, st->line.p, st->line.n, err);
}

int stage_dead(struct stage *st, const struct run *run, uint64_t nth, size_t at,
	       struct slice record, uint64_t size, const char *reason, struct err *err)
{
	const struct origin *o = &run->origin;

	st->dead_total++;
	st->account.dead++;
	counters_add(st->counters, COUNTER_DEAD, 1);
	switch (st->dead_to) {
	case DEAD_DROP:
		return 0;
	case DEAD_FILE:
		return dead_file_write(st->dead_file, prog_common()->name, o, nth, at, record, size,
				       reason, err);
	case DEAD_IN_BAND:
		return in_band(st, o, nth, at, record, size, reason, err);
	case DEAD_TOLD:
		break;
	}
	if (st->acked)
		return err_set(err, EX_SOFTWARE, "a record before the first probe");
	tell_dead_letter(st, o, nth, reason);
	return 0;
}

int stage_dead_long(struct stage *st, const struct run *run, uint64_t nth, size_t at,
		    struct slice record, uint64_t size, struct err *err)
{
	const char *array = record.n && *record.p == '['
				    ? ", and an array: jq -c '.[]' writes a line an element"
				    : "";
	char reason[160];

	snprintf(reason, sizeof(reason), "line of %llu bytes, longer than --max-line%s",
		 (unsigned long long)size, array);
	if (!st->f->finds_dead)
		return err_set(err, EX_DATAERR, "%s (%llu)", reason,
			       (unsigned long long)st->o->max_line);
	return stage_dead(st, run, nth, at, record, size, reason, err);
}
