#include "io/out.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "tap.h"

static bool nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void pattern(char *p, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)((from + i) * 7 % 251);
}

/* Waits for a byte from start, reads fd to its end in odd pieces, and leaves with 0 if it was
 * the pattern, `bytes` long. */
static pid_t fork_reader(int start, int fd, int close_too, size_t bytes)
{
	pid_t pid = fork();
	char got[3001], want[sizeof got];
	size_t n = 0;
	ssize_t k;

	if (pid)
		return pid;
	close(close_too);
	if (read(start, got, 1) != 1)
		_exit(3);
	while ((k = read(fd, got, 1 + n % sizeof got)) > 0) {
		pattern(want, (size_t)k, n);
		if (memcmp(got, want, (size_t)k))
			_exit(1);
		n += (size_t)k;
	}
	_exit(n == bytes ? 0 : 2);
}

static int exit_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void buffer(void)
{
	struct err err = ERR_INIT;
	struct out *o;
	char got[64];
	char *room;
	int p[2];

	if (pipe(p))
		exit(EX_OSERR);
	o = out_new(NULL, p[1], 8);
	ok(!nonblocking(p[1]), "without a loop a pipe stays as it is");
	is_int(out_write(o, "abc", 3, &err), 0, "three bytes");
	is_int(out_pending(o), 3, "wait in the buffer");
	is_int(out_write(o, "defghi", 6, &err), 0, "six more do not fit");
	is_int(out_pending(o), 6, "the three are written, the six wait");
	is_int(read(p[0], got, sizeof got), 3, "three came");
	is_int(out_write(o, "0123456789", 10, &err), 0, "a piece larger than the buffer");
	is_int(out_pending(o), 0, "goes out at once");
	is_int(read(p[0], got, sizeof got), 16, "behind what waited");
	is_bytes(got, 16, "defghi0123456789", "in order");
	room = out_room(o, 5, &err);
	memcpy(room, "hello", 5);
	out_used(o, 5);
	room = out_room(o, 100, &err);
	is_int(out_pending(o), 0, "room for more than there is writes out");
	memset(room, 'x', 100);
	out_used(o, 20);
	is_int(out_pending(o), 20, "not all that was asked for was used");
	is_int(out_write(o, "", 0, &err), 0, "nothing");
	is_int(out_flush(o, &err), 0, "the rest");
	is_int(out_flush(o, &err), 0, "and no more");
	is_int(read(p[0], got, sizeof got), 25, "all came");
	is_bytes(got, 25, "helloxxxxxxxxxxxxxxxxxxxx", "in order");
	is_int(out_bytes(o), 3 + 6 + 10 + 5 + 20, "bytes accepted");
	out_free(o);
	out_free(NULL);
	close(p[0]), close(p[1]);
}

static void write_odd_pieces(struct out *o, size_t bytes, struct err *err)
{
	static char piece[200000];
	size_t n = 0, k = 1;
	int rc = 0;

	for (; n < bytes && !rc; n += k, k = k * 3 % 199999 + 1) {
		k = k < bytes - n ? k : bytes - n;
		pattern(piece, k, n);
		rc = out_write(o, piece, k, err);
	}
	ok(rc == 0 && out_flush(o, err) == 0, "all pieces are taken");
}

/* The reader starts only when the loop is served: without that the writer would wait for ever. */
static void tick(void *arg, int fd, short revents)
{
	(void)fd;
	(void)revents;
	if (write(*(int *)arg, "", 1) != 1)
		exit(EX_OSERR);
}

static void slow_reader(bool sockets)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct out *o;
	pid_t pid;
	int p[2], start[2];

	if (pipe(start) || (sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, p) : pipe(p)))
		exit(EX_OSERR);
	pid = fork_reader(start[0], p[0], p[1], 5000000);
	close(p[0]);
	o = out_new(l, p[1], 4096);
	ok(nonblocking(p[1]), "%s: set non-blocking", sockets ? "socket" : "pipe");
	loop_at(l, tm_mono_us() + 1000, tick, &start[1]);
	write_odd_pieces(o, 5000000, &err);
	is_int(out_bytes(o), 5000000, "all are counted");
	ok(out_blocked_us(o) > 0, "the time that the reader took is counted");
	out_free(o);
	ok(!nonblocking(p[1]), "the flag is put back");
	close(p[1]), close(start[0]), close(start[1]);
	is_int(exit_of(pid), 0, "the reader got the same bytes");
	loop_free(l);
}

/* Who has many pipes already, and is not root, gets small ones. */
static bool may_be_large(void)
{
	int p[2];
	bool may;

	if (pipe(p))
		exit(EX_OSERR);
	may = fcntl(p[1], F_SETPIPE_SZ, 1 << 16) >= 1 << 16;
	close(p[0]), close(p[1]);
	return may;
}

