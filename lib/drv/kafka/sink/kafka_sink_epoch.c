/* An epoch as a transaction:
 *
 *	begin, lines and dead letters, all stored? -- offsets as the member -- commit
 *	            |                 |                    |
 *	            |                 |                    +-- the group has moved on: abort, 75
 *	            |                 +-- the broker refuses a record: abort, and the same again
 *	            |                     without those that the topic does not take any more. If it
 *	            |                     refuses one still, each message goes alone, so that it is
 *	            |                     known which, and again without that one
 *	            +-- anything else: abort, 75
 *
 * The compare-and-set is made of two things. Positions are read once for each membership, when no
 * transaction over them is open any more, and compared here; and whoever is a member later is the
 * only one whose offsets are taken, so what was read stays so until we change it. */
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

enum { ROUNDS_MOST = 100 };

/* ---- what is stored */

enum sink_result kafka_sink_load(void *self, const char *job, struct keeper_doc *doc,
				 struct err *err)
{
	struct kafka_sink *d = self;

	return d->mode == KAFKA_FILES ? kafka_files_load(d, job, doc, err)
				      : kafka_group_load(d, job, doc, err);
}

enum sink_result kafka_sink_init(void *self, const char *job, const char *group,
				 const struct ctl_init *init, struct err *err)
{
	struct kafka_sink *d = self;

	(void)job, (void)group;
	return d->mode == KAFKA_FILES ? kafka_files_init(d, init, err)
				      : kafka_group_init(d, init, err);
}

static enum sink_result read_stored(struct kafka_sink *d, const struct sink_batch *batch,
				    struct err *err)
{
	/* one producer's term is what a membership is in a group */
	const char *member = d->mode == KAFKA_FILES ? "" : batch->member;
	enum sink_result r;

	if (!member) {
		err_set(err, EX_DATAERR,
			"the barrier does not say who the source is in its group: hta-consume and "
			"hta-sink-kafka are of different releases");
		return SINK_FATAL;
	}
	if (d->member && strcmp(d->member, member) == 0)
		return SINK_OK;
	keeper_doc_fini(&d->doc);
	r = kafka_sink_load(d, batch->job, &d->doc, err);
	free(d->member);
	d->member = r == SINK_OK ? mem_strdup(member) : NULL;
	return r;
}

static void move_positions(struct kafka_sink *d, const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		struct position *p = positions_find(&d->doc.pos, slice_z(r->topic), r->partition);

		if (p)
			kafka_state_move(p, r);
	}
}

/* The commits of the epoch's partitions, where they stand now. */
static rd_kafka_topic_partition_list_t *commits_of(struct kafka_sink *d,
						   const struct ranges *ranges)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ranges->n);

	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *r = &ranges->v[i];
		const struct position *p = positions_find(&d->doc.pos, slice_z(r->topic),
							  r->partition);

		if (p && p->next == r->to)
			kafka_group_add(d, d->doc.gen, d->doc.by_now, p, list);
	}
	return list;
}

/* ---- a transaction */

static int send_dead(struct kafka_sink *d, const struct sink_batch *batch, struct err *err)
{
	for (size_t i = 0; d->dead_name && i < batch->n_dead; i++)
		if (kafka_sink_bury(d, &batch->dead[i], err))
			return -1;
	return 0;
}

/* Until all that was handed over is stored or refused. */
static int send_all(struct kafka_sink *d, const struct sink_batch *batch, struct err *err)
{
	int rc;

	d->tally = (struct kafka_tally){ 0 };
	rc = kafka_sink_send_kept(d, err) || send_dead(d, batch, err) ? -1 : 0;
	if (rc == 0 && d->mode == KAFKA_FILES)
		rc = kafka_files_send(d, batch->ranges, err);
	return kafka_tx_stored(d, rc, err) || kafka_positions_same(d, err) ? -1 : 0;
}

static int refuse_one(struct kafka_sink *d, uint64_t line, struct err *err)
{
	if (line == (uintptr_t)KAFKA_POSITION)
		return err_set(err, EX_CONFIG, "topic %s refuses a record of positions",
			       d->conf->positions);
	if (line)
		return kafka_sink_refuse_kept(d, line - 1, "the broker refuses this record", err);
	return err_set(err, EX_CONFIG,
		       "topic %s refuses dead letters: it has to take records of any size and form",
		       d->dead_name);
}

/* In a transaction of single messages those that were refused are at fault themselves. */
static int mark_refused(struct kafka_sink *d, bool single, struct err *err)
{
	int rc = 0;

	if (!single)
		return kafka_sink_look(d, err) == SINK_OK ? kafka_sink_judge_kept(d, err) : -1;
	for (size_t i = 0; i < d->n_refused && rc == 0; i++)
		rc = refuse_one(d, d->refused[i].line, err);
	return rc;
}

static enum sink_result add_commits(struct kafka_sink *d, const struct sink_batch *batch,
				    struct err *err)
{
	rd_kafka_topic_partition_list_t *list = commits_of(d, batch->ranges);
	enum sink_result r = SINK_OK;

	if (list->cnt)
		r = kafka_tx_offsets(d, d->producer, list, d->group, batch->member, err);
	rd_kafka_topic_partition_list_destroy(list);
	return r;
}

static enum sink_result commit_epoch(struct kafka_sink *d, const struct sink_batch *batch,
				     struct err *err)
{
	enum sink_result r = SINK_OK;

	move_positions(d, batch->ranges);
	if (d->mode == KAFKA_GROUP)
		r = add_commits(d, batch, err);
	crash_at(CRASH_SINK_INSIDE);
	if (r == SINK_OK)
		r = kafka_tx_commit(d, d->producer, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_SENT);
	return r;
}

/* *again: records were refused, and the transaction is aborted. */
static enum sink_result try_epoch(struct kafka_sink *d, const struct sink_batch *batch, bool single,
				  bool *again, struct err *err)
{
	enum sink_result r = kafka_tx_ready(d, single, err);

	*again = false;
	/* a producer that was made anew may have put out another one, so this is read anew */
	if (r == SINK_OK)
		r = read_stored(d, batch, err);
	if (r == SINK_OK)
		r = cas_check(batch, d->doc.gen, d->doc.set, &d->doc.pos, err);
	if (r == SINK_OK)
		r = kafka_tx_begin(d, d->producer, err);
	if (r != SINK_OK)
		return r;
	if (send_all(d, batch, err))
		r = SINK_FATAL;
	else if (d->n_refused)
		*again = true;
	else
		r = commit_epoch(d, batch, err);
	if (*again || r != SINK_OK)
		kafka_tx_abort(d, d->producer);
	/* who has slept for long hears first that its records are too old */
	if (r == SINK_FATAL && kafka_tx_fenced(d->producer))
		kafka_sink_put_out(d, err);
	else if (d->mode == KAFKA_FILES && r == SINK_FATAL)
		kafka_positions_there(d, err);
	if (*again && mark_refused(d, single, err))
		r = SINK_FATAL;
	kafka_sink_forget_refused(d);
	return r;
}

enum sink_result kafka_sink_store(void *self, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err)
{
	struct kafka_sink *d = self;
	enum sink_result r = SINK_OK;
	bool again = true, single = false;

	(void)counts;
	for (int round = 0; r == SINK_OK && again; round++) {
		if (round == ROUNDS_MOST) {
			err_set(err, EX_TEMPFAIL, "kafka: records are refused, each time others");
			return SINK_FATAL;
		}
		r = try_epoch(d, batch, single, &again, err);
		single = again;
	}
	if (r == SINK_OK || r == SINK_APPLIED)
		kafka_sink_forget(d);
	return r;
}
