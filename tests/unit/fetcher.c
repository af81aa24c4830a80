/* The fetcher against brokers that stand in this program. One thread: what a broker does and what
 * the fetcher does take turns. Whatever goes wrong, each record has to come once, and in order. */
#include "tap.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/fetch/fetcher.h"
#include "fake_broker.h"

enum { SILENT_US = 1000000 };

/* ---- a driver */

struct driver {
	struct fetcher *f;
	struct partition name[PARTS];
	struct fetcher_part part[PARTS];
	struct broker *broker[2];
	int64_t got[PARTS]; /* the next record that is wanted */
	int wrong;          /* records that were not that one */
	int falls;
	bool ended[PARTS];
	unsigned seen[PARTS]; /* 1 << state, of all at a batch */
};

static void note_fall(void *arg, struct fetcher_part *p)
{
	struct driver *d = arg;

	d->falls++;
	d->wrong += p->next != d->got[p - d->part];
}

static void lead(struct driver *d, int part, const struct broker *b)
{
	fetcher_leader(d->f, "t", part, "127.0.0.1", b->port);
}

static struct driver *driver_new(struct broker *a, struct broker *b)
{
	struct fetcher_settings s = { .client = "test",
				      .wait_ms = 1,
				      .min_bytes = 1,
				      .part_bytes = 1 << 20,
				      .most_bytes = 1 << 20,
				      .silent_us = SILENT_US };
	struct driver *d = mem_zalloc(sizeof(*d));

	d->f = fetcher_new(&s, note_fall, d);
	d->broker[0] = a;
	d->broker[1] = b;
	for (int i = 0; i < PARTS; i++) {
		d->name[i] = (struct partition){ .topic = mem_strdup("t"), .partition = i };
		d->part[i] = (struct fetcher_part){ .part = &d->name[i] };
		lead(d, i, a);
		fetcher_add(d->f, &d->part[i]);
	}
	return d;
}

static void driver_free(struct driver *d)
{
	fetcher_free(d->f);
	for (int i = 0; i < PARTS; i++)
		free(d->name[i].topic);
	free(d);
}

static void take(struct driver *d, const struct input_batch *b)
{
	int i = b->part->partition;
	char wanted[32];

	for (size_t k = 0; k < b->n; k++, d->got[i]++) {
		snprintf(wanted, sizeof(wanted), "%d:%lld", i, (long long)d->got[i]);
		d->wrong += !slice_is(b->v[k].value, wanted) || b->v[k].offset != d->got[i];
	}
	d->wrong += b->position != d->got[i] || d->part[i].next != d->got[i];
	d->ended[i] = b->end;
	d->seen[i] |= 1U << d->part[i].state;
}

static void step(struct driver *d)
{
	struct pollfd p = { .fd = fetcher_fd(d->f), .events = POLLIN };
	struct input_record v[3];
	struct input_batch b;

	while (fetcher_read(d->f, v, 3, &b))
		take(d, &b);
	for (int i = 0; i < 2; i++)
		if (d->broker[i])
			broker_step(d->broker[i]);
	poll(&p, 1, 1);
}

/* Until all that its broker has of each partition came, or until something fell back. */
static bool drain(struct driver *d, const struct broker *b, int part)
{
	int64_t until = tm_mono_us() + 60 * TM_S;

	while (tm_mono_us() < until && !(d->got[part] == b->end[part] && d->ended[part]))
		step(d);
	return d->got[part] == b->end[part] && d->ended[part] && d->wrong == 0;
}

static bool falls(struct driver *d, int part, enum fetch_state to)
{
	int64_t until = tm_mono_us() + 60 * TM_S;

	while (tm_mono_us() < until && fetch_is_ours(&d->part[part]))
		step(d);
	return d->part[part].state == to && d->wrong == 0;
}

static void grow(struct broker *b, int64_t n)
{
	for (int i = 0; i < PARTS; i++)
		b->end[i] += n;
}

static bool come_back(struct driver *d, int part, const struct broker *b)
{
	lead(d, part, b);
	d->ended[part] = false;
	return fetcher_add(d->f, &d->part[part]);
}

/* ---- tests: each has a broker `a`, and `b` where leaders move */

static void plain(struct broker *a, struct driver *d)
{
	grow(a, 43);
	ok(d->part[0].state == FETCH_ASKING, "added: asking");
	ok(drain(d, a, 0) && drain(d, a, 1), "all records of two partitions, once and in order");
	ok(d->part[0].state == FETCH_READING && a->connects == 1, "reading, by one connection");
	a->chunk = 7;
	a->torn = true;
	grow(a, 12);
	ok(drain(d, a, 0) && drain(d, a, 1), "in small pieces, half a batch last");
	a->stranger = true;
	grow(a, 5);
	ok(drain(d, a, 0) && drain(d, a, 1) && !d->falls, "answers of what is not read");
}

static void cut_anywhere(struct broker *a, struct driver *d)
{
	int64_t at = 0;
	bool good = true;

	for (; good && a->cut < 0; at++) {
		grow(a, 3);
		good = drain(d, a, 0) && drain(d, a, 1); /* it has answered: it is made again */
		a->cut = at;
		grow(a, 8);
		good = good && drain(d, a, 0) && drain(d, a, 1) && !d->falls;
	}
	ok(good && at > 400, "cut at any byte up to %lld", (long long)at);
	ok(a->connects == at, "by connections made anew: %d", a->connects);
}

