/* retry: two passes. The first only looks: what can never be sent (a letter of a file without
 * --to, a topic that is not there) is said before anything is sent. The second sends a page at a
 * time:
 *
 *   look up, mend (dlq_prepare.c) -> take -> send -> settle
 *
 * A program that dies before `take` has done nothing. One that dies later leaves the letters of
 * one batch taken; the next call asks the cluster whether that batch was sent (its number was
 * committed with it, in one transaction) and settles them accordingly, before it looks at any
 * letter. Of what went to standard output nobody knows: those letters stay in doubt, and only
 * --again sends them. A topic of letters has its marks in the same transaction, and nothing is
 * ever in doubt. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/dlq_retry.h"
#include "base/crash.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"

enum { PROGRESS_US = 2000000 };

/* ---- the first pass */

const char *dlq_target(const struct dlq *q, const struct letter *l, char *name, size_t n)
{
	snprintf(name, n, "%.*s", (int)l->topic.n, l->topic.n ? l->topic.p : "");
	return q->to ? q->to : name;
}

int dlq_find_topic(struct dlq *q, struct retry_call *r, const char *topic, size_t *at,
		   struct err *err)
{
	for (*at = 0; *at < r->topics; ++*at)
		if (strcmp(r->topic[*at], topic) == 0)
			return 0;
	r->topic = mem_grow(r->topic, r->topics + 1, sizeof(*r->topic));
	r->partitions = mem_grow(r->partitions, r->topics + 1, sizeof(*r->partitions));
	if (dlq_open_cluster(q, err) ||
	    q->program->cluster->topic(q->c, topic, &r->partitions[r->topics], err))
		return -1;
	r->topic[r->topics++] = mem_strdup(topic);
	return 0;
}

static int say_of_no_topic(const struct letter *l, struct err *err)
{
	struct buf place = { 0 };

	dlq_place(l, &place);
	if (l->topic.n || l->file.n)
		err_set(err, EX_USAGE,
			"letter %.*s is of a file, not of a topic: say where to with --to TOPIC, "
			"or --to -",
			(int)place.n, place.p);
	else
		err_set(err, EX_USAGE,
			"a letter does not say which topic it is from: say where to with --to "
			"TOPIC, or --to -");
	buf_fini(&place);
	return -1;
}

static int check_letters(struct dlq *q, struct retry_call *r, const struct letter *const *v,
			 size_t n, struct err *err)
{
	for (size_t i = 0; i < n && !r->to_stdout; i++) {
		char name[256];
		const char *topic = dlq_target(q, v[i], name, sizeof(name));
		size_t at;

		if (!*topic || (!q->to && strpbrk(topic, ":/")))
			return say_of_no_topic(v[i], err);
		if (dlq_find_topic(q, r, topic, &at, err))
			return -1;
	}
	return 0;
}

static int check_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		      struct err *err)
{
	struct retry_call *r = arg;

	r->selected += n;
	return check_letters(q, r, v, n, err);
}

/* ---- what earlier calls have left */

struct settling {
	struct dlq *q;
	struct retry_call *r;
};

static int settle_call(void *arg, const char *call, struct err *err)
{
	struct dlq *q = ((struct settling *)arg)->q;
	struct retry_call *r = ((struct settling *)arg)->r;
	bool known = false;
	uint64_t sent;

	if (call[0] != '-' && dlq_open_cluster(q, err))
		return -1;
	if (call[0] != '-' && q->c && q->program->cluster->ask(q->c, call, &known, &sent, err))
		return -1;
	if (!known) {
		r->unknown = mem_grow(r->unknown, r->unknowns + 1, sizeof(*r->unknown));
		r->unknown[r->unknowns++] = mem_strdup(call);
		return 0;
	}
	log_note("an earlier call did not end: what it had sent was found out");
	return q->driver->settle(q->d, call, sent, err);
}

static int settle_calls(struct dlq *q, struct retry_call *r, struct err *err)
{
	struct settling s = { q, r };

	return q->driver->calls ? q->driver->calls(q->d, settle_call, &s, err) : 0;
}

