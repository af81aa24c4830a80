/* WebSocket: one message to a thousand clients, those among them that do not read, and what they
 * get when they read again. */
#include "ws_app.h"

#include <sys/resource.h>
#include <time.h>

enum { CLIENTS = 1000 };
_Static_assert(sizeof(conns) / sizeof(*conns) > CLIENTS, "all of them, and one that does not read");

static bool take_all(int fd, struct buf *b)
{
	ssize_t n = recv(fd, buf_room(b, 1 << 16), 1 << 16, MSG_DONTWAIT);

	b->n += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void push_to_all(const char *text, size_t n)
{
	struct ws_shared *f = ws_share(site, slice(text, n));

	for (size_t i = 0; i < n_conns; i++)
		ws_push(conns[i], &f, 1);
	ws_shared_free(f);
}

/* Of the processor: what else runs on the machine does not count. */
static int64_t used_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * (int64_t)TM_S + t.tv_nsec / 1000;
}

/* A push to 1,000: how long until the last has read it. */
static void push_once(const int *fds, const char *text, size_t n, int64_t *slowest)
{
	int64_t begun = used_us(), took, most = tm_mono_us() + 60 * TM_S;
	size_t got = 0;
	struct buf b = { 0 };

	push_to_all(text, n);
	for (size_t i = 0; i < CLIENTS; i++) {
		b.n = 0;
		while (b.n < n + 4 && (take_all(fds[i], &b) || tm_mono_us() < most))
			if (b.n < n + 4)
				loop_turn(loop, 0, NULL);
		got += b.n == n + 4 && memcmp(b.p + 4, text, n) == 0;
	}
	took = used_us() - begun;
	if (took > *slowest)
		*slowest = took;
	is_int(got, CLIENTS, "each has it");
	buf_fini(&b);
}

static void test_fan_out(void)
{
	static int fds[CLIENTS];
	struct rlimit files = { 4096, 4096 };
	struct ws_stats stats;
	static char text[10000];
	int64_t slowest = 0;
	struct buf b = { 0 };
	int slow;

	setrlimit(RLIMIT_NOFILE, &files);
	start(NULL, NULL);
	for (size_t i = 0; i < CLIENTS; i++)
		fds[i] = upgrade("");
	slow = dial(4096);
	say(slow, UPGRADE "\r\n", strlen(UPGRADE "\r\n"));
	hear_head(slow, &b);
	is_int(n_conns, CLIENTS + 1, "1,001 clients");
	memset(text, 'r', sizeof(text));
	for (int i = 0; i < 20; i++)
		push_once(fds, text, sizeof(text), &slowest);
	printf("# a frame of 10 KB to 1,000 clients: within %.1f ms\n", (double)slowest / 1000);
	ok(slowest < 2 * TM_S, "in time");
	b.n = 0;
	ok(hear(slow, &b, 0) && b.n > 27 && b.n < 20 * sizeof(text), "%zu bytes", b.n);
	ok(b.n > 12 && memcmp(b.p + b.n - 12, "\x88\x0a\x03\xf5too slow", 12) == 0, "by 1013");
	close(slow);
	until(n_conns == CLIENTS);
	is_int(n_conns, CLIENTS, "who does not read is out, the others are not");
	ws_site_stats(site, &stats);
	ok(stats.closed[13] == 1 && stats.skipped == 3 && stats.sent >= 20 * CLIENTS,
	   "counted: %llu sent, %llu missed", (unsigned long long)stats.sent,
	   (unsigned long long)stats.skipped);
	for (size_t i = 0; i < CLIENTS; i++)
		close(fds[i]);
	turns(100000);
	buf_fini(&b);
	stop();
}

/* Who reads again after a missed push gets the latest, and no part of what it missed. */
static void test_latest(void)
{
	struct buf b = { 0 };
	static char text[60000];
	struct ws_shared *f;
	unsigned taken = 0;
	int fd;

	start(&(struct ws_conf){ .most_missed = 1000 }, NULL);
	fd = dial(4096);
	say(fd, UPGRADE "\r\n", strlen(UPGRADE "\r\n"));
	hear_head(fd, &b);
	memset(text, 'r', sizeof(text));
	f = ws_share(site, slice(text, sizeof(text)));
	for (; taken < 1000 && ws_push(conns[0], &f, 1); taken++)
		;
	ok(taken && taken < 1000, "%u pushes are taken", taken);
	ok(!ws_push(conns[0], &f, 1), "no more");
	ws_shared_free(f);
	for (unsigned i = 0; i < taken; i++)
		ok(hear_frame(fd, &b) == 0x81 && b.n == sizeof(text), "one of them");
	f = ws_share(site, slice_z("latest"));
	ok(ws_push(conns[0], &f, 1) && hears_text(fd, "latest"), "then the latest");
	ws_shared_free(f);
	buf_fini(&b);
	stop(); /* with the connection open */
	close(fd);
}

int main(void)
{
	test_latest();
	test_fan_out();
	return done();
}
