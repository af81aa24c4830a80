/* Each case runs prog_main in a child, with its standard output and error in a pipe or where the
 * case wants them. */
#include "tool/prog.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "tap.h"

static struct self {
	const char *name;
	int code;
	bool quiet, write;
} self;

static int run(void *arg, struct err *err)
{
	const struct self *s = arg;

	log_warn("verbosity %d", prog_common()->verbosity);
	log_info("info");
	if (s->write && write(STDOUT_FILENO, "data\n", 5) < 0)
		return err_errno(err, EX_IOERR, "standard output");
	if (s->code)
		return err_set(err, s->code, s->quiet ? "" : "it went wrong");
	return 0;
}

static int show_run_dir(void *arg, struct err *err)
{
	const char *dir = prog_run_dir(err);

	(void)arg;
	if (!dir)
		return -1;
	fprintf(stderr, "%s\n", dir);
	return 0;
}

static int fail_with(void *arg, const char *value, struct err *err)
{
	(void)err;
	((struct self *)arg)->code = atoi(value);
	return 0;
}

static const struct opt opts[] = {
	{ .letter = 'c',
	  .name = "code",
	  .type = OPT_CALL,
	  .arg = "N",
	  .help = "fail",
	  .call = fail_with },
	{ .name = "silent",
	  .type = OPT_FLAG,
	  .at = offsetof(struct self, quiet),
	  .help = "fail without a message" },
	{ .name = "write",
	  .type = OPT_FLAG,
	  .at = offsetof(struct self, write),
	  .help = "write to standard output" },
	OPT_END,
};

static struct prog prog = {
	.name = "hta-x",
	.summary = "does a test",
	.synopsis = "[OPTIONS]",
	.opts = opts,
	.run = run,
	.examples = "hta-x --write | cat\nhta-x",
};

struct result {
	int code;
	struct buf out, err;
};

static void slurp(int fd, struct buf *b)
{
	ssize_t n;

	b->n = 0;
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, buf_room(b, 4096), 4096)) > 0)
		b->n += (size_t)n;
	buf_z(b);
	close(fd);
}