/* ---- a batch */

/* Another call has taken those that we have not got. */
static int take(struct dlq *q, struct retry_call *r, struct outgoing *v, size_t *n, struct err *err)
{
	const struct letter **letter = mem_array(*n + 1, sizeof(*letter));
	bool *got = mem_array(*n + 1, sizeof(*got));
	size_t kept = 0;
	int rc;

	for (size_t i = 0; i < *n; i++)
		letter[i] = v[i].letter;
	rc = q->driver->take(q->d, letter, *n, r->name, r->batch, got, err);
	for (size_t i = 0; i < *n && rc == 0; i++)
		if (got[i])
			v[kept++] = v[i];
	r->lost += rc == 0 ? *n - kept : 0;
	*n = kept;
	free(letter);
	free(got);
	return rc;
}

static int print(struct dlq *q, const struct outgoing *v, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i].twin &&
		    (out_write(q->out, v[i].record.value.p, v[i].record.value.n, err) ||
		     out_write(q->out, "\n", 1, err)))
			return -1;
	if (out_flush(q->out, err))
		return -1;
	/* a pipe or a terminal has nothing to sync */
	if (fdatasync(STDOUT_FILENO) && errno != EINVAL && errno != EROFS)
		return err_errno(err, EX_IOERR, "standard output");
	return 0;
}

static int produce(struct dlq *q, struct retry_call *r, const struct outgoing *v, size_t n,
		   const struct letters_mark *mark, size_t marks, struct err *err)
{
	struct letters_record *record = mem_array(n + 1, sizeof(*record));
	size_t records = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		if (!v[i].twin)
			record[records++] = v[i].record;
	rc = q->program->cluster->send(q->c, record, records, r->batch, mark, marks, err);
	free(record);
	return rc;
}

static int send_marked(struct dlq *q, struct retry_call *r, struct outgoing *v, size_t n,
		       struct err *err)
{
	const struct letter **letter = mem_array(n + 1, sizeof(*letter));
	const struct letters_mark *mark;
	size_t marks;
	int rc;

	for (size_t i = 0; i < n; i++)
		letter[i] = v[i].letter;
	rc = q->driver->marks(q->d, letter, n, &mark, &marks, err);
	free(letter);
	if (rc)
		return -1;
	if (!r->to_stdout)
		return produce(q, r, v, n, mark, marks, err);
	if (print(q, v, n, err))
		return -1;
	crash_at(CRASH_DLQ_SENT);
	/* a transaction for the marks alone: a call that was taken over writes none */
	return produce(q, r, NULL, 0, mark, marks, err);
}

/* A cluster forgets offsets that nobody writes for a week. */
static int renew_marks(struct dlq *q, struct retry_call *r, struct err *err)
{
	const struct letters_mark *mark;
	size_t marks;

	if (!q->driver->marks || r->batch)
		return 0;
	return q->driver->marks(q->d, NULL, 0, &mark, &marks, err) ||
			       produce(q, r, NULL, 0, mark, marks, err)
		       ? -1
		       : 0;
}

/* What was taken and is not sent for sure is free again, if the store can be told. */
static int send_taken(struct dlq *q, struct retry_call *r, struct outgoing *v, size_t *n,
		      struct err *err)
{
	struct err ignored;

	if (take(q, r, v, n, err))
		return -1;
	crash_at(CRASH_DLQ_TAKEN);
	if (r->to_stdout)
		return print(q, v, *n, err);
	if (produce(q, r, v, *n, NULL, 0, err) == 0)
		return 0;
	if (err->code == EX_DATAERR || err->code == EX_CONFIG)
		q->driver->settle(q->d, r->name, r->batch - 1, &ignored);
	return -1;
}

static int begin_call(struct dlq *q, struct retry_call *r, const char *topic, struct err *err)
{
	uint64_t random;

	if (r->name[0])
		return 0;
	if (r->to_stdout && !q->driver->marks) {
		hash_random(&random, sizeof(random));
		snprintf(r->name, sizeof(r->name), "-:%016" PRIx64, random);
		return 0;
	}
	if (dlq_open_cluster(q, err))
		return -1;
	if (q->driver->marks)
		snprintf(r->name, sizeof(r->name), "%s", q->topic);
	else
		q->program->cluster->name(q->c, topic, r->name);
	return q->program->cluster->begin(q->c, r->name, err);
}

