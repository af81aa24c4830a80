/* To be cancelled is a byte in a pipe that the reader's loop watches: whatever the driver waits
 * for, it waits in that loop. A loop that was stopped stays so, and another one takes its place. */
#include "serve/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct serve_reader {
	const struct serve_source *source;
	struct sink_conf conf, events;
	struct loop *loop;
	int poked;
	bool cancelled; /* atomic */
	void *d, *e;
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
	r->conf.loop = r->events.loop = r->loop = loop_new();
	loop_watch(r->loop, r->poked, POLLIN, stop_waiting, r);
}

struct serve_reader *serve_reader_new(const struct serve_source *source)
{
	struct serve_reader *r = mem_zalloc(sizeof(*r));

	r->source = source;
	r->conf = source->conf;
	r->events = source->events;
	r->poked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->poked < 0) {
		free(r);
		return NULL;
	}
	make_loop(r);
	return r;
}

void serve_reader_free(struct serve_reader *r)
{
	if (!r)
		return;
	serve_reader_close(r);
	loop_free(r->loop);
	close(r->poked);
	free(r);
}

int serve_reader_rows(struct serve_reader *r, struct read_store *out, struct err *err)
{
	if (!r->d)
		r->d = r->source->driver->open(&r->conf, err);
	r->conf.where_env = true; /* a password in it was warned of, once will do */
	*out = (struct read_store){ r->source->driver, r->d };
	return r->d ? 0 : -1;
}

int serve_reader_events(struct serve_reader *r, const struct events_driver **driver, void **d,
			struct err *err)
{
	*driver = r->source->driver->events;
	if (!*driver)
		return err_set(err, EX_USAGE, "this kind of store keeps no events");
	if (!r->e)
		r->e = (*driver)->open(&r->events, err);
	r->events.where_env = true;
	*d = r->e;
	return r->e ? 0 : -1;
}

void serve_reader_close(struct serve_reader *r)
{
	uint64_t n;

	if (r->d)
		r->source->driver->close(r->d);
	if (r->e)
		r->source->driver->events->close(r->e);
	r->d = r->e = NULL;
	if (!__atomic_exchange_n(&r->cancelled, false, __ATOMIC_ACQ_REL))
		return;
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
