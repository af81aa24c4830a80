#include "xform/condition.h"

#include <stdlib.h>

#include "base/mem.h"
#include "xform/jq_program.h"

struct condition {
	struct predicate *predicate; /* or */
	struct jq_program *program;
};

/* "REASON; jq: REASON": the parser of the subset knows the place. */
static int refuse_text(struct err *err, const struct err *subset, const struct err *jq)
{
	enum { PART_BYTES = 480 };
	return err_set(err, EX_USAGE, "%.*s; %.*s", PART_BYTES, subset->msg, PART_BYTES, jq->msg);
}

struct condition *condition_new(struct slice text, struct err *err)
{
	struct condition *c = mem_zalloc(sizeof(*c));
	struct err subset = ERR_INIT, jq = ERR_INIT;
	c->predicate = predicate_new(text, &subset);
	if (!c->predicate)
		c->program = jq_program_new(text, &jq);
	if (c->predicate || c->program)
		return c;
	refuse_text(err, &subset, &jq);
	condition_free(c);
	return NULL;
}

void condition_free(struct condition *c)
{
	if (!c)
		return;
	predicate_free(c->predicate);
	jq_program_free(c->program);
	free(c);
}

bool condition_is_slow(const struct condition *c)
{
	return c->program;
}

size_t condition_fields(const struct condition *c)
{
	return c->predicate ? predicate_fields(c->predicate) : 0;
}

const struct path *condition_field(const struct condition *c, size_t i)
{
	return predicate_field(c->predicate, i);
}

void condition_bind(struct condition *c, const uint8_t *column)
{
	if (c->predicate)
		predicate_bind(c->predicate, column);
}

static struct slice line_of(const struct scan_batch *batch, unsigned line)
{
	return slice(batch->start[line], batch->length[line]);
}

struct predicate_sets condition_run(struct condition *c, const struct scan_batch *batch,
				    size_t width, uint64_t lines)
{
	struct predicate_sets sets = { 0 };
	if (c->predicate)
		return predicate_run(c->predicate, batch, width, lines);
	for (uint64_t left = lines; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		struct err why;
		enum jq_verdict verdict = jq_program_judge(c->program, line_of(batch, i), &why);
		sets.holds |= (uint64_t)(verdict == JQ_HOLDS) << i;
		sets.wrong |= (uint64_t)(verdict == JQ_WRONG) << i;
	}
	return sets;
}

void condition_why(struct condition *c, const struct scan_batch *batch, size_t width, unsigned line,
		   struct err *why)
{
	err_clear(why);
	if (c->predicate)
		predicate_why(c->predicate, batch, width, line, why);
	else
		jq_program_judge(c->program, line_of(batch, line), why);
}
