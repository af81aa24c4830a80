/* A reader's requests, wherever a cluster has the keys. All keys of a prefix are in one slot, so at
 * one node, but for the time that the slot moves: then each key is here or there.
 *
 *	MOVED host   the slot is there: connect to it, send this request and those behind it again
 *	ASK host     this key is there: ask for it alone, by a second connection, and go on here
 *
 * Requests only read, so any of them may be sent twice. A sink waits instead: its scripts have many
 * keys, which are nowhere together until the slot has moved (redis_wait.c). */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/redis/redis_reader.h"
#include "sink/sink_errors.h"

enum { HOPS = 16 };

/* ---- requests */

static void redis_follow_mark(struct redis_reader *r, size_t at)
{
	mem_reserve(&r->start, &r->start_cap, r->starts + 1, sizeof(*r->start));
	r->start[r->starts++] = at;
}

/* The first of the requests is in p->out, or begun there. */
static void begun(struct redis_reader *r)
{
	r->starts = r->answered = 0;
	redis_follow_mark(r, 0);
}

void redis_reader_begin(struct redis_reader *r, size_t n)
{
	redis_begin(r->p, n);
	begun(r);
}

void redis_reader_also(struct redis_reader *r, size_t n)
{
	redis_follow_mark(r, r->p->out.n);
	buf_printf(&r->p->out, "*%zu\r\n", n);
}

static struct slice redis_follow_request(const struct redis_reader *r, const struct buf *out,
					 size_t i)
{
	size_t end = i + 1 < r->starts ? r->start[i + 1] : out->n;

	return slice(out->p + r->start[i], end - r->start[i]);
}

/* ---- MOVED */

/* Another connection, and the requests from the i-th on. */
static enum sink_result send_again(struct redis_reader *r, size_t i, struct err *err)
{
	struct redis *p = r->p;
	struct buf requests = p->out;
	enum sink_result result;

	redis_driver.disconnect(p);
	p->redirect = REDIS_HERE;
	p->out = (struct buf){ 0 }; /* the login is sent from there */
	result = redis_dial(p, err);
	buf_fini(&p->out);
	p->out = requests;
	p->sent = r->start[i];
	return result;
}

/* ---- ASK: what belongs to the connection is put aside, and the other one's in its place */

struct aside {
	struct redis_link link;
	char *moved;
	int moved_port;
	struct buf out;
	size_t sent;
};

static struct aside step_aside(struct redis_reader *r)
{
	struct redis *p = r->p;
	struct aside main = { p->link, p->moved, p->moved_port, p->out, p->sent };

	if (r->other.c && (strcmp(r->other_host, p->ask) != 0 || r->other_port != p->ask_port))
		redis_link_close(&r->other);
	free(r->other_host);
	r->other_host = mem_strdup(p->ask);
	r->other_port = p->ask_port;
	p->redirect = REDIS_HERE;
	p->link = r->other;
	p->moved = mem_strdup(p->ask);
	p->moved_port = p->ask_port;
	p->out = (struct buf){ 0 };
	return main;
}

static void step_back(struct redis_reader *r, struct aside main)
{
	struct redis *p = r->p;

	r->other = p->link;
	free(p->moved);
	buf_fini(&p->out);
	p->link = main.link;
	p->moved = main.moved;
	p->moved_port = main.moved_port;
	p->out = main.out;
	p->sent = main.sent;
}

static enum sink_result ask_aside(struct redis_reader *r, size_t i, redisReply **reply,
				  struct err *err)
{
	struct aside main = step_aside(r);
	struct redis *p = r->p;
	enum sink_result result = p->link.c ? SINK_OK : redis_dial(p, err);
	redisReply *ok = NULL;

	if (result == SINK_OK) {
		redis_begin(p, 1);
		redis_argz(p, "ASKING");
		buf_adds(&p->out, redis_follow_request(r, &main.out, i));
		result = redis_run(p, &ok, err);
		freeReplyObject(ok);
	}
	if (result == SINK_OK)
		result = redis_run(p, reply, err);
	if (result == SINK_RETRY) /* what it has to say may not be all read */
		redis_link_close(&p->link);
	step_back(r, main);
	return result;
}

/* ---- answers */

/* The node that was asked may no longer, or not yet, have the slot: its answer names another one,
 * which is asked then. */
static enum sink_result redis_follow_answer(struct redis_reader *r, redisReply **reply,
					    struct err *err)
{
	size_t i = r->answered++;
	enum sink_result result = redis_run(r->p, reply, err);

	for (int hops = 0; hops < HOPS && result == SINK_RETRY && r->p->redirect != REDIS_HERE;
	     hops++) {
		if (r->p->redirect == REDIS_ASK) {
			result = ask_aside(r, i, reply, err);
			continue;
		}
		result = send_again(r, i, err);
		if (result == SINK_OK)
			result = redis_run(r->p, reply, err);
	}
	return result;
}

int redis_reader_answer(struct redis_reader *r, redisReply **reply, struct err *err)
{
	return sink_error_result(redis_follow_answer(r, reply, err), err);
}

/* What a reader asks later, of a key that is never there: a right that is missing is told now. */
static int ask_rights(struct redis_reader *r, struct err *err)
{
	static const struct {
		const char *command, *operand[4];
	} asks[] = {
		{ "HGET", { "a" } },
		{ "HMGET", { "a" } },
		{ "HGETALL", { NULL } },
		{ "ZCARD", { NULL } },
		{ "ZRANGEBYSCORE", { "0", "0" } },
		{ "ZREVRANGE", { "0", "0" } },
		{ "ZREVRANGEBYSCORE", { "0", "0" } },
	};
	enum { ASKS = sizeof(asks) / sizeof(*asks) };
	struct redis *p = r->p;
	redisReply *reply;
	int rc = 0;

	p->key.n = 0;
	buf_printf(&p->key, "%stmp", p->tag);
	for (size_t i = 0; i < ASKS; i++) {
		size_t n = 0;

		while (asks[i].operand[n])
			n++;
		(i ? redis_reader_also : redis_reader_begin)(r, 2 + n);
		redis_argz(p, asks[i].command);
		redis_arg(p, buf_slice(&p->key));
		for (size_t k = 0; k < n; k++)
			redis_argz(p, asks[i].operand[k]);
	}
	for (size_t i = 0; i < ASKS && rc == 0; i++) {
		rc = redis_reader_answer(r, &reply, err);
		freeReplyObject(reply);
	}
	return rc;
}

int redis_reader_connect(struct redis_reader *r, struct err *err)
{
	redisReply *reply;
	int rc;

	if (sink_error_result(redis_dial(r->p, err), err))
		return -1;
	redis_begin_schema(r->p);
	begun(r);
	rc = redis_reader_answer(r, &reply, err);
	if (rc == 0)
		rc = sink_error_result(redis_judge_schema(r->p, reply, err), err);
	freeReplyObject(reply);
	return rc ? rc : ask_rights(r, err);
}

void redis_reader_disconnect(struct redis_reader *r)
{
	redis_link_close(&r->other);
	free(r->other_host);
	free(r->start);
}