static void full_pipe_and_a_stop(void)
{
	struct err err = ERR_INIT, stop = ERR_INIT;
	struct loop *l = loop_new();
	char *much = mem_zalloc(3 << 20);
	struct out *o;
	int p[2];

	if (pipe(p))
		exit(EX_OSERR);
	o = out_new(l, p[1], 1000);
	err_set(&stop, EX_PROTOCOL, "stopped");
	loop_stop(l, &stop);
	is_int(out_write(o, much, 3 << 20, &err), -1,
	       "a full pipe waits in the loop, which was stopped");
	is_int(err.code, EX_PROTOCOL, "with its error");
	ok(fcntl(p[1], F_GETPIPE_SZ) >= 1 << 16 || !may_be_large(),
	   "the pipe is as large as it may be");
	out_free(o);
	loop_free(l);
	free(much);
	close(p[0]), close(p[1]);
}

static void reader_left(bool sockets)
{
	struct err err = ERR_INIT;
	char want[128];
	struct out *o;
	int p[2];

	if (sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, p) : pipe(p))
		exit(EX_OSERR);
	close(p[0]);
	o = out_new(NULL, p[1], 100);
	is_int(out_write(o, "x", 1, &err), 0, "into the buffer");
	ok(!out_reader_left(o), "nobody knows yet");
	is_int(out_flush(o, &err), -1, "a reader that left");
	is_int(err.code, EX_TEMPFAIL, "is 75");
	snprintf(want, sizeof want, "the reader of descriptor %d has left", p[1]);
	is_str(err.msg, want, "and named");
	ok(out_reader_left(o), "and remembered");
	out_free(o);
	close(p[1]);
}

static void reader_leaves_while_idle(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct out *o;
	int p[2];

	if (pipe(p))
		exit(EX_OSERR);
	o = out_new(l, p[1], 100);
	out_watch_reader(o);
	is_int(loop_turn(l, 0, &err), 0, "the reader is there");
	close(p[0]);
	is_int(loop_wait(l, -1, 0, INT64_MAX, &err), -1,
	       "it leaves while we wait for something else");
	is_int(err.code, EX_TEMPFAIL, "75");
	ok(out_reader_left(o), "remembered");
	out_free(o);
	close(p[1]);
	loop_free(l);
}

static void errors(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	int full = open("/dev/full", O_WRONLY), saved = dup(STDOUT_FILENO);
	struct out *o;
	char zeros[64] = { 0 };

	if (full < 0 || saved < 0)
		exit(EX_OSERR);
	o = out_new(l, full, 16);
	out_watch_reader(o);
	is_int(out_write(o, "x", 1, &err), 0, "into the buffer");
	is_int(out_flush(o, &err), -1, "a full disk");
	is_int(err.code, EX_IOERR, "is 74");
	is_str(err.msg, "/dev/full: No space left on device", "with its path");
	is_int(out_flush(o, &err), -1, "and fails again");
	is_int(out_write(o, zeros, sizeof zeros, &err), -1, "in every way");
	ok(out_room(o, sizeof zeros, &err) == NULL, "in every way");
	out_free(o);
	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	o = out_new(l, STDOUT_FILENO, 16);
	err_clear(&err);
	bool failed = out_write(o, zeros, sizeof zeros, &err) == -1;
	dup2(saved, STDOUT_FILENO);
	out_free(o);
	ok(failed, "standard output on a full disk");
	is_str(err.msg, "standard output: No space left on device", "is named");
	close(full);
	o = out_new(NULL, full, 16);
	is_int(out_write(o, zeros, sizeof zeros, &err), -1, "a closed descriptor");
	is_int(err.code, EX_IOERR, "is 74");
	out_free(o);
	close(saved);
	loop_free(l);
}

/* A program that exits without out_free, as after an error, leaves the shell's pipe as it was. */
static void flag_at_exit(void)
{
	int p[2];
	pid_t pid;

	if (pipe(p))
		exit(EX_OSERR);
	pid = fork();
	if (pid == 0) {
		out_new(loop_new(), p[1], 16);
		exit(nonblocking(p[1]) ? 7 : 1);
	}
	is_int(exit_of(pid), 7, "non-blocking while it lives");
	ok(!nonblocking(p[1]), "put back at exit");
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	struct loop *l = loop_new();
	struct out *o = out_new(l, p[1], 16);
	out_free(o);
	ok(nonblocking(p[1]), "a flag that was set before stays");
	loop_free(l);
	close(p[0]), close(p[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	buffer();
	slow_reader(false);
	slow_reader(true);
	full_pipe_and_a_stop();
	reader_left(false);
	reader_left(true);
	reader_leaves_while_idle();
	errors();
	flag_at_exit();
	return done();
}
