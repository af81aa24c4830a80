/* Positions that are commits of the source's group. A commit is an offset and a text:
 *
 *	hta1 gen=GENERATION job=JOB
 *	{"s":SINK,"gen":..,"now":..,"pos":[{"t":..,"p":..,"init":..,"next":..,..}]}
 *
 * The first line is that of every commit of a job, and all that others look at. The second is the
 * sink's state of this partition, as a probe has it; commits without it are another's, and no
 * position of this sink.
 *
 * Who moves them is fenced by the group: a commit names the member and its generation, and the
 * coordinator refuses an older one. Who writes the first ones is alone: a transactional id that is
 * the group's own stands for the right to do so, and whoever takes it (init_transactions) puts out
 * all before him. What he then reads nobody changes before he commits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_end.h"
#include "drv/kafka/sink/kafka_sink_internal.h"
#include "job/start_rules.h"

enum { UNSTABLE_S = 10 };

/* ---- asking */

/* The answer to an admin request; NULL: err. */
static rd_kafka_event_t *await_answer(struct kafka_sink *d, rd_kafka_queue_t *queue,
				      const char *what, enum sink_result *result, struct err *err)
{
	int64_t until_us = tm_mono_us() + 10 * TM_S;
	rd_kafka_event_t *answer = NULL;

	*result = SINK_FATAL;
	while (!answer && tm_mono_us() < until_us) {
		answer = rd_kafka_queue_poll(queue, KAFKA_SINK_TURN_MS);
		if (!answer && loop_turn(d->conf->sink.loop, 0, err) < 0)
			return NULL;
	}
	if (answer && !rd_kafka_event_error(answer))
		return answer;
	*result = kafka_sink_unanswered(
		d, what, answer ? rd_kafka_event_error(answer) : RD_KAFKA_RESP_ERR__TIMED_OUT, err);
	if (answer)
		rd_kafka_event_destroy(answer);
	return NULL;
}

static const char *commits_text(struct kafka_sink *d)
{
	snprintf(d->fault, sizeof(d->fault), "commits of group %.100s", d->group);
	return d->fault;
}

/* All commits of the group, once none of them is part of an open transaction. */
static rd_kafka_event_t *ask_commits(struct kafka_sink *d, rd_kafka_queue_t *queue,
				     enum sink_result *result, struct err *err)
{
	rd_kafka_ListConsumerGroupOffsets_t *ask = rd_kafka_ListConsumerGroupOffsets_new(d->group,
											 NULL);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
		d->admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	rd_kafka_error_t *e = rd_kafka_AdminOptions_set_require_stable_offsets(options, 1);

	if (e)
		rd_kafka_error_destroy(e);
	rd_kafka_ListConsumerGroupOffsets(d->admin, &ask, 1, options, queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ListConsumerGroupOffsets_destroy(ask);
	return await_answer(d, queue, commits_text(d), result, err);
}

static const rd_kafka_topic_partition_list_t *commits_of(const rd_kafka_event_t *answer,
							 rd_kafka_resp_err_t *code)
{
	size_t n = 0;
	const rd_kafka_group_result_t **group = rd_kafka_ListConsumerGroupOffsets_result_groups(
		rd_kafka_event_ListConsumerGroupOffsets_result(
			(rd_kafka_event_t *)(uintptr_t)answer),
		&n);
	const rd_kafka_topic_partition_list_t *list;

	*code = n && rd_kafka_group_result_error(group[0])
			? rd_kafka_error_code(rd_kafka_group_result_error(group[0]))
			: RD_KAFKA_RESP_ERR_NO_ERROR;
	list = n && !*code ? rd_kafka_group_result_partitions(group[0]) : NULL;
	for (int i = 0; list && i < list->cnt; i++)
		if (list->elems[i].err)
			*code = list->elems[i].err;
	return list;
}

/* ---- what a commit says */

static int other_writer(const struct kafka_sink *d, const rd_kafka_topic_partition_t *e,
			struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "group %s: the commit of %s/%d is not of sink %s, those of other partitions "
		       "are: another program commits for this group; use a group of its own (-g)",
		       d->group, e->topic, (int)e->partition, d->conf->sink.name);
}

