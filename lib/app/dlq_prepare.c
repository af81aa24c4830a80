/* What is sent for a letter: the log's record where it can be had, with key and headers, else what
 * the letter has; mended by --through. What is not sent is said, the first few by name. */
#include <stdio.h>
#include <stdlib.h>

#include "app/dlq_retry.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { EXAMPLES = 3 };

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

static int fill_record(struct dlq *q, struct retry_call *r, const struct letter *l,
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
	if (r->to_stdout)
		return 0;
	if (dlq_find_topic(q, r, dlq_target(q, l, name, sizeof(name)), &at, err))
		return -1;
	out->topic = r->topic[at];
	if (!q->to && l->partition < r->partitions[at])
		out->partition = l->partition;
	return 0;
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

/* ---- letters about one record: of two jobs that read a topic, of a file that has a record twice
 * after a crash. Outputs that a filter has made of one record have its place too, and are others.
 * So are equal records of which nothing says where they stood. */

static bool has_place(const struct letter *l)
{
	return (l->topic.n && !l->inexact) || l->file.n;
}

static void twin_key(const struct outgoing *o, uint8_t key[16])
{
	struct buf text = { 0 };

	dlq_place(o->letter, &text);
	buf_addc(&text, 0);
	buf_adds(&text, o->record.value);
	hash_128(text.p, text.n, key);
	buf_fini(&text);
}

static bool is_free(const uint8_t key[16])
{
	static const uint8_t zeros[16];

	return memcmp(key, zeros, 16) == 0;
}

/* Where the key is, or belongs. */
static size_t find_key(const struct dlq_twins *t, const uint8_t key[16])
{
	uint64_t at;

	memcpy(&at, key, sizeof(at));
	while (!is_free(t->key[at & (t->cap - 1)]) &&
	       memcmp(t->key[at & (t->cap - 1)], key, 16) != 0)
		at++;
	return at & (t->cap - 1);
}

static void grow_keys(struct dlq_twins *t)
{
	struct dlq_twins old = *t;

	t->cap = old.cap ? 2 * old.cap : 1024;
	t->key = mem_array(t->cap, sizeof(*t->key));
	for (size_t i = 0; i < old.cap; i++)
		if (!is_free(old.key[i]))
			memcpy(t->key[find_key(t, old.key[i])], old.key[i], 16);
	free(old.key);
}

static bool has_key(const struct dlq_twins *t, const uint8_t key[16])
{
	return t->n && !is_free(t->key[find_key(t, key)]);
}

static void add_key(struct dlq_twins *t, const uint8_t key[16])
{
	if (2 * (t->n + 1) > t->cap)
		grow_keys(t);
	memcpy(t->key[find_key(t, key)], key, 16);
	t->n++;
}

/* ---- all of it */

static bool is_of_unknown(const struct retry_call *r, struct slice taken)
{
	for (size_t i = 0; i < r->unknowns; i++) {
		size_t n = strlen(r->unknown[i]);

		if (taken.n >= n && memcmp(taken.p, r->unknown[i], n) == 0 &&
		    (taken.n == n || taken.p[n] == '/'))
			return true;
	}
	return false;
}

int dlq_prepare(struct dlq *q, struct retry_call *r, const struct letter *l, struct outgoing *out,
		bool *send, struct err *err)
{
	struct letters_original log;
	enum dlq_whole what;
	uint8_t key[16];

	*send = false;
	if (l->taken.n && !q->again && !is_of_unknown(r, l->taken)) {
		r->lost++;
		return 0;
	}
	if (l->taken.n && !q->again) {
		tell(&r->doubtful, l,
		     "an earlier call may have sent it: --again sends it in any case");
		return 0;
	}
	if (dlq_look_up(q, l, &log, &what, err))
		return -1;
	*out = (struct outgoing){ .letter = l };
	if (!choose_bytes(q, r, l, &log, what, &out->record))
		return 0;
	twin_key(out, key);
	*send = out->twin = has_place(l) && has_key(&r->seen, key);
	if (out->twin)
		return 0;
	*send = true;
	if (fill_record(q, r, l, &log, &out->record, err) ||
	    (q->through && mend(q, r, out, send, err)))
		return -1;
	if (*send)
		add_key(&r->seen, key);
	return 0;
}