static int send_batch(struct dlq *q, struct retry_call *r, struct outgoing *v, size_t n,
		      struct err *err)
{
	if (n == 0)
		return 0;
	/* the call begins with its first batch, whose first letter is no twin */
	if (begin_call(q, r, v[0].record.topic, err))
		return -1;
	r->batch++;
	if (q->driver->marks) {
		if (send_marked(q, r, v, n, err))
			return -1;
	} else {
		if (send_taken(q, r, v, &n, err))
			return -1;
		crash_at(CRASH_DLQ_SENT);
		if (q->driver->settle(q->d, r->name, r->batch, err))
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		*(v[i].twin ? &r->twins : &r->sent) += 1;
	return 0;
}

static int send_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		     struct err *err)
{
	struct retry_call *r = arg;
	struct outgoing *out = mem_array(n + 1, sizeof(*out));
	size_t ready = 0;
	int rc = check_letters(q, r, v, n, err);

	for (size_t i = 0; i < n && rc == 0; i++) {
		bool send;

		rc = dlq_prepare(q, r, v[i], &out[ready], &send, err);
		ready += rc == 0 && send;
	}
	if (rc == 0)
		rc = send_batch(q, r, out, ready, err);
	if (q->c)
		q->program->cluster->forget(q->c);
	free(out);
	if (rc == 0 && tm_mono_us() - r->told_us > PROGRESS_US) {
		r->told_us = tm_mono_us();
		log_note("%" PRIu64 " of %" PRIu64 " letters are sent", r->sent, r->selected);
	}
	return rc;
}

/* ---- all of it */

static int run_passes(struct dlq *q, struct retry_call *r, struct err *err)
{
	/* the marks are read when a pass begins: no other call may write them then */
	if (q->driver->marks && begin_call(q, r, NULL, err))
		return -1;
	if (dlq_each_page(q, check_page, r, err))
		return -1;
	if (settle_calls(q, r, err))
		return -1;
	return dlq_each_page(q, send_page, r, err) || renew_marks(q, r, err) ? -1 : 0;
}

static int sum_up(const struct dlq *q, const struct retry_call *r, struct err *err)
{
	uint64_t held = r->doubtful + r->gone + r->changed;

	log_note("%" PRIu64 " sent%s", r->sent, q->to && r->to_stdout ? " to standard output" : "");
	if (r->twins)
		log_note("%" PRIu64 " more are about the same records, and marked with them",
			 r->twins);
	if (r->unmended)
		log_note("%" PRIu64 " gave no line through the command: neither sent nor marked",
			 r->unmended);
	if (r->lost)
		log_warn("%" PRIu64 " were taken by another call meanwhile", r->lost);
	if (held)
		return err_set(err, EX_NO,
			       "%" PRIu64 " sent, %" PRIu64 " not: %" PRIu64 " in doubt, %" PRIu64
			       " cut and gone, %" PRIu64 " changed by a filter",
			       r->sent, held, r->doubtful, r->gone, r->changed);
	return 0;
}

int dlq_retry(struct dlq *q, struct err *err)
{
	struct retry_call r = { .to_stdout = q->to && strcmp(q->to, "-") == 0,
				.told_us = tm_mono_us() };
	int rc = run_passes(q, &r, err);

	if (rc == 0 && q->c && r.name[0] && !r.to_stdout)
		q->program->cluster->end(q->c);
	if (rc && r.sent)
		log_warn("%" PRIu64 " letters were sent before, and are marked", r.sent);
	for (size_t i = 0; i < r.topics; i++)
		free(r.topic[i]);
	for (size_t i = 0; i < r.unknowns; i++)
		free(r.unknown[i]);
	free(r.topic);
	free(r.unknown);
	free(r.partitions);
	free(r.seen.key);
	return rc ? rc : sum_up(q, &r, err);
}
