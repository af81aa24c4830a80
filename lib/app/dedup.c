/* A batch of lines is hashed first and the table's slots are asked for; then the lines are judged
 * one by one, when their slots are there. The topic is not known to the hash of a batch: it is
 * taken to be that of the line before the batch, and lines of another one are hashed again.
 *
 * Where several hosts share the state, it judges: records of a run wait for one call.
 *
 * On a plain stream a record's place is its number, so that the rules are the same as in a job. */
#include "app/dedup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "scan/value.h"
#include "tool/record_filter.h"
#include "xform/dedup.h"
#include "xform/dedup_key.h"
#include "xform/dedup_shared.h"

struct batch_key {
	uint64_t hash[2];
	uint64_t topics; /* dedup_program's when it was hashed */
	enum dedup_key_result result;
	size_t at;
};

struct dedup_program {
	const char *key_text, *where, *time_path;
	int64_t horizon_us;
	uint64_t max_keys;
	int unit; /* enum value_unit, from 1 */
	bool adopt;
	const struct dedup_state *const *states;
	const char **operand;
	size_t operands, cap;
	/* running */
	struct dedup_key *key;
	const struct dedup_state *ops;
	void *state;
	struct dedup *dedup;
	struct stage *stage;
	size_t time_field;
	struct value_clock clock;
	struct batch_key batch[SCAN_BATCH];
	/* the partition of the line before */
	struct buf topic;
	uint64_t topics; /* how often it has changed */
	int32_t partition;
	uint32_t part;
	int64_t seen; /* plain: records so far */
	uint8_t unique[DEDUP_ASK_MOST];
};
_Static_assert((int)RECORD_ASKED_MOST <= (int)DEDUP_ASK_MOST, "what waits is one question");

/* ---- a record */

static void hash_batch(void *self, const struct scan_batch *batch, size_t width, uint64_t *pass,
		       uint64_t *drop)
{
	struct dedup_program *p = self;

	(void)pass, (void)drop;
	for (uint64_t left = batch->valid; left; left &= left - 1) {
		unsigned line = (unsigned)__builtin_ctzll(left);
		struct batch_key *k = &p->batch[line];

		k->result = dedup_key_make(p->key, batch->field + line * width,
					   buf_slice(&p->topic), k->hash, &k->at);
		k->topics = p->topics;
		if (k->result == DEDUP_KEY_OK)
			dedup_prefetch(p->dedup, k->hash);
	}
	for (uint64_t left = batch->valid; left; left &= left - 1) {
		const struct batch_key *k = &p->batch[__builtin_ctzll(left)];

		if (k->result == DEDUP_KEY_OK)
			dedup_prefetch_entry(p->dedup, k->hash);
	}
}

static void follow_partition(struct dedup_program *p, const struct origin *o)
{
	bool topic = !slice_eq(o->topic, buf_slice(&p->topic));

	if (!topic && o->partition == p->partition && p->part)
		return;
	p->topics += topic;
	p->topic.n = 0;
	buf_adds(&p->topic, o->topic);
	p->partition = o->partition;
	p->part = dedup_part_number(p->dedup, o->topic, o->partition);
}

