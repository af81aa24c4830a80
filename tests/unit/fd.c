/* Marks of a pipe: seen from both ends, each by itself, and of nothing but a nameless pipe. */
#include "io/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void pipes(void)
{
	char byte = 'x';
	int fd[2], other[2];
	pid_t pid;

	ok(pipe(fd) == 0 && pipe(other) == 0, "two pipes");
	ok(!fd_marked(fd[0], FD_BEGUN) && !fd_marked(fd[0], FD_CLOSED), "no mark at first");
	fd_mark(fd[1], FD_BEGUN, true);
	ok(fd_marked(fd[0], FD_BEGUN) && fd_marked(fd[1], FD_BEGUN), "one is seen from both ends");
	ok(!fd_marked(fd[0], FD_CLOSED) && !fd_marked(other[0], FD_BEGUN),
	   "no other, of no other pipe");
	fd_mark(fd[1], FD_CLOSED, true);
	fd_mark(fd[1], FD_BEGUN, false);
	ok(!fd_marked(fd[0], FD_BEGUN) && fd_marked(fd[0], FD_CLOSED), "each is cleared by itself");
	ok(write(fd[1], &byte, 1) == 1 && read(fd[0], &byte, 1) == 1, "the pipe works on");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fd_mark(fd[1], FD_BEGUN, true);
		abort();
	}
	close(fd[1]);
	waitpid(pid, NULL, 0);
	ok(read(fd[0], &byte, 1) == 0 && fd_marked(fd[0], FD_BEGUN), "it outlives who has set it");
	close(fd[0]);
	close(other[0]);
	close(other[1]);
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (int)(st.st_mode & 07777);
}

static void others(void)
{
	char dir[] = "/tmp/hta-fd-XXXXXX";
	int fd[2], named, file;

	ok(mkdtemp(dir) && chdir(dir) == 0 && mkfifo("fifo", 0600) == 0, "a named pipe");
	named = open("fifo", O_RDWR);
	fd_mark(named, FD_BEGUN, true);
	ok(!fd_marked(named, FD_BEGUN) && mode_of("fifo") == 0600, "... keeps its file's mode");
	file = open("file", O_RDWR | O_CREAT, 0600);
	fd_mark(file, FD_CLOSED, true);
	ok(!fd_marked(file, FD_CLOSED) && mode_of("file") == 0600, "so does a file");
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "sockets");
	fd_mark(fd[1], FD_BEGUN, true);
	ok(!fd_marked(fd[0], FD_BEGUN), "have none");
	fd_mark(-1, FD_BEGUN, true);
	ok(!fd_marked(-1, FD_BEGUN), "nor what is not open");
	ok(!unlink("fifo") && !unlink("file") && !chdir("/") && !rmdir(dir), "cleaned up");
}

int main(void)
{
	pipes();
	others();
	return done();
}
