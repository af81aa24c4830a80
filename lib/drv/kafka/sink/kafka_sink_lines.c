/* Lines of a run. They are passed on as they came, in one piece: a line that is longer than the
 * topic takes, or whose key cannot be told, is cut out, and is a dead letter in its place. */
#include "drv/kafka/sink/kafka_sink_internal.h"

struct taking {
	struct kafka_sink *d;
	const struct run *run;
	bool pass;
	uint64_t lines;
	const char *owed; /* first byte that is to be passed on and was not */
	uint64_t owed_lines;
};

static int pass_owed(struct taking *t, const char *to, const char *next, struct err *err)
{
	struct slice block = slice(t->owed, (size_t)(to - t->owed));
	uint64_t lines = t->owed_lines;

	t->owed = next;
	t->owed_lines = 0;
	return t->pass && lines ? stage_pass(t->d->st, block, lines, err) : 0;
}

/* NULL: it can be stored. */
static const char *fault_of(const struct kafka_sink *d, const struct kafka_keys *k, unsigned i,
			    char reason[128])
{
	size_t n = k->length[i] + d->header_bytes + KAFKA_SINK_OVERHEAD;

	if (k->n[i] == KAFKA_BAD_KEY)
		return "no JSON object, so that it has no key (--key)";
	if (k->n[i] != KAFKA_NO_KEY)
		n += k->n[i];
	if (n <= d->limit)
		return NULL;
	snprintf(reason, 128, "record of %zu bytes, topic %.40s takes %zu", n, d->conf->sink.place,
		 d->limit);
	return reason;
}

static int take_line(struct taking *t, const struct kafka_keys *k, unsigned i, struct err *err)
{
	struct kafka_sink *d = t->d;
	struct slice line = slice(k->start[i], k->length[i]);
	size_t at = (size_t)(line.p - t->run->block.p);
	uint64_t nth = t->lines++;
	char reason[128];
	const char *fault = fault_of(d, k, i, reason);

	d->lines++;
	if (!fault) {
		t->owed_lines++;
		return kafka_sink_send(d, line, k->at[i], k->n[i], d->lines, err);
	}
	return pass_owed(t, line.p, line.p + line.n + 1, err) ||
			       stage_dead(d->st, t->run, nth, at, line, line.n, fault, err)
		       ? -1
		       : 0;
}

int kafka_sink_take(void *self, const struct run *run, bool pass, uint64_t *lines, struct err *err)
{
	struct kafka_sink *d = self;
	struct taking t = { .d = d, .run = run, .pass = pass, .owed = run->block.p };
	struct slice rest = run->block;
	const char *end = rest.p + rest.n;
	struct kafka_keys keys;

	while (rest.n) {
		kafka_sink_keys(d, rest, &d->gathered.keys, &keys);
		for (unsigned i = 0; i < keys.lines; i++)
			if (take_line(&t, &keys, i, err))
				return -1;
		rest = slice(rest.p + keys.used, rest.n - keys.used);
	}
	*lines = t.lines;
	kafka_sink_progress(d, false);
	/* the block goes back to the reader */
	return kafka_sink_hand_over(d, err) || pass_owed(&t, end, end, err) ? -1 : 0;
}
