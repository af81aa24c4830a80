/* A command of the shell mends a record. It runs once a record, since most filters keep what they
 * write until their input ends: a line in, and at most one line out. The record stands in a file in
 * memory, so that neither side ever waits for the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/dlq_internal.h"

static int input_of(struct slice record, struct err *err)
{
	int fd = memfd_create("record", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, EX_TEMPFAIL, "--through");
	for (size_t at = 0; at <= record.n;) {
		ssize_t n = at < record.n ? write(fd, record.p + at, record.n - at)
					  : write(fd, "\n", 1);

		if (n < 0) {
			close(fd);
			return err_errno(err, EX_TEMPFAIL, "--through");
		}
		at += (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static pid_t start(const char *command, int in, int *out, struct err *err)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes)) {
		err_errno(err, EX_TEMPFAIL, "--through");
		return -1;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(in, STDIN_FILENO);
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	*out = pipes[0];
	if (pid < 0) {
		close(pipes[0]);
		err_errno(err, EX_TEMPFAIL, "--through");
	}
	return pid;
}

static void read_all(int fd, struct buf *out)
{
	ssize_t n;

	while ((n = read(fd, buf_room(out, 65536), 65536)) > 0 || (n < 0 && errno == EINTR))
		out->n += n > 0 ? (size_t)n : 0;
	close(fd);
}

static int check_status(const char *command, int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_set(err, EX_DATAERR, "--through '%.200s' died of signal %d", command,
			       WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(err, EX_DATAERR, "--through '%.200s' failed with %d", command,
			       WEXITSTATUS(status));
	return 0;
}

int dlq_through(const char *command, struct slice record, struct buf *out, bool *none,
		struct err *err)
{
	int in = input_of(record, err), from, status = 0;
	pid_t pid;

	if (in < 0)
		return -1;
	out->n = 0;
	pid = start(command, in, &from, err);
	close(in);
	if (pid < 0)
		return -1;
	read_all(from, out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (check_status(command, status, err))
		return -1;
	*none = out->n == 0;
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	if (out->n && memchr(out->p, '\n', out->n))
		return err_set(err, EX_DATAERR,
			       "--through '%.200s' wrote more than one line (jq: use -c)", command);
	return 0;
}