/* stdout_to: a path, "-": closed, NULL: kept in r. */
static void go(struct result *r, const char *line, const char *stdout_to)
{
	char *words = mem_strdup(line), *argv[32];
	FILE *out = tmpfile(), *err = tmpfile();
	int argc = 0, status;
	pid_t pid;

	for (char *p = strtok(words, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	if (!out || !err || (pid = fork()) < 0)
		exit(EX_OSERR);
	if (pid == 0) {
		int fd = stdout_to && strcmp(stdout_to, "-") ? open(stdout_to, O_WRONLY)
							     : fileno(out);
		dup2(fd, STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		if (stdout_to && strcmp(stdout_to, "-") == 0)
			close(STDOUT_FILENO);
		_exit(prog_main(&prog, &self, argc, argv));
	}
	waitpid(pid, &status, 0);
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	slurp(dup(fileno(out)), &r->out);
	slurp(dup(fileno(err)), &r->err);
	fclose(out);
	fclose(err);
	free(words);
}

static void check(const char *line, const char *stdout_to, int code, const char *out,
		  const char *err)
{
	struct result r = { 0 };

	go(&r, line, stdout_to);
	is_int(r.code, code, line);
	is_str(buf_z(&r.out), out, "standard output");
	is_str(buf_z(&r.err), err, "standard error");
	buf_fini(&r.out);
	buf_fini(&r.err);
}

static void shared_options(void)
{
	check("hta-x -V", NULL, 0, "hta-x " PACKAGE_VERSION "\n", "");
	check("hta-x --version --quux", NULL, 0, "hta-x " PACKAGE_VERSION "\n", "");
	check("hta-x --help", NULL, 0,
	      "Usage: hta-x [OPTIONS]\nhta-x: does a test\n\nOptions:\n"
	      "  -c, --code N         fail\n"
	      "      --silent         fail without a message\n"
	      "      --write          write to standard output\n"
	      "\n"
	      "      --log text|json  how messages on standard error look (default text)\n"
	      "      --run DIR        run folder: counters and sockets of running stages\n"
	      "  -v, --verbose        say more; twice: for debugging\n"
	      "  -q, --quiet          say nothing but warnings and errors\n"
	      "      --completion bash|zsh|fish\n"
	      "                       print completions for a shell, and leave\n"
	      "  -h, --help           print this, and leave\n"
	      "  -V, --version        print the version, and leave\n"
	      "\nExamples:\n  hta-x --write | cat\n  hta-x\n",
	      "");
	check("hta-x -h", "/dev/full", EX_IOERR, "",
	      "hta-x: standard output: No space left on device\n");
	check("hta-x -V", "-", EX_IOERR, "", "hta-x: standard output: Bad file descriptor\n");
	check("hta-x --completion tcsh", NULL, EX_USAGE, "",
	      "hta-x: --completion: \"tcsh\" is none of bash, zsh, fish\n");
	check("hta-x --quite", NULL, EX_USAGE, "",
	      "hta-x: unknown option \"--quite\" (did you mean \"--quiet\"?)\n");
	check("hta-x file", NULL, EX_USAGE, "", "hta-x: unexpected operand \"file\", see --help\n");
}

static void body(void)
{
	check("hta-x", NULL, 0, "", "hta-x: verbosity 0\n");
	check("hta-x -q --write", NULL, 0, "data\n", "hta-x: verbosity -1\n");
	check("hta-x -v", NULL, 0, "", "hta-x: verbosity 1\nhta-x: info\n");
	check("hta-x -vqvv", NULL, 0, "", "hta-x: verbosity 2\nhta-x: info\n");
	check("hta-x -c 65", NULL, EX_DATAERR, "", "hta-x: verbosity 0\nhta-x: it went wrong\n");
	check("hta-x -c 1 --silent", NULL, EX_NO, "", "hta-x: verbosity 0\n");
	check("hta-x --write", "/dev/full", EX_IOERR, "",
	      "hta-x: verbosity 0\nhta-x: standard output: No space left on device\n");
	check("hta-x --write", "-", EX_IOERR, "",
	      "hta-x: verbosity 0\nhta-x: standard output: Bad file descriptor\n");
	struct result r = { 0 };
	go(&r, "hta-x --log json -c 65", NULL);
	ok(r.err.n && r.err.p[0] == '{' && strstr(r.err.p, "\"level\":\"error\"") &&
		   strstr(r.err.p, "\"msg\":\"it went wrong\""),
	   "json");
	go(&r, "hta-x --completion fish", NULL);
	ok(r.code == 0 && strstr(r.out.p, "complete -c hta-x -l code -s c -x -d 'fail'\n"),
	   "completions");
	buf_fini(&r.out);
	buf_fini(&r.err);
}

/* ---- the last words of a stage */
static void last_words(void *arg, const struct err *err)
{
	(void)arg;
	fprintf(stderr, "told below: %d %s;%s%s%s\n", err->code, err->msg,
		prog_given("code") ? " code" : "", prog_given("log") ? " log" : "",
		prog_given(NULL) ? " operand" : "");
}

static void stages(void)
{
	prog.failed = last_words;
	check("hta-x", NULL, 0, "", "hta-x: verbosity 0\n");
	check("hta-x -q -c 65", NULL, EX_DATAERR, "",
	      "hta-x: verbosity -1\nhta-x: it went wrong\ntold below: 65 it went wrong; code\n");
	check("hta-x --quite x --log text", NULL, EX_USAGE, "",
	      "hta-x: unknown option \"--quite\" (did you mean \"--quiet\"?)\n"
	      "told below: 64 unknown option \"--quite\" (did you mean \"--quiet\"?); log "
	      "operand\n");
	check("hta-x -h", "/dev/full", EX_IOERR, "",
	      "hta-x: standard output: No space left on device\n");
	prog.failed = NULL;
}

/* ---- the run folder */
static void run_dir(const char *line, const char *want, const char *dir, const char *name)
{
	struct buf text = { 0 };
	char cut[256];

	buf_addz(&text, want);
	buf_addc(&text, '\n');
	snprintf(cut, sizeof cut, "%s", buf_z(&text));
	check(line, NULL, 0, "", cut);
	if (dir) {
		struct stat st;
		ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700 && rmdir(dir) == 0,
		   "%s: made, for us alone", name);
	}
	buf_fini(&text);
}

static void run_dirs(void)
{
	char top[] = "/tmp/hta-prog-XXXXXX", path[256], line[300], msg[512];

	if (!mkdtemp(top))
		exit(EX_OSERR);
	prog.run = show_run_dir;
	umask(0);
	unsetenv("HTA_RUN"), unsetenv("RUNTIME_DIRECTORY"), unsetenv("XDG_RUNTIME_DIR");

	snprintf(path, sizeof path, "%s/hta", top);
	setenv("XDG_RUNTIME_DIR", top, 1);
	run_dir("hta-x", path, path, "XDG_RUNTIME_DIR");
	snprintf(path, sizeof path, "%s/unit:/else", top);
	setenv("RUNTIME_DIRECTORY", path, 1);
	*strchr(path, ':') = '\0';
	run_dir("hta-x", path, path, "RUNTIME_DIRECTORY");
	snprintf(path, sizeof path, "%s/env", top);
	setenv("HTA_RUN", path, 1);
	run_dir("hta-x", path, path, "HTA_RUN");
	snprintf(path, sizeof path, "%s/opt", top);
	snprintf(line, sizeof line, "hta-x --run %s", path);
	run_dir(line, path, path, "--run");
	setenv("HTA_RUN", "", 1);
	snprintf(path, sizeof path, "%s/unit", top);
	run_dir("hta-x", path, path, "an empty variable is none");

	snprintf(path, sizeof path, "%s/open", top);
	snprintf(line, sizeof line, "hta-x --run %s", path);
	mkdir(path, 0770);
	snprintf(msg, sizeof msg,
		 "hta-x: run folder %s: others can write to it, chmod go-w it or choose another "
		 "with --run or "
		 "HTA_RUN\n",
		 path);
	check(line, NULL, EX_CONFIG, "", msg);
	chmod(path, 0755);
	run_dir(line, path, NULL, "readable for others");
	rmdir(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(msg, sizeof msg,
		 "hta-x: run folder %s (--run or HTA_RUN name another): Not a directory\n", path);
	check(line, NULL, EX_CONFIG, "", msg);
	unlink(path);
	snprintf(line, sizeof line, "hta-x --run %s/no/where", top);
	snprintf(msg, sizeof msg,
		 "hta-x: run folder %s/no/where (--run or HTA_RUN name another): No such file or "
		 "directory\n",
		 top);
	check(line, NULL, EX_CONFIG, "", msg);
	const char *other = geteuid() ? "/" : path;
	if (!geteuid() && (mkdir(path, 0700) || chown(path, 12345, 12345)))
		exit(EX_OSERR);
	snprintf(line, sizeof line, "hta-x --run %s", other);
	snprintf(msg, sizeof msg,
		 "hta-x: run folder %s: belongs to another user, choose another with --run or "
		 "HTA_RUN\n",
		 other);
	check(line, NULL, EX_CONFIG, "", msg);
	rmdir(path);
	is_int(rmdir(top), 0, "nothing is left behind");
}

int main(void)
{
	unsetenv("JOURNAL_STREAM");
	shared_options();
	body();
	stages();
	run_dirs();
	return done();
}
