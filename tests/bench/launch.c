/* Runs a command and writes what it used as one JSON object: launch REPORT COMMAND [ARG...]
 *
 * {"code":0,"wall":1.5,"user":1.2,"system":0.1,"peak":4194304}: seconds from the start until the
 * last process is gone, processor seconds of
 * all of them, peak resident bytes of the largest.
 *
 * Why a program of its own. The kernel counts what a process held before it called exec as that
 * process' own peak, so a command started by an interpreter never shows less than the
 * interpreter: this one holds less than a megabyte. A process adds to its parent's account what
 * its children used once it has waited for them; those whose parent leaves first (process
 * substitutions, jobs in the background) come to us, as we are their subreaper, so that none is
 * missed. What hides: a process whose parent ignores SIGCHLD.
 *
 * Ends with the command's exit code, 128 + signal if one killed it, 70 if it could not be
 * started or the report not be written. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int die(const char *what)
{
	perror(what);
	return EX_SOFTWARE;
}

int main(int argc, char **argv)
{
	double start = now(), user = 0, system = 0;
	long peak_kib = 0;
	int code = EX_SOFTWARE, status,
	    report = argc > 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
	if (argc <= 2) {
		fprintf(stderr, "launch: usage: launch REPORT COMMAND [ARG...]\n");
		return EX_USAGE;
	}
	if (report < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return die(argv[1]);
	pid_t main_pid = fork(), pid;
	if (main_pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(die(argv[2]));
	}
	struct rusage used;
	while (main_pid > 0 && (pid = wait4(-1, &status, 0, &used)) > 0) {
		user += seconds(used.ru_utime);
		system += seconds(used.ru_stime);
		peak_kib = used.ru_maxrss > peak_kib ? used.ru_maxrss : peak_kib;
		if (pid == main_pid)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	if (dprintf(report,
		    "{\"code\":%d,\"wall\":%.6f,\"user\":%.6f,\"system\":%.6f,\"peak\":%ld}\n",
		    code, now() - start, user, system, peak_kib * 1024) < 0)
		return die(argv[1]);
	return code;
}