static void lost_connections(struct broker *a, struct driver *d)
{
	grow(a, 10);
	ok(drain(d, a, 0) && drain(d, a, 1), "reading");
	a->length = 0x7fffffff;
	grow(a, 10);
	ok(drain(d, a, 0) && drain(d, a, 1) && a->connects == 2, "a corrupt length: made again");
	a->reset = true;
	grow(a, 10);
	ok(drain(d, a, 0) && drain(d, a, 1) && a->connects == 3, "reset behind an answer");
	a->length = 40; /* of more */
	ok(falls(d, 0, FETCH_AWAY) && strcmp(d->part[0].why, "malformed response") == 0,
	   "a response cut short falls back: %s", d->part[0].why);
	ok(falls(d, 1, FETCH_AWAY), "with all that the connection had");
	grow(a, 10);
	ok(come_back(d, 0, a) && drain(d, a, 0), "and comes back");
	a->mute = true;
	ok(falls(d, 0, FETCH_AWAY) && strcmp(d->part[0].why, "no answer") == 0, "silence: %s",
	   d->part[0].why);
	a->mute = false;
	grow(a, 10);
	ok(come_back(d, 0, a) && come_back(d, 1, a) && drain(d, a, 0) && drain(d, a, 1),
	   "and comes back");
	broker_close(a);
	ok(falls(d, 0, FETCH_AWAY) && !fetcher_add(d->f, &d->part[0]) &&
		   d->part[0].state == FETCH_AWAY,
	   "a broker that is gone: %s", d->part[0].why);
}

static void errors(struct broker *a, struct driver *d)
{
	static const int codes[] = { 1 /* out of range */, 3,  5,  6 /* not the leader */, 9,
				     74 /* fenced */,      75, 100 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		a->error[0] = codes[i];
		grow(a, 7);
		ok((i == 0 || come_back(d, 0, a)) && falls(d, 0, FETCH_AWAY) && drain(d, a, 1),
		   "error %d: away, the other one reads on", codes[i]);
	}
	a->error[0] = 0;
	ok(!strcmp(d->part[0].why, "error 100") && come_back(d, 0, a) && drain(d, a, 0),
	   "and back: nothing is missing");
	a->error[0] = 3;
	ok(falls(d, 0, FETCH_GONE), "a partition that was known is not any more: gone");
	ok(d->falls == 9, "each fall was told");
}

static void moved(struct broker *a, struct broker *b, struct driver *d)
{
	grow(a, 22);
	ok(drain(d, a, 0) && drain(d, a, 1), "reading");
	a->error[0] = 6;
	ok(falls(d, 0, FETCH_AWAY), "its leader moves");
	b->end[0] = 31;
	ok(come_back(d, 0, b) && drain(d, b, 0), "is read from where it went");
	grow(a, 6);
	ok(drain(d, a, 1) && a->connects == 1 && b->connects == 1,
	   "the other one from where it is");
	broker_close(a);
	ok(falls(d, 1, FETCH_AWAY), "its broker leaves");
	b->end[0] = b->end[1] = 47;
	ok(come_back(d, 1, b) && drain(d, b, 0) && drain(d, b, 1) && b->connects == 1,
	   "both over one connection");
}

static void unreadable(struct broker *a, struct driver *d)
{
	grow(a, 23);
	a->unreadable_at = 15;
	ok(falls(d, 0, FETCH_UNREADABLE) && d->got[0] == 15, "up to a batch of snappy: %s",
	   d->part[0].why);
	ok(d->seen[0] & 1U << FETCH_ENDING, "nothing more was asked for meanwhile");
	ok(falls(d, 1, FETCH_UNREADABLE) && d->got[1] == 15, "in each partition");
	fetcher_forget(d->f);
	fetch_enter(&d->part[0], FETCH_OFF);
	ok(!come_back(d, 0, a) && d->part[0].state == FETCH_UNREADABLE, "and stays there");
}

static void damaged(struct broker *a, struct driver *d)
{
	grow(a, 23);
	a->damaged_at = 10;
	ok(falls(d, 0, FETCH_UNREADABLE) && strcmp(d->part[0].why, "a damaged batch") == 0,
	   "falls back: %s", d->part[0].why);
	is_int(d->got[0], 14, "behind the last whole record");
}

static void forgotten(struct broker *a, struct driver *d)
{
	grow(a, 5);
	ok(drain(d, a, 0) && drain(d, a, 1), "reading");
	grow(a, 20);
	while (d->got[1] == 5)
		step(d);
	fetcher_forget(d->f);
	ok(d->part[0].state == FETCH_OFF && d->part[1].state == FETCH_OFF, "forgotten: off");
	d->got[0] = d->part[0].next = 2;
	ok(come_back(d, 0, a) && drain(d, a, 0), "one is read again, from further up");
	ok(d->got[1] < 25 && a->connects == 2, "nothing comes of the other one");
}

static void illegal(void)
{
	struct partition name = { .topic = (char[]){ "t" } };
	struct fetcher_part p = { .part = &name };
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		fclose(stderr);
		fetch_enter(&p, FETCH_READING);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "off to reading: a bug");
}

static void with_broker(void test(struct broker *a, struct driver *d))
{
	struct broker a;
	struct driver *d;

	broker_open(&a);
	d = driver_new(&a, NULL);
	test(&a, d);
	driver_free(d);
	broker_close(&a);
}

static void with_two(void test(struct broker *a, struct broker *b, struct driver *d))
{
	struct broker a, b;
	struct driver *d;

	broker_open(&a);
	broker_open(&b);
	d = driver_new(&a, &b);
	test(&a, &b, d);
	driver_free(d);
	broker_close(&a);
	broker_close(&b);
}

int main(void)
{
	with_broker(plain);
	with_broker(cut_anywhere);
	with_broker(lost_connections);
	with_broker(errors);
	with_two(moved);
	with_broker(unreadable);
	with_broker(damaged);
	with_broker(forgotten);
	illegal();
	return done();
}