static int take_state(const struct kafka_sink *d, const rd_kafka_topic_partition_t *e,
		      const struct ctl_sink_state *state, struct keeper_doc *doc, struct err *err)
{
	if (kafka_state_take(state, slice_z(e->topic), e->partition, e->offset, doc))
		return 0;
	return err_set(err, EX_CONFIG,
		       "group %s: its commits are of two starts (generations %s and %s); "
		       "use a group of its own (-g)",
		       d->group, doc->gen, state->gen);
}

/* 1: the commit is of this sink; 0: of another writer. */
static int take_commit(const struct kafka_sink *d, const char *job,
		       const rd_kafka_topic_partition_t *e, struct keeper_doc *doc, struct err *err)
{
	struct slice text = slice(e->metadata, e->metadata_size);
	const char *nl = text.n ? memchr(text.p, '\n', text.n) : NULL;
	struct ctl_sink_state state;
	char gen[CTL_INC_CHARS + 1], *other;
	struct err ignored;
	int rc = 0;

	if (!nl)
		return 0;
	start_rules_meta_read(slice(text.p, (size_t)(nl - text.p)), gen, &other);
	if (other && strcmp(other, job) != 0)
		rc = err_set(err, EX_CONFIG, "group %s belongs to job %s", d->group, other);
	free(other);
	if (rc)
		return -1;
	while (text.n && text.p[text.n - 1] == 0)
		text.n--;
	if (ctl_sink_state_read(slice(nl + 1, (size_t)(text.p + text.n - nl - 1)), &state,
				&ignored))
		return 0;
	if (state.pos.n == 1 && strcmp(state.name, d->conf->sink.name) == 0)
		rc = take_state(d, e, &state, doc, err) ? -1 : 1;
	ctl_sink_state_fini(&state);
	return rc;
}

static int take_commits(const struct kafka_sink *d, const char *job,
			const rd_kafka_topic_partition_list_t *list, struct keeper_doc *doc,
			struct err *err)
{
	const rd_kafka_topic_partition_t *other = NULL;

	for (int i = 0; list && i < list->cnt; i++) {
		int rc = list->elems[i].offset < 0 ? 1
						   : take_commit(d, job, &list->elems[i], doc, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			other = &list->elems[i];
	}
	if (doc->gen[0] && other)
		return other_writer(d, other, err);
	if (doc->gen[0])
		doc->group = mem_strdup(d->group);
	return 0;
}

enum sink_result kafka_group_load(struct kafka_sink *d, const char *job, struct keeper_doc *doc,
				  struct err *err)
{
	/* what a killed predecessor of our slot has left open ends here, and not at its time-out */
	enum sink_result r = kafka_tx_ready(d, d->single, err);
	rd_kafka_queue_t *queue;
	int64_t until_us = tm_mono_us() + UNSTABLE_S * TM_S;
	bool again = true;

