/* Pages lent to a pipe's reader: it gets the bytes as they were written, whatever the writer
 * does to its memory afterwards, and whoever reads. */
#include "io/pipe_zerocopy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/out.h"
#include "tap.h"

enum { WORD = sizeof(uint64_t), MUCH = 32 << 20, SOME = 4 << 20, ASIDE = 512 << 10 };

/* Every word of the stream is its place: what was written over shows. */
static void fill(char *p, size_t n, size_t from)
{
	for (uint64_t i = 0; i < n; i += WORD) {
		uint64_t v = (from + i) * 0x9E3779B97F4A7C15;
		memcpy(p + i, &v, n - i < WORD ? n - i : WORD);
	}
}

/* Reads fd from byte `from` of the stream to byte `to`, or to its end; leaves with 1 if a byte
 * is wrong. */
static size_t read_to(int fd, size_t from, size_t to)
{
	static char got[100000], want[sizeof got];
	size_t n = from;
	while (n < to) {
		size_t ask = WORD * (1 + n / WORD % (sizeof got / WORD)), have = 0;
		ssize_t k = 1;
		ask = ask < to - n ? ask : to - n;
		for (; have < ask && (k = read(fd, got + have, ask - have)) > 0; have += (size_t)k)
			;
		fill(want, have, n);
		if (memcmp(got, want, have))
			_exit(1);
		n += have;
		if (k <= 0)
			break;
	}
	return n;
}

/* What pv does: pages move on from one pipe into another, as many as that takes, and nobody has
 * read them. */
static size_t set_aside(int fd, int aside)
{
	size_t moved = 0;
	fcntl(aside, F_SETPIPE_SZ, 1 << 20);
	while (moved < ASIDE) {
		ssize_t k = splice(fd, NULL, aside, NULL, ASIDE - moved,
				   moved ? SPLICE_F_NONBLOCK : 0);
		if (k <= 0)
			break;
		moved += (size_t)k;
	}
	if (!moved)
		_exit(3);
	return moved;
}

/* Moves some bytes aside, reads the rest, then what is aside: the writer had all the time to
 * write over it. */
_Noreturn static void move_on(int fd, size_t from)
{
	int aside[2];
	if (pipe(aside))
		_exit(3);
	size_t moved = set_aside(fd, aside[1]);
	size_t n = read_to(fd, from + moved, SIZE_MAX);
	if (read_to(aside[0], from, from + moved) != from + moved)
		_exit(4);
	_exit(n == MUCH ? 0 : 2);
}

static int copies(int fd)
{
	pipe_zerocopy_read(fd);
	return read_to(fd, 0, SIZE_MAX) == MUCH ? 0 : 2;
}

static int is_silent(int fd)
{
	return read_to(fd, 0, SIZE_MAX) == MUCH ? 0 : 2;
}

/* Another process says that it copies, takes SOME bytes and leaves. */
static void first_reader(int fd)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		pipe_zerocopy_read(fd);
		_exit(read_to(fd, 0, SOME) == SOME ? 0 : 2);
	}
	if (waitpid(pid, &status, 0) < 0 || status)
		_exit(5);
}

static int leaves_the_pipe(int fd)
{
	first_reader(fd);
	move_on(fd, SOME);
}

static int is_followed_by_another(int fd)
{
	first_reader(fd);
	pipe_zerocopy_read(fd);
	move_on(fd, SOME);
}

static int ends_its_promise(int fd)
{
	pipe_zerocopy_read(fd);
	size_t n = read_to(fd, 0, SOME);
	pipe_zerocopy_read_end(fd);
	move_on(fd, n);
}

/* Pieces of all sizes, by way of copies and in place; returns how many bytes were lent. */
static uint64_t write_all(struct out *o)
{
	static char piece[700000];
	struct err err = ERR_INIT;
	size_t k = WORD, at = 0;
	int rc = 0;
	for (unsigned i = 0; at < MUCH && !rc; at += k, i++) {
		k = WORD * (1 + (size_t)rand() % (i % 5 ? 2000 : sizeof piece / WORD));
		k = k < MUCH - at ? k : MUCH - at;
		char *room = i % 3 ? NULL : out_room(o, k, &err);
		fill(room ? room : piece, k, at);
		if (room)
			out_used(o, k);
		else
			rc = out_write(o, piece, k, &err);
		if (i % 50 == 0 && !rc)
			rc = out_flush(o, &err);
	}
	ok(rc == 0 && out_flush(o, &err) == 0, "all is written");
	return out_lent_bytes(o);
}

static void test(const char *what, int (*reader)(int fd), uint64_t least, uint64_t most)
{
	int p[2], status = -1;
	if (pipe(p))
		exit(EX_OSERR);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		close(p[1]);
		_exit(reader(p[0]));
	}
	close(p[0]);
	struct out *o = out_new(NULL, p[1], 64 << 10);
	uint64_t lent = write_all(o);
	out_free(o); /* what is in the pipe stays */
	close(p[1]);
	waitpid(pid, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), 0, what);
	ok(lent >= least && lent <= most, "%s: %llu of %d bytes were lent, %llu to %llu expected",
	   what, (unsigned long long)lent, MUCH, (unsigned long long)least,
	   (unsigned long long)most);
}

static void not_a_pipe(void)
{
	int fd = open("/dev/null", O_RDWR);
	pipe_zerocopy_read(fd); /* nothing happens */
	pipe_zerocopy_read_end(fd);
	struct pipe_zerocopy *l = pipe_zerocopy_new(fd);
	ok(pipe_zerocopy_chunk(l) == NULL, "nothing is lent where there is no pipe");
	is_int(pipe_zerocopy_write(l, "abc", 3), 3, "but written");
	is_int(pipe_zerocopy_bytes(l), 0, "as a copy");
	pipe_zerocopy_free(l);
	pipe_zerocopy_free(NULL);
	close(fd);
}

/* From here on, for this process and its children, as a service manager does it. */
static void forbid_lending(void)
{
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_vmsplice, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog rules = { sizeof(rule) / sizeof(rule[0]), rule };
	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &rules) == 0,
	   "vmsplice is forbidden");
}

int main(void)
{
	const uint64_t all = MUCH;
	signal(SIGPIPE, SIG_IGN);
	srand(1);
	test("a reader that says that it copies", copies, all / 2, all);
	test("a reader that says nothing", is_silent, 0, 0);
	test("a reader that leaves the pipe to one that does not copy", leaves_the_pipe, all / 100,
	     all / 2);
	test("a reader that leaves it to one that says so too, and was not seen before",
	     is_followed_by_another, all / 100, all / 2);
	test("a reader that does not copy any more", ends_its_promise, all / 100, all / 2);
	not_a_pipe();
	forbid_lending();
	test("a system that forbids it", copies, 0, 0);
	return done();
}
