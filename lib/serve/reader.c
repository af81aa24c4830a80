/* To be cancelled is a byte in a pipe that the reader's loop watches: whatever the driver waits
 * for, it waits in that loop. A loop that was stopped stays so, and another one takes its place. */
#include "serve/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct opened_store {
	struct sink_conf conf, events;
	void *d, *e;
	void *d_rests, *e_rests;
};

struct serve_reader {
	const struct serve_source *source;
	struct loop *loop;
	int poked;
	bool cancelled; /* atomic */
	struct opened_store store[SERVE_STORES];
	struct wal_tail *log; /* NULL: none is named */
	bool log_open;
};

static const struct err cancelled = { EX_TEMPFAIL, "nobody waits for the answer any more" };

static void stop_waiting(void *arg, int fd, short revents)
{
	struct serve_reader *r = arg;

	(void)fd, (void)revents;
	loop_stop(r->loop, &cancelled);
}

static void make_loop(struct serve_reader *r)
{
	r->loop = loop_new();
	for (size_t i = 0; i < r->source->n; i++)
		r->store[i].conf.loop = r->store[i].events.loop = r->loop;
	loop_watch(r->loop, r->poked, POLLIN, stop_waiting, r);
}

struct serve_reader *serve_reader_new(const struct serve_source *source)
{
	struct serve_reader *r = mem_zalloc(sizeof(*r));

	r->source = source;
	for (size_t i = 0; i < source->n; i++) {
		r->store[i].conf = source->store[i].conf;
		r->store[i].events = source->store[i].events;
	}
	r->poked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->poked < 0) {
		free(r);
		return NULL;
	}
	make_loop(r);
	r->log = source->log ? wal_tail_new(source->log) : NULL;
	return r;
}

void serve_reader_free(struct serve_reader *r)
{
	if (!r)
		return;
	serve_reader_close(r);
	serve_reader_disconnect(r);
	wal_tail_free(r->log);
	loop_free(r->loop);
	close(r->poked);
	free(r);
}

/* ---- connections: opened, in use, at rest */
typedef void close_fn(void *d);

/* What rested, if it goes on; what does not is closed, and opened anew by the caller. */
static void *wake(void **rests, int (*again)(void *d, struct err *err), close_fn *close)
{
	struct err why = ERR_INIT;
	void *d = *rests;

	*rests = NULL;
	if (!d || again(d, &why) == 0)
		return d;
	close(d);
	return NULL;
}

static void put_to_rest(void **d, void **rests, int (*rest)(void *d), close_fn *close)
{
	if (*d && rest && rest(*d) == 0)
		*rests = *d;
	else if (*d)
		close(*d);
	*d = NULL;
}

bool serve_reader_rests(const struct serve_reader *r)
{
	for (size_t i = 0; i < r->source->n; i++)
		if (r->store[i].d_rests || r->store[i].e_rests)
			return true;
	return false;
}

void serve_reader_disconnect(struct serve_reader *r)
{
	for (size_t i = 0; i < r->source->n; i++) {
		const struct read_driver *driver = r->source->store[i].driver;
		struct opened_store *o = &r->store[i];

		if (o->d_rests)
			driver->close(o->d_rests);
		if (o->e_rests)
			driver->events->close(o->e_rests);
		o->d_rests = o->e_rests = NULL;
	}
}

int serve_reader_rows(struct serve_reader *r, size_t i, struct read_store *out, struct err *err)
{
	const struct read_driver *driver = r->source->store[i].driver;
	struct opened_store *o = &r->store[i];

	if (!o->d)
		o->d = wake(&o->d_rests, driver->again, driver->close);
	if (!o->d)
		o->d = driver->open(&o->conf, err);
	o->conf.where_env = true; /* a password in it was warned of, once will do */
	*out = (struct read_store){ driver, o->d };
	return o->d ? 0 : -1;
}

int serve_reader_events_of(struct serve_reader *r, size_t i, const struct events_driver **driver,
			   void **d, struct err *err)
{
	struct opened_store *o = &r->store[i];

	*driver = r->source->store[i].driver->events;
	if (!*driver)
		return err_set(err, EX_USAGE, "this kind of store keeps no events");
	if (!o->e)
		o->e = wake(&o->e_rests, (*driver)->again, (*driver)->close);
	if (!o->e)
		o->e = (*driver)->open(&o->events, err);
	o->events.where_env = true;
	*d = o->e;
	return o->e ? 0 : -1;
}

bool serve_reader_has_log(const struct serve_reader *r)
{
	return r->log != NULL;
}