	if (r != SINK_OK)
		return r;
	queue = rd_kafka_queue_new(d->admin);
	while (again) {
		const rd_kafka_topic_partition_list_t *list;
		rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
		rd_kafka_event_t *answer = ask_commits(d, queue, &r, err);

		again = false;
		if (!answer)
			break;
		list = commits_of(answer, &code);
		if (code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT && tm_mono_us() < until_us)
			again = loop_turn(d->conf->sink.loop, tm_mono_us() + 20000, err) >= 0;
		r = again  ? SINK_OK
		    : code ? kafka_sink_unanswered(d, commits_text(d), code, err)
		    : take_commits(d, job, list, doc, err) ? SINK_FATAL
							   : SINK_OK;
		rd_kafka_event_destroy(answer);
	}
	rd_kafka_queue_destroy(queue);
	return r;
}

/* ---- the first commits */

void kafka_group_add(const struct kafka_sink *d, const char *gen, bool by_now,
		     const struct position *p, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_t *e = rd_kafka_topic_partition_list_add(list, p->topic,
									  p->partition);
	struct buf text = { 0 };

	start_rules_meta_write(gen, d->job, &text);
	buf_addc(&text, '\n');
	kafka_state_write(d, gen, by_now, p, &text);
	e->offset = p->next;
	e->metadata = strdup(buf_z(&text)); /* freed by the list, with free() */
	e->metadata_size = text.n;
	buf_fini(&text);
}

/* Those of the starts that are to be written. */
static rd_kafka_topic_partition_list_t *first_commits(const struct kafka_sink *d,
						      const struct ctl_init *init,
						      const struct keeper_doc *doc)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	for (size_t i = 0; i < init->start.n; i++) {
		const struct range *r = &init->start.v[i];
		const struct position first = kafka_state_first(r);

		if (init->act != CTL_NEW ||
		    !positions_find(&doc->pos, slice_z(r->topic), r->partition))
			kafka_group_add(d, init->gen, doc->by_now || init->by_now, &first, list);
	}
	return list;
}

/* Nobody fences who is no member: so there must be none. */
static enum sink_result check_empty(struct kafka_sink *d, struct err *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(d->admin);
	enum sink_result r = SINK_FATAL;
	rd_kafka_event_t *answer;
	size_t n = 0;

	rd_kafka_DescribeConsumerGroups(d->admin, &d->group, 1, NULL, queue);
	answer = await_answer(d, queue, "members of the group", &r, err);
	if (answer) {
		const rd_kafka_ConsumerGroupDescription_t *
			*g = rd_kafka_DescribeConsumerGroups_result_groups(
				rd_kafka_event_DescribeConsumerGroups_result(answer), &n);

		if (n && rd_kafka_ConsumerGroupDescription_member_count(g[0]) == 0)
			r = SINK_OK;
		else
			err_set(err, EX_CONFIG,
				"group %s has members: stop its pipelines, then say it again",
				d->group);
		rd_kafka_event_destroy(answer);
	}
	rd_kafka_queue_destroy(queue);
	return r;
}

static enum sink_result write_first(struct kafka_sink *d, rd_kafka_t *rk,
				    const struct ctl_init *init, const char *member,
				    struct err *err)
{
	struct keeper_doc doc = { .gen = "" };
	rd_kafka_topic_partition_list_t *list = NULL;
	enum sink_result r = kafka_tx_init(d, rk, err);

	if (r == SINK_OK && !member)
		r = check_empty(d, err);
	if (r == SINK_OK)
		r = kafka_group_load(d, d->job, &doc, err);
	if (r == SINK_OK)
		r = kafka_state_judge_init(d, init, &doc, err);
	if (r == SINK_OK)
		list = first_commits(d, init, &doc);
	keeper_doc_fini(&doc);
	if (list && list->cnt) {
		r = kafka_tx_begin(d, rk, err);
		if (r == SINK_OK)
			r = kafka_tx_offsets(d, rk, list, d->group, member, err);
		if (r == SINK_OK)
			r = kafka_tx_commit(d, rk, err);
		else
			kafka_tx_abort(d, rk);
	}
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
	return r;
}

enum sink_result kafka_group_init(struct kafka_sink *d, const struct ctl_init *init,
				  struct err *err)
{
	char *id = mem_printf("hta.start.%s", d->group),
	     *member = init->member.p ? mem_dup(init->member.p, init->member.n) : NULL;
	rd_kafka_t *rk = kafka_sink_new_transactional(d, id, false, err);
	enum sink_result r = rk ? write_first(d, rk, init, member, err) : SINK_FATAL;

	kafka_end(rk);
	/* the next epoch reads anew */
	free(d->member);
	d->member = NULL;
	free(member);
	free(id);
	return r;
}
