/* A look is a query like others, of workers that do nothing else: one thread a store. */
#include "serve/stores.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"
#include "tool/http_counts.h"

enum { LOOK_US = 2000000, LOOK_DEADLINE_US = 3000000 };

struct looked {
	struct serve_stores *stores;
	bool asked, at, ok; /* it is being looked at; it was; it can be read */
	struct buf trouble;
};

struct serve_stores {
	struct serve_source *source;
	struct serve_workers *lookers;
	struct looked looked[SERVE_STORES + 1]; /* the log behind the stores */
	size_t n;
};

struct look {
	struct serve_query q;
	size_t i, stores; /* i == stores: the log */
};

static int look_at_log(struct serve_reader *reader, struct serve_result *out, struct err *err)
{
	struct wal_tail *log;

	if (serve_reader_log(reader, &log, err))
		return serve_result_problem(out, 503, "store-unavailable", "%s", err->msg);
	return 0;
}

/* A store has rows, or events alone: then what is wrong with those is said. */
static int look_at_store(struct serve_query *q, struct serve_reader *reader,
			 struct serve_result *out, struct err *err)
{
	size_t i = ((struct look *)q)->i;
	const struct events_driver *driver;
	struct read_store store;
	struct err events = ERR_INIT;
	void *d;

	if (i == ((struct look *)q)->stores)
		return look_at_log(reader, out, err);
	if (serve_reader_rows(reader, i, &store, err) == 0)
		return 0;
	if (err->code == EX_CONFIG && serve_reader_events_of(reader, i, &driver, &d, &events) == 0)
		return 0;
	if (events.code && events.code != EX_USAGE) /* the latter: it keeps none */
		err_copy(err, &events);
	return serve_result_problem(out, 503, "store-unavailable", "%s", err->msg);
}

static void release_look(struct serve_query *q)
{
	free(q);
}

static void set_looked(void *arg, struct serve_result *r)
{
	struct looked *l = arg;
	size_t i = (size_t)(l - l->stores->looked);

	l->asked = false;
	l->at = true;
	l->ok = r && !r->code;
	l->trouble.n = 0;
	if (!r)
		buf_addz(&l->trouble, "it does not answer");
	else if (r->code)
		buf_adds(&l->trouble, buf_slice(&r->detail));
	if (i < l->stores->source->n)
		__atomic_store_n(&l->stores->source->store[i].away, !l->ok, __ATOMIC_RELEASE);
}

static void look_again(void *arg, int fd, short revents)
{
	struct serve_stores *s = arg;

	(void)fd, (void)revents;
	for (size_t i = 0; i < s->n; i++) {
		struct look *look;

		if (s->looked[i].asked)
			continue;
		look = mem_zalloc(sizeof(*look));
		look->i = i;
		look->stores = s->source->n;
		look->q.run = look_at_store;
		look->q.release = release_look;
		buf_addu(&look->q.key, i);
		s->looked[i].asked = true;
		if (!serve_workers_ask(s->lookers, &look->q, set_looked, &s->looked[i]))
			set_looked(&s->looked[i], NULL);
	}
}

struct serve_stores *serve_stores_new(struct loop *loop, struct serve_source *source,
				      struct err *err)
{
	struct serve_stores *s = mem_zalloc(sizeof(*s));

	s->source = source;
	s->n = source->n + (source->log ? 1 : 0);
	for (size_t i = 0; i < s->n; i++)
		s->looked[i].stores = s;
	s->lookers = serve_workers_new(
		loop, source,
		&(struct serve_workers_conf){ .threads = (unsigned)s->n,
					      .deadline_us = LOOK_DEADLINE_US },
		err);
	if (!s->lookers) {
		serve_stores_free(s);
		return NULL;
	}
	look_again(s, -1, 0);
	loop_every(loop, LOOK_US, look_again, s);
	return s;
}

void serve_stores_free(struct serve_stores *s)
{
	if (!s)
		return;
	serve_workers_free(s->lookers);
	for (size_t i = 0; i < s->n; i++)
		buf_fini(&s->looked[i].trouble);
	free(s);
}

/* ---- told */
static struct slice name_of(const struct serve_stores *s, size_t i)
{
	return i < s->source->n ? buf_slice(&s->source->store[i].name) : slice_z("log");
}

bool serve_stores_ok(const struct serve_stores *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->looked[i].ok)
			return false;
	return true;
}

void serve_stores_json(const struct serve_stores *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct looked *l = &s->looked[i];

		buf_addz(out, i ? "," : "");
		json_quote(out, name_of(s, i));
		buf_addc(out, ':');
		json_quote(out, l->ok   ? slice_z("ok")
				: l->at ? buf_slice(&l->trouble)
					: slice_z("not looked at yet"));
	}
}

void serve_stores_metrics(const struct serve_stores *s, struct buf *out)
{
	prometheus_begin(out, "hta_store_up", "gauge", "1: the store can be read");
	for (size_t i = 0; i < s->n; i++) {
		buf_addz(out, "hta_store_up{store=\"");
		prometheus_label(out, name_of(s, i));
		buf_printf(out, "\"} %d\n", s->looked[i].ok);
	}
}
