/* retry: two passes. The first only looks: what can never be sent (a letter of a file without
 * --to, a topic that is not there) is said before anything is sent. The second sends a page at a
 * time:
 *
 *   look up, mend -> take -> send -> settle
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

#include "app/dlq_internal.h"
#include "base/crash.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"

enum { PROGRESS_US = 2000000, EXAMPLES = 3 };

/* A letter on its way. */
struct outgoing {
	const struct letter *letter;
	struct letters_record record;
};

struct retry_call {
	bool to_stdout;
	char name[LETTERS_CALL_BYTES]; /* "" until it is begun */
	uint64_t batch;
	uint64_t selected, sent, doubtful, gone, changed, unmended, lost;
	int64_t told_us;
	char **topic; /* those that were found */
	int32_t *partitions;
	size_t topics;
};

/* ---- the first pass */

static const char *target_of(const struct dlq *q, const struct letter *l, char *name, size_t n)
{
	snprintf(name, n, "%.*s", (int)l->topic.n, l->topic.n ? l->topic.p : "");
	return q->to ? q->to : name;
}

static int find_topic(struct dlq *q, struct retry_call *r, const char *topic, size_t *at,
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

static bool is_doubtful(const struct dlq *q, const struct letter *l)
{
	return l->taken.n && !q->again;
}

static int check_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		      struct err *err)
{
	struct retry_call *r = arg;

	r->selected += n;
	for (size_t i = 0; i < n && !r->to_stdout; i++) {
		char name[256];
		struct buf place = { 0 };
		size_t at;

		if (!q->to &&
		    (!v[i]->topic.n || strpbrk(target_of(q, v[i], name, sizeof(name)), ":/"))) {
			dlq_place(v[i], &place);
			err_set(err, EX_USAGE,
				"letter %.*s is of a file, not of a topic: say where to with --to "
				"TOPIC, or --to -",
				(int)place.n, place.p);
			buf_fini(&place);
			return -1;
		}
		if (find_topic(q, r, target_of(q, v[i], name, sizeof(name)), &at, err))
			return -1;
	}
	return 0;
}

/* ---- what earlier calls have left */

static int settle_call(void *arg, const char *call, struct err *err)
{
	struct dlq *q = arg;
	bool known;
	uint64_t sent;

	if (call[0] == '-')
		return 0;
	if (dlq_open_cluster(q, err))
		return -1;
	if (!q->c)
		return 0;
	if (q->program->cluster->ask(q->c, call, &known, &sent, err))
		return -1;
	if (!known)
		return 0;
	log_note("an earlier call did not end: what it had sent was found out");
	return q->driver->settle(q->d, call, sent, err);
}

/* ---- a page */

/* Says the first few by name. */
static void tell(uint64_t *count, const struct letter *l, const char *why)
{
	struct buf place = { 0 };

	if ((*count)++ < EXAMPLES) {
		dlq_place(l, &place);
		log_each(LOG_WARN, "%.*s: not sent: %s", (int)place.n, place.p, why);
	}
	buf_fini(&place);
}

/* False: the letter is not sent. */
static bool choose_bytes(struct dlq *q, struct retry_call *r, const struct letter *l,
			 const struct letters_original *log, enum dlq_whole what,
			 struct letters_record *out)
{
	bool cut = l->record.n < l->size;
	int changed = q->changed;

	if (changed == DLQ_CHANGED_AUTO)
		changed = q->to ? DLQ_CHANGED_KEPT : DLQ_CHANGED_SKIP;
	if (what == DLQ_GONE) {
		tell(&r->gone, l,
		     q->c ? "it was cut at 64 KiB, and the log does not have it any more"
			  : "it was cut at 64 KiB: -b BROKERS gets it whole from the log");
		return false;
	}
	if (what == DLQ_CHANGED && changed != DLQ_CHANGED_LOG &&
	    (cut || changed == DLQ_CHANGED_SKIP)) {
		tell(&r->changed, l,
		     cut ? "it was cut at 64 KiB, and the log has another record there"
			 : "the log has other bytes there, of which a filter made these: --changed "
			   "log sends those, --changed kept these");
		return false;
	}
	out->value = what == DLQ_SAME || (what == DLQ_CHANGED && changed == DLQ_CHANGED_LOG)
			     ? log->value
			     : l->record;
	return true;
}

