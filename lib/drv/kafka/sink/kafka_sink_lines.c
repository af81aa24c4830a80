/* Lines of a run. They are passed on as they came, in one piece: a line that is longer than the
 * topic takes, does not fit the schema, or whose key cannot be told, is cut out, and is a dead
 * letter in its place. */
#include "drv/kafka/sink/kafka_sink_internal.h"

struct taking {
	struct kafka_sink *d;
	const struct run *run;
	bool pass;
	uint64_t lines;
	const char *owed; /* first byte that is to be passed on and was not */
	uint64_t owed_lines;
};

/* nth: of the line behind those that are owed. */
static int pass_owed(struct taking *t, uint64_t nth, const char *to, const char *next,
		     struct err *err)
{
	struct slice block = slice(t->owed, (size_t)(to - t->owed));
	uint64_t lines = t->owed_lines;
	size_t at = (size_t)(t->owed - t->run->block.p);

	t->owed = next;
	t->owed_lines = 0;
	return t->pass && lines
		       ? stage_pass_at(t->d->st, t->run, nth - lines, at, false, block, lines, err)
		       : 0;
}

static int take_line(struct taking *t, const struct kafka_keys *k, unsigned i, struct err *err)
{
	struct kafka_sink *d = t->d;
	struct slice line = slice(k->start[i], k->length[i]);
	size_t at = (size_t)(line.p - t->run->block.p);
	uint64_t nth = t->lines++;
	struct slice value = { 0 };
	const char *fault = d->encoder ? kafka_encode_line(d, line, &value) : NULL;

	if (!fault)
		fault = kafka_sink_fault(d, d->encoder ? value.n : line.n, k->n[i]);
	d->lines++;
	if (!fault) {
		t->owed_lines++;
		if (d->mode != KAFKA_SENDS)
			kafka_sink_keep(d, line, value, &d->gathered.keys, k->at[i], k->n[i]);
		else
			kafka_sink_gather(d,
					  d->encoder ? arena_copy(&d->gathered.arena, value) : line,
					  k->at[i], k->n[i], d->lines);
		return 0;
	}
	if (pass_owed(t, nth, line.p, line.p + line.n + 1, err))
		return -1;
	stage_moved(d->st);
	return kafka_sink_own_dead(d, t->run, nth, at, line, fault, false, err);
}

/* Up to 64 lines. */
static int take_some(struct taking *t, struct slice *rest, struct err *err)
{
	struct kafka_sink *d = t->d;
	struct kafka_keys keys;

	if (d->mode != KAFKA_SENDS)
		d->gathered.keys.n = 0;
	else if (kafka_sink_room(d, SCAN_BATCH, err))
		return -1;
	kafka_sink_keys(d, *rest, &d->gathered.keys, &keys);
	for (unsigned i = 0; i < keys.lines; i++)
		if (take_line(t, &keys, i, err))
			return -1;
	*rest = slice(rest->p + keys.used, rest->n - keys.used);
	return 0;
}

int kafka_sink_take(void *self, const struct run *run, bool pass, uint64_t *lines, struct err *err)
{
	struct kafka_sink *d = self;
	struct taking t = { .d = d, .run = run, .pass = pass, .owed = run->block.p };
	struct slice rest = run->block;
	const char *end = rest.p + rest.n;

	if (d->conf->dead_only) {
		*lines = str_lines(rest);
		return pass ? stage_pass_at(d->st, run, 0, 0, false, rest, *lines, err) : 0;
	}
	if (d->mode != KAFKA_SENDS)
		kafka_sink_keep_run(d, &run->origin);
	while (rest.n)
		if (take_some(&t, &rest, err))
			return -1;
	*lines = t.lines;
	kafka_sink_progress(d, false);
	/* the block goes back to the reader */
	if (d->mode == KAFKA_SENDS && kafka_sink_hand_over(d, err))
		return -1;
	return pass_owed(&t, t.lines, end, end, err);
}
