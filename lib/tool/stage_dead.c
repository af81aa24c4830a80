/* Dead letters of a stage. Who takes them is settled before the first record: in band where a
 * stage below claims them (it stores them with its positions, in one transaction), else a file
 * of our own, synced before the barrier passes, else nobody: then an acknowledged stream does
 * not start, and a plain one tells the first few and ends with 65. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tool/stage_internal.h"

int stage_dead_open(struct stage *st, struct err *err)
{
	if (!st->f->finds_dead)
		return 0;
	if (dead_route_open(&st->dead, &st->o->dead, err))
		return -1;
	if (st->f->stores_dead)
		st->dead.to = DEAD_DROP;
	return 0;
}

/* No sink below takes them, and the command line names no place. */
static int nowhere_to_go(const char *way, struct err *err)
{
	return err_set(err, EX_USAGE,
		       "bad records would have nowhere to go: no sink below stores them; say `%s "
		       "%s`%s, or put hta-sink-pg or hta-sink-sqlite into the pipeline",
		       prog_common()->name, way ? way : "--dead FILE",
		       way ? "" : " (or --dead drop)");
}

int stage_dead_claims(struct stage *st, struct err *err)
{
	const struct json *j = &st->ctl.json;
	uint32_t claim = json_get(j, 0, "claim");

	st->dead_known = true;
	if (!st->f->finds_dead || (st->dead.to != DEAD_TOLD && !st->f->stores_dead))
		return 0;
	for (uint32_t i = claim ? json_first(j, claim) : 0; claim && i < j->node[claim].next;
	     i = j->node[i].next) {
		dec index;

		if (dec_parse(j->node[i].text, &index) == DEC_OK &&
		    index > (dec)st->index * 1000000000)
			st->dead.to = DEAD_IN_BAND;
	}
	if (st->dead.to == DEAD_IN_BAND || st->f->stores_dead)
		return 0;
	return nowhere_to_go(st->f->dead_way, err);
}

int stage_dead_barrier(struct stage *st, struct err *err)
{
	return st->f->finds_dead ? dead_route_barrier(&st->dead, &st->account, "bad",
						      "has a field been renamed? ", err)
				 : 0;
}

int stage_dead_end(struct stage *st, struct err *err)
{
	char some[64] = "";

	if (st->dead.total == 0)
		return 0;
	if (st->dead_partly)
		snprintf(some, sizeof(some), ", %llu of them for some metrics only",
			 (unsigned long long)st->dead_partly);
	if (st->dead.to != DEAD_TOLD) {
		log_note("%llu of %llu lines were bad%s: %s", (unsigned long long)st->dead.total,
			 (unsigned long long)st->seen_total, some,
			 st->f->stores_dead         ? "stored as dead letters"
			 : st->dead.to == DEAD_DROP ? "dropped"
						    : st->o->dead.to);
		return 0;
	}
	return err_set(err, EX_DATAERR, "%llu of %llu lines were bad%s; the others are %s (%s%s)",
		       (unsigned long long)st->dead.total, (unsigned long long)st->seen_total, some,
		       st->f->consumes   ? "counted"
		       : st->f->dead_way ? "stored"
					 : "passed on",
		       st->f->dead_way ? st->f->dead_way : "--dead FILE",
		       st->f->dead_way ? " keeps them" : " keeps them, --dead drop ignores them");
}

static int put_dead(struct stage *st, const struct run *run, uint64_t nth, size_t at,
		    struct slice record, uint64_t size, const char *reason, struct err *err)
{
	struct dead_record d = { .origin = &run->origin,
				 .nth = nth,
				 .at = at,
				 .record = record,
				 .size = size,
				 .reason = reason };

	if (st->dead.to == DEAD_TOLD && st->acked)
		return err_set(err, EX_SOFTWARE, "a record before the first probe");
	return dead_route_put(&st->dead, &d, &st->inc, st->out, err);
}

int stage_dead(struct stage *st, const struct run *run, uint64_t nth, size_t at,
	       struct slice record, uint64_t size, const char *reason, struct err *err)
{
	st->account.dead++;
	counters_add(st->counters, COUNTER_DEAD, 1);
	return put_dead(st, run, nth, at, record, size, reason, err);
}

int stage_dead_partly(struct stage *st, const struct run *run, uint64_t nth, size_t at,
		      struct slice record, uint64_t size, const char *reason, struct err *err)
{
	st->dead_partly++;
	return put_dead(st, run, nth, at, record, size, reason, err);
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