static uint32_t whole_seconds(int64_t us)
{
	int64_t s = us / 1000000;

	return s <= 0 ? 0 : s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

static int read_time(struct dedup_program *p, const struct record *r, uint32_t *time_s,
		     struct err *why)
{
	const struct value_when when = { .unit = (enum value_unit)p->unit };
	int64_t us = r->run->origin.time_us;

	if (p->time_path) {
		enum value_time_result t = value_time(&p->clock, r->field[p->time_field], &when,
						      &us);

		if (t != VALUE_TIME_OK)
			return err_set(why, EX_DATAERR, "%s is %s", p->time_path,
				       t == VALUE_TIME_MISSING ? "missing"
				       : t == VALUE_TIME_UNIT  ? "a number: say --time-unit"
							       : "no time that can be read");
	}
	*time_s = whole_seconds(us);
	return 0;
}

static int check_origin(const struct origin *o, struct err *why)
{
	if (!o->topic.p)
		return err_set(why, EX_DATAERR, "a record before the first `at`");
	if (!o->inexact)
		return 0;
	return err_set(why, EX_USAGE,
		       "the filter above makes offsets inexact, by which replays are known: put "
		       "hta-dedup before it, behind hta-consume");
}

static enum record_verdict judge_record(void *self, const struct record *r, struct buf *replace,
					struct err *why)
{
	struct dedup_program *p = self;
	const struct origin *o = &r->run->origin;
	struct batch_key *k = &p->batch[r->line_of_batch];
	bool plain = !stage_acknowledged(p->stage);
	struct dedup_place place;

	(void)replace;
	if (!plain && check_origin(o, why))
		return RECORD_FAILED;
	follow_partition(p, o);
	if (k->topics != p->topics && dedup_key_needs_topic(p->key))
		k->result = dedup_key_make(p->key, r->field, o->topic, k->hash, &k->at);
	if (k->result != DEDUP_KEY_OK) {
		dedup_key_why(p->key, k->result, k->at, why);
		return RECORD_DEAD;
	}
	place.part = place.own_part = p->part;
	place.offset = plain ? p->seen++ : origin_offset(o, r->nth, r->at);
	place.own_offset = place.offset;
	if (o->from_topic.p) {
		place.own_part = dedup_part_number(p->dedup, o->from_topic, o->from_partition);
		place.own_offset = o->from_offset;
	}
	if (read_time(p, r, &place.time_s, why))
		return RECORD_DEAD;
	if (dedup_is_shared(p->dedup)) {
		dedup_ask(p->dedup, k->hash, &place);
		return RECORD_ASKED;
	}
	switch (dedup_judge(p->dedup, k->hash, &place, why)) {
	case 1:
		return RECORD_PASS;
	case 0:
		return RECORD_DUPLICATE;
	default:
		return RECORD_FAILED;
	}
}

static int settle_records(void *self, enum record_verdict *verdict, size_t n, struct err *err)
{
	struct dedup_program *p = self;

	if (dedup_answer(p->dedup, p->unique, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		verdict[i] = p->unique[i] ? RECORD_PASS : RECORD_DUPLICATE;
	return 0;
}

/* ---- the stream */

static void count_keys(struct dedup_program *p)
{
	struct counters *c = stage_counters(p->stage);

	counters_set(c, COUNTER_KEYS, dedup_keys(p->dedup));
	counters_set(c, COUNTER_FORGOTTEN, dedup_forgotten(p->dedup));
}

static struct dedup *new_dedup(const struct dedup_program *p)
{
	const struct dedup_conf conf = {
		.horizon_s = (uint32_t)(p->horizon_us / 1000000),
		.max_keys = p->max_keys,
		.adopt = p->adopt,
		.ops = p->ops,
		.state = p->state,
		.where = p->ops && p->ops->shared ? p->ops->shared->name(p->state) : p->where,
	};

	return dedup_new(&conf);
}

static int open_stage(void *self, struct stage *st, struct err *err)
{
	struct dedup_program *p = self;

	(void)err;
	p->stage = st;
	p->dedup = new_dedup(p);
	return 0;
}

static int open_state(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
		      struct err *err)
{
	struct dedup_program *p = self;
	struct ctl_hello above;
	const char *where;

	if (ctl_hello_read(hello, &above, err))
		return -1;
	if (above.multiplies.p)
		return err_set(err, EX_USAGE,
			       "%.*s above may write several records at one offset, by which "
			       "replays are known: put hta-dedup before it",
			       (int)above.multiplies.n, above.multiplies.p);
	buf_addz(members, ",\"places\":true");
	if (!p->where)
		return err_set(err, EX_USAGE,
			       "--state is missing: keys have to outlive this program on an "
			       "acknowledged stream: hta-dedup --key %s --state dedup.db",
			       p->key_text);
	p->ops = dedup_state_find(p->states, p->where, &where, err);
	if (!p->ops)
		return -1;
	if (p->ops->shared)
		p->state = p->ops->shared->open(p->where, stage_job(st), stage_loop(st), err);
	else
		p->state = p->ops->open(where, err);
	if (!p->state)
		return -1;
	dedup_free(p->dedup);
	p->dedup = new_dedup(p);
	if (dedup_begin(p->dedup, stage_job(st), dedup_key_canonical(p->key), err))
		return -1;
	count_keys(p);
	return 0;
}

static int take_control(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
			struct err *err)
{
	struct dedup_program *p = self;
	struct ctl_reading reading;
	int rc;

	(void)st, (void)instead;
	if (ctl->kind != CTL_READ)
		return 0;
	if (ctl_reading_read(ctl, &reading, err))
		return -1;
	rc = dedup_read_on(p->dedup, &reading, err);
	ctl_reading_fini(&reading);
	return rc;
}

static int close_epoch(void *self, struct stage *st, const struct ctl *line, struct err *err)
{
	struct dedup_program *p = self;
	struct ctl_bar bar;
	int rc;

	(void)st;
	if (ctl_bar_read(line, &bar, err))
		return -1;
	rc = dedup_close_epoch(p->dedup, bar.gen, &bar.ranges, err);
	ranges_fini(&bar.ranges);
	count_keys(p);
	return rc;
}

static int check_plain(void *self, struct stage *st, struct err *err)
{
	struct dedup_program *p = self;

	(void)st;
	if (p->where || p->adopt)
		return err_set(err, EX_USAGE,
			       "%s is for an acknowledged stream: hta-consume --job NAME FILE "
			       "makes one of files",
			       p->where ? "--state" : "--adopt");
	if (p->horizon_us && !p->time_path)
		return err_set(err, EX_USAGE,
			       "--horizon needs the records' time: name its field, --time ts");
	return 0;
}

static int finish_stage(void *self, struct stage *st, bool eof, struct err *err)
{
	struct dedup_program *p = self;

	(void)st, (void)eof, (void)err;
	count_keys(p);
	return 0;
}

static void close_stage(void *self, struct stage *st)
{
	struct dedup_program *p = self;

	(void)st;
	dedup_free(p->dedup);
	if (p->state)
		(p->ops->shared ? p->ops->shared->close : p->ops->close)(p->state);
}

/* ---- the start */

/* The paths of the key, and of the time behind them. */
static const char **list_fields(struct dedup_program *p)
{
	const char *const *key = dedup_key_paths(p->key);
	size_t n = 0;
	const char **path;

	while (key[n])
		n++;
	path = mem_array(n + 2, sizeof(*path));
	for (size_t i = 0; i < n; i++)
		path[i] = key[i];
	path[n] = p->time_path;
	p->time_field = n;
	return path;
}

static int run_dedup(void *self, struct err *err)
{
	struct dedup_program *p = self;
	const char **path;
	int rc;

	if (!p->key_text)
		return err_set(err, EX_USAGE, "--key is missing: hta-dedup --key event_id");
	p->key = dedup_key_new(slice_z(p->key_text), err);
	if (!p->key)
		return err_in(err, "--key");
	path = list_fields(p);
	{
		const struct record_filter filter = {
			.paths = path,
			.judge = hash_batch,
			.record = judge_record,
			.settle = settle_records,
			.open = open_stage,
			.plain = check_plain,
			.hello = open_state,
			.control = take_control,
			.barrier = close_epoch,
			.finish = finish_stage,
			.close = close_stage,
		};

		rc = record_filter_run(&filter, p, p->operand, p->operands, err);
	}
	free(path);
	return rc;
}

static int take_operand(void *self, const char *operand, struct err *err)
{
	struct dedup_program *p = self;

	(void)err;
	mem_reserve(&p->operand, &p->cap, p->operands + 1, sizeof(*p->operand));
	p->operand[p->operands++] = operand;
	return 0;
}

static const char *const units[] = { "rfc3339", "s", "ms", "us", "ns", NULL };

#define AT(member) offsetof(struct dedup_program, member)

static const struct opt opts[] = {
	{ .letter = 'k',
	  .name = "key",
	  .type = OPT_TEXT,
	  .at = AT(key_text),
	  .arg = "PATH[,PATH...]",
	  .help = "fields that tell one record from another, such as event_id; @topic is the "
		  "log's" },
	{ .name = "state",
	  .type = OPT_TEXT,
	  .at = AT(where),
	  .arg = "FILE|lmdb:DIR|redis:URL",
	  .help = "acknowledged streams: where keys are kept; lmdb: for more than memory holds, "
		  "redis: for many hosts" },
	{ .name = "horizon",
	  .type = OPT_DURATION,
	  .at = AT(horizon_us),
	  .arg = "DUR",
	  .min = 1e6,
	  .max = 4e15,
	  .help = "a key that comes again after more than that is unique once more" },
	{ .name = "max-keys",
	  .type = OPT_COUNT,
	  .at = AT(max_keys),
	  .arg = "N",
	  .def = "100M",
	  .min = 1,
	  .max = 1e12,
	  .help = "most keys that are held; the oldest make room, and are counted" },
	{ .name = "time",
	  .type = OPT_TEXT,
	  .at = AT(time_path),
	  .arg = "PATH",
	  .help = "field with the time that --horizon goes by; without it Kafka's timestamp" },
	{ .name = "time-unit",
	  .type = OPT_CHOICE,
	  .at = AT(unit),
	  .arg = "rfc3339|s|ms|us|ns",
	  .def = "rfc3339",
	  .choices = units,
	  .help = "unit of times that are numbers" },
	{ .name = "adopt",
	  .type = OPT_FLAG,
	  .at = AT(adopt),
	  .help = "take up a job that has begun without this state, or is ahead of it" },
	OPT_END,
};

int dedup_main(int argc, char **argv, const struct dedup_state *const *states)
{
	struct dedup_program p = { .states = states };
	const struct prog prog = {
		.name = "hta-dedup",
		.summary = "leave out records whose key was there before",
		.synopsis = "[OPTIONS] --key PATH[,PATH...] [FILE...]",
		.opts = opts,
		.more = stage_opts_dead,
		.more_self = stage_options(),
		.operand = take_operand,
		.run = run_dedup,
		.failed = stage_failed,
		.examples = "hta-dedup --key event_id events.ndjson\n"
			    "hta-consume -b kafka:9092 -t events -g clean | hta-dedup --key "
			    "@topic,event_id --state dedup.db --horizon 7d | hta-window | "
			    "hta-sink-pg --init service=rollups | hta-commit",
	};
	int code = prog_main(&prog, &p, argc, argv);

	dedup_key_free(p.key);
	buf_fini(&p.topic);
	free(p.operand);
	return code;
}