static void fill_record(struct dlq *q, struct retry_call *r, const struct letter *l,
			const struct letters_original *log, struct letters_record *out,
			struct err *err)
{
	struct buf from = { 0 };
	char name[256];
	size_t at = 0;

	out->key = log->key;
	out->headers = log->headers;
	out->from = log->from;
	if (!out->from.n && dlq_of_topic(l)) {
		dlq_place(l, &from);
		out->from = arena_copy(&q->page.arena, buf_slice(&from));
		buf_fini(&from);
	}
	out->retries = (l->retries > log->retries ? l->retries : log->retries) + 1;
	out->partition = -1;
	if (r->to_stdout || find_topic(q, r, target_of(q, l, name, sizeof(name)), &at, err))
		return;
	out->topic = r->topic[at];
	if (!q->to && l->partition < r->partitions[at])
		out->partition = l->partition;
}

static int mend(struct dlq *q, struct retry_call *r, struct outgoing *o, bool *send,
		struct err *err)
{
	struct buf line = { 0 }, place = { 0 };
	bool none = false;
	int rc = dlq_through(q->through, o->record.value, &line, &none, err);

	if (rc) {
		dlq_place(o->letter, &place);
		err_in(err, "%.*s", (int)place.n, place.p);
	}
	o->record.value = arena_copy(&q->page.arena, slice(line.n ? line.p : "", line.n));
	r->unmended += rc == 0 && none;
	*send = !none;
	buf_fini(&line);
	buf_fini(&place);
	return rc;
}

static int prepare(struct dlq *q, struct retry_call *r, const struct letter *l,
		   struct outgoing *out, bool *send, struct err *err)
{
	struct letters_original log;
	enum dlq_whole what;

	*send = false;
	if (is_doubtful(q, l)) {
		tell(&r->doubtful, l,
		     "an earlier call may have sent it: --again sends it in any case");
		return 0;
	}
	if (dlq_look_up(q, l, &log, &what, err))
		return -1;
	*out = (struct outgoing){ .letter = l };
	if (!choose_bytes(q, r, l, &log, what, &out->record))
		return 0;
	fill_record(q, r, l, &log, &out->record, err);
	*send = true;
	return q->through ? mend(q, r, out, send, err) : 0;
}

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
		if (out_write(q->out, v[i].record.value.p, v[i].record.value.n, err) ||
		    out_write(q->out, "\n", 1, err))
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
	int rc;

	for (size_t i = 0; i < n; i++)
		record[i] = v[i].record;
	rc = q->program->cluster->send(q->c, record, n, r->batch, mark, marks, err);
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
	return q->driver->commit(q->d, err);
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
	r->sent += n;
	return 0;
}

static int send_page(struct dlq *q, const struct letter *const *v, size_t n, void *arg,
		     struct err *err)
{
	struct retry_call *r = arg;
	struct outgoing *out = mem_array(n + 1, sizeof(*out));
	size_t ready = 0;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		bool send;

		rc = prepare(q, r, v[i], &out[ready], &send, err);
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
	if (q->driver->calls && q->driver->calls(q->d, settle_call, q, err))
		return -1;
	return dlq_each_page(q, send_page, r, err);
}

static int sum_up(const struct dlq *q, const struct retry_call *r, struct err *err)
{
	uint64_t held = r->doubtful + r->gone + r->changed;

	log_note("%" PRIu64 " sent%s", r->sent, q->to && r->to_stdout ? " to standard output" : "");
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
	free(r.topic);
	free(r.partitions);
	return rc ? rc : sum_up(q, &r, err);
}
