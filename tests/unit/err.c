#include "base/err.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void messages(void)
{
	struct err err = ERR_INIT;
	is_int(err_set(&err, EX_DATAERR, "line %d: %s", 12, "no time"), -1, "err_set returns -1");
	is_int(err.code, 65, "code");
	is_str(err.msg, "line 12: no time", "message");
	is_int(err_in(&err, "rules.json"), -1, "err_in returns -1");
	is_int(err.code, 65, "err_in keeps the code");
	is_str(err.msg, "rules.json: line 12: no time", "context in front");
	err_set(&err, EX_USAGE, "again: %s", err.msg);
	is_str(err.msg, "again: rules.json: line 12: no time", "the old message as an argument");
	errno = ENOENT;
	is_int(err_errno(&err, EX_IOERR, "open %s", "x"), -1, "err_errno returns -1");
	is_int(err.code, 74, "its code");
	is_str(err.msg, "open x: No such file or directory", "its cause");
	errno = 12345;
	err_errno(&err, EX_IOERR, "read");
	is_str(err.msg, "read: unknown error", "an errno without a name");
	is_int(err_copy(&err, &(struct err){ .code = 9, .msg = "other" }), -1, "err_copy");
	ok(err.code == 9 && strcmp(err.msg, "other") == 0, "another's, as it is");
	err_clear(&err);
	ok(err.code == 0 && !err.msg[0], "cleared");
}

static void long_messages(void)
{
	struct err err = ERR_INIT;
	char big[3000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	err_set(&err, 1, "%s", big);
	is_int(strlen(err.msg), ERR_MSG_BYTES - 1, "a long message is cut");
	err_in(&err, "head");
	ok(strlen(err.msg) == ERR_MSG_BYTES - 1 && strncmp(err.msg, "head: xxx", 9) == 0,
	   "context in front of a full message");
	err_in(&err, "%s", big);
	is_int(strlen(err.msg), ERR_MSG_BYTES - 1, "context that fills all");
	big[ERR_MSG_BYTES - 2] = '\0';
	err_in(&err, "%s", big);
	ok(strlen(err.msg) == ERR_MSG_BYTES - 1 && err.msg[ERR_MSG_BYTES - 2] == ':',
	   "context with room for one byte more");
}

static void nobody_asks(void)
{
	is_int(err_set(NULL, 1, "x"), -1, "err_set without an err");
	is_int(err_in(NULL, "x"), -1, "err_in without an err");
	is_int(err_errno(NULL, 1, "x"), -1, "err_errno without an err");
	err_clear(NULL);
	is_int(err_copy(NULL, &(struct err){ .code = 1 }), -1, "err_copy without an err");
}

static void bug_aborts(void)
{
	int fd[2], status;
	char text[200] = "";
	size_t n = 0;
	if (!ok(pipe(fd) == 0, "pipe"))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		BUG("state %d", 7);
	}
	close(fd[1]);
	for (ssize_t got = 1; got > 0 && n < sizeof text - 1; n += (size_t)got)
		if ((got = read(fd[0], text + n, sizeof text - 1 - n)) < 0)
			got = 0;
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "BUG aborts");
	ok(strstr(text, "err.c:") && strstr(text, ": state 7\n"), "BUG names its place");
}

int main(void)
{
	messages();
	long_messages();
	nobody_asks();
	bug_aborts();
	return done();
}
