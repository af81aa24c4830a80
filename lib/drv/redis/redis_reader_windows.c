/* Windows of a metric, by the sorted set of their names.
 *
 * A window's name "START:END" has seconds, with a fraction where there is one; the score of its
 * set is a double, so the bounds are taken a second wider and windows are judged by their names. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/redis/redis_reader.h"

enum { NEWEST_AT_ONCE = 16 };

void redis_windows_fini(struct redis_windows *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
	*w = (struct redis_windows){ 0 };
}

static bool seconds_of(struct slice text, int64_t *us)
{
	dec v;

	if (dec_parse_sum(text, &v) != DEC_OK)
		return false;
	*us = (int64_t)(v / 1000);
	return true;
}

static int redis_take_window(struct redis_windows *out, struct slice name, struct err *err)
{
	const char *colon = memchr(name.p, ':', name.n);
	struct redis_window w = { 0 };

	if (!colon || !seconds_of(slice(name.p, (size_t)(colon - name.p)), &w.span.start_us) ||
	    !seconds_of(slice(colon + 1, name.n - (size_t)(colon + 1 - name.p)), &w.span.end_us) ||
	    w.span.end_us <= w.span.start_us)
		return err_set(err, EX_DATAERR, "a window has no times: %.*s", (int)name.n, name.p);
	w.name = mem_dup(name.p, name.n);
	mem_reserve(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = w;
	return 0;
}

static int64_t whole_seconds(int64_t us)
{
	return us / TM_S - (us % TM_S < 0);
}

int redis_windows_find(struct redis_reader *r, const char *metric, int64_t from_us, int64_t to_us,
		       struct redis_windows *out, struct err *err)
{
	redisReply *reply;
	int rc;

	redis_reader_begin(r, 4);
	redis_argz(r->p, "ZRANGEBYSCORE");
	redis_reader_arg_key(r->p, "w", metric, "");
	redis_argi(r->p, whole_seconds(from_us) - 1);
	redis_argi(r->p, whole_seconds(to_us) + 1);
	rc = redis_reader_answer(r, &reply, err);
	if (rc)
		return -1;
	for (size_t i = 0; i < redis_reader_elements(reply) && rc == 0; i++) {
		rc = redis_take_window(out, redis_element(reply, i), err);
		if (rc == 0 && (out->v[out->n - 1].span.start_us < from_us ||
				out->v[out->n - 1].span.start_us >= to_us))
			free(out->v[--out->n].name);
	}
	freeReplyObject(reply);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), read_span_cmp);
	return rc;
}

/* How many rows its index has; 0: it has expired. */
static int count_rows(struct redis_reader *r, const char *metric, const struct redis_window *w,
		      uint64_t *rows, struct err *err)
{
	redisReply *reply;

	r->scratch.n = 0;
	buf_printf(&r->scratch, ":%s", w->name);
	redis_reader_begin(r, 2);
	redis_argz(r->p, "ZCARD");
	redis_reader_arg_key(r->p, "i", metric, buf_z(&r->scratch));
	if (redis_reader_answer(r, &reply, err))
		return -1;
	*rows = reply->type == REDIS_REPLY_INTEGER ? (uint64_t)reply->integer : 0;
	freeReplyObject(reply);
	return 0;
}

/* A page of the windows with a score up to `most`, newest first. */
static int counters_of_windows(struct redis_reader *r, const char *metric, int64_t most,
			       size_t skip, struct redis_windows *out, struct err *err)
{
	redisReply *reply;
	int rc;

	redis_reader_begin(r, 7);
	redis_argz(r->p, "ZREVRANGEBYSCORE");
	redis_reader_arg_key(r->p, "w", metric, "");
	redis_argi(r->p, most);
	redis_argz(r->p, "-inf");
	redis_argz(r->p, "LIMIT");
	redis_argi(r->p, (int64_t)skip);
	redis_argi(r->p, NEWEST_AT_ONCE);
	rc = redis_reader_answer(r, &reply, err);
	if (rc)
		return -1;
	for (size_t i = 0; i < redis_reader_elements(reply) && rc == 0; i++)
		rc = redis_take_window(out, redis_element(reply, i), err);
	freeReplyObject(reply);
	return rc;
}

static bool better(const struct redis_window *w, int64_t not_after_us, bool found, int64_t start_us,
		   int64_t end_us)
{
	return w->span.start_us <= not_after_us &&
	       (!found || w->span.start_us > start_us ||
		(w->span.start_us == start_us && w->span.end_us > end_us));
}

/* Pages until a window that has rows was found, and one that cannot be better: those of one
 * score come in any order of their ends. */
int redis_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			int64_t *start_us, int64_t *end_us, struct err *err)
{
	struct redis_windows w = { 0 };
	bool over = false;
	int rc = 0;

	*found = false;
	for (size_t skip = 0; rc == 0 && !over; skip += NEWEST_AT_ONCE) {
		redis_windows_fini(&w);
		rc = counters_of_windows(d, metric, whole_seconds(not_after_us) + 1, skip, &w, err);
		over = w.n < NEWEST_AT_ONCE;
		for (size_t i = 0; i < w.n && rc == 0; i++) {
			uint64_t rows = 0;

			over = over || (*found && w.v[i].span.start_us < *start_us);
			if (!better(&w.v[i], not_after_us, *found, *start_us, *end_us))
				continue;
			rc = count_rows(d, metric, &w.v[i], &rows, err);
			if (rc || !rows)
				continue;
			*found = true;
			*start_us = w.v[i].span.start_us;
			*end_us = w.v[i].span.end_us;
		}
	}
	redis_windows_fini(&w);
	return rc;
}