int serve_reader_log(struct serve_reader *r, struct wal_tail **out, struct err *err)
{
	*out = r->log;
	if (!r->log_open && wal_tail_open(r->log, err)) {
		err->code = EX_UNAVAILABLE;
		return -1;
	}
	r->log_open = true;
	return 0;
}

void serve_reader_close(struct serve_reader *r)
{
	uint64_t n;

	for (size_t i = 0; i < r->source->n; i++) {
		const struct read_driver *driver = r->source->store[i].driver;
		struct opened_store *o = &r->store[i];

		put_to_rest(&o->d, &o->d_rests, driver->rest, driver->close);
		if (driver->events)
			put_to_rest(&o->e, &o->e_rests, driver->events->rest,
				    driver->events->close);
	}
	if (r->log_open)
		wal_tail_close(r->log);
	r->log_open = false;
	if (!__atomic_exchange_n(&r->cancelled, false, __ATOMIC_ACQ_REL))
		return;
	serve_reader_disconnect(r);
	loop_free(r->loop);
	while (read(r->poked, &n, sizeof(n)) > 0)
		;
	make_loop(r);
}

void serve_reader_cancel(struct serve_reader *r)
{
	uint64_t one = 1;

	__atomic_store_n(&r->cancelled, true, __ATOMIC_RELEASE);
	while (write(r->poked, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

int serve_reader_cancelled(struct serve_reader *r, struct err *err)
{
	if (!__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE))
		return 0;
	return err_set(err, cancelled.code, "%s", cancelled.msg);
}

/* ---- several stores */
/* Of several, one that was away when it was looked at is not waited for. */
static int check_away(const struct serve_reader *r, size_t i, struct err *err)
{
	const struct serve_store *s = &r->source->store[i];

	if (r->source->n == 1 || !__atomic_load_n(&s->away, __ATOMIC_ACQUIRE))
		return 0;
	return err_set(err, EX_UNAVAILABLE, "%.*s cannot be read", (int)s->name.n, s->name.p);
}

/* Beside others a store may well have nothing but events. */
static bool has_only_events(struct serve_reader *r, size_t i, const struct err *err)
{
	const struct events_driver *driver;
	void *d;

	return err->code == EX_CONFIG && r->source->n > 1 &&
	       serve_reader_events_of(r, i, &driver, &d, NULL) == 0;
}

static int ask_store(struct serve_reader *r, size_t i, serve_store_fn *fn, void *arg,
		     struct err *err)
{
	struct read_store store;

	if (check_away(r, i, err))
		return -1;
	if (serve_reader_rows(r, i, &store, err))
		return has_only_events(r, i, err) ? 0 : -1;
	return fn(arg, &store, err);
}

/* The first that failed is told. */
static void keep_first(struct err *err, const struct err *now)
{
	if (!err->code)
		err_copy(err, now);
}

int serve_reader_each(struct serve_reader *r, bool newest, serve_store_fn *fn, void *arg,
		      struct err *err)
{
	struct err first = ERR_INIT;

	for (int memory = newest ? 1 : 0; memory >= 0; memory--)
		for (size_t i = 0; i < r->source->n; i++) {
			struct err now = ERR_INIT;
			int rc;

			if (newest && r->source->store[i].in_memory != (memory == 1))
				continue;
			rc = ask_store(r, i, fn, arg, &now);
			if (rc > 0)
				return 1;
			if (rc < 0)
				keep_first(&first, &now);
			if (serve_reader_cancelled(r, err))
				return -1;
		}
	if (first.code)
		return err_set(err, first.code, "%s", first.msg);
	return 0;
}

/* A kind of store without events says nothing of them, one without the table little. */
static bool tells_more(const struct err *now, const struct err *before)
{
	bool known = now->code != EX_USAGE && now->code != EX_CONFIG;

	return !before->code || before->code == EX_USAGE || (known && before->code == EX_CONFIG);
}

int serve_reader_events(struct serve_reader *r, const struct events_driver **driver, void **d,
			struct err *err)
{
	struct err most = ERR_INIT;

	for (size_t i = 0; i < r->source->n; i++) {
		struct err now = ERR_INIT;
		bool none = !r->source->store[i].driver->events;

		if ((none || check_away(r, i, &now) == 0) &&
		    serve_reader_events_of(r, i, driver, d, &now) == 0)
			return 0;
		if (tells_more(&now, &most))
			most = now;
	}
	return err_set(err, most.code ? most.code : EX_USAGE, "%s", most.msg);
}
