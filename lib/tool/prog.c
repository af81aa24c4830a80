/* The life of a program, in the order that matters:
 *
 *	descriptors 0..2 are open -> FD_BEGUN on the pipe below -> options -> log -> run
 *	-> stdout is checked -> message -> failed() -> FD_BEGUN is taken away
 *
 * The mark comes before everything else, for the stage below takes a pipe without it for one whose
 * writer could not be started. It stays where a supervisor shall start the pipeline again. A
 * message goes out before failed() tells the stages below: its cause then stands above what they
 * say of it.
 *
 * The settings are static because the run folder, the name and the command line are asked for by
 * code that has no way to a struct of main's. They make two stages in one process impossible. */
#include "tool/prog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "io/fd.h"
#include "io/out.h"

const char prog_version[] = PACKAGE_VERSION;

enum { GROUPS = 4 };
enum want { WANT_RUN, WANT_HELP, WANT_VERSION, WANT_COMPLETION };

static struct settings {
	struct prog_common common;
	enum want want;
	int shell;
	bool nothing_came;
	struct opt_group groups[GROUPS];
	int argc;
	char **argv;
} settings;

const struct prog_common *prog_common(void)
{
	return &settings.common;
}

/* ---- shared options */
/* Ends the parse: what follows does not matter any more. */
static int wants(struct settings *s, enum want want, struct err *err)
{
	s->want = want;
	err_clear(err);
	return -1;
}

static int want_help(void *self, const char *value, struct err *err)
{
	(void)value;
	return wants(self, WANT_HELP, err);
}

static int want_version(void *self, const char *value, struct err *err)
{
	(void)value;
	return wants(self, WANT_VERSION, err);
}

static const char *const shells[] = {
	[OPT_BASH] = "bash",
	[OPT_ZSH] = "zsh",
	[OPT_FISH] = "fish",
	NULL,
};
static const char *const log_formats[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json", NULL };

static int want_completion(void *self, const char *value, struct err *err)
{
	struct settings *s = self;

	for (s->shell = 0; shells[s->shell]; s->shell++)
		if (strcmp(shells[s->shell], value) == 0)
			return wants(s, WANT_COMPLETION, err);
	return err_set(err, EX_USAGE, "\"%s\" is none of bash, zsh, fish", value);
}

static int louder(void *self, const char *value, struct err *err)
{
	struct settings *s = self;

	(void)value;
	(void)err;
	s->common.verbosity = s->common.verbosity < 0 ? 1 : s->common.verbosity + 1;
	return 0;
}

static int quieter(void *self, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct settings *)self)->common.verbosity = -1;
	return 0;
}

static const struct opt common_opts[] = {
	{ .name = "log",
	  .type = OPT_CHOICE,
	  .at = offsetof(struct settings, common.log_format),
	  .choices = log_formats,
	  .def = "text",
	  .help = "how messages on standard error look" },
	{ .name = "run",
	  .type = OPT_TEXT,
	  .at = offsetof(struct settings, common.run_dir),
	  .arg = "DIR",
	  .help = "run folder: counters and sockets of running stages" },
	{ .letter = 'v',
	  .name = "verbose",
	  .type = OPT_CALL,
	  .call = louder,
	  .help = "say more; twice: for debugging" },
	{ .letter = 'q',
	  .name = "quiet",
	  .type = OPT_CALL,
	  .call = quieter,
	  .help = "say nothing but warnings and errors" },
	{ .name = "completion",
	  .type = OPT_CALL,
	  .call = want_completion,
	  .arg = "bash|zsh|fish",
	  .help = "print completions for a shell, and leave" },
	{ .letter = 'h',
	  .name = "help",
	  .type = OPT_CALL,
	  .call = want_help,
	  .help = "print this, and leave" },
	{ .letter = 'V',
	  .name = "version",
	  .type = OPT_CALL,
	  .call = want_version,
	  .help = "print the version, and leave" },
	OPT_END,
};

/* ---- what goes to standard output */
static void help_text(const struct prog *prog, const struct opt_group *groups, size_t n,
		      struct buf *out)
{
	buf_printf(out, "Usage: %s %s\n%s: %s\n\nOptions:\n", prog->name, prog->synopsis,
		   prog->name, prog->summary);
	opt_help(groups, n, out);
	if (!prog->examples)
		return;
	buf_addz(out, "\nExamples:\n");
	for (const char *p = prog->examples; *p;) {
		size_t len = strcspn(p, "\n");
		buf_printf(out, "  %.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
}

static int print_text(const struct prog *prog, const struct opt_group *groups, size_t n,
		      struct err *err)
{
	struct buf text = { 0 };
	struct out *out = out_new(NULL, STDOUT_FILENO, 4096);
	int rc;

	if (settings.want == WANT_HELP)
		help_text(prog, groups, n, &text);
	else if (settings.want == WANT_VERSION)
		buf_printf(&text, "%s %s\n", prog->name, prog_version);
	else
		opt_completion(prog->name, prog->summary, groups, n, (enum opt_shell)settings.shell,
			       &text);
	rc = out_write(out, text.p, text.n, err) || out_flush(out, err) ? -1 : 0;
	out_free(out);
	buf_fini(&text);
	return rc;
}

/* ---- life */
/* A file opened later must not become 0, 1 or 2 because the caller had closed that: each is
 * taken, and the wrong way round so that its use fails. */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(EX_IOERR);
}

/* Some file systems tell that the space is out only when a file is closed. */
static int check_stdout(struct err *err)
{
	int fd = dup(STDOUT_FILENO);

	if (fd >= 0 && close(fd) < 0 && errno != EINTR)
		return err_errno(err, EX_IOERR, "standard output");
	return 0;
}

static int act_on_word(const struct prog *prog, void *self, int argc, char **argv, struct err *err)
{
	const struct opt_group *groups = settings.groups;
	int rc = opt_parse(groups, GROUPS, prog->operand, self, argc, argv, err);

	log_setup(prog->name, (enum log_format)settings.common.log_format,
		  settings.common.verbosity);
	if (settings.want != WANT_RUN)
		return print_text(prog, groups, GROUPS, err);
	if (rc || crash_setup(err))
		return -1;
	return prog->run(self, err) || check_stdout(err) ? -1 : 0;
}

/* A stage that is killed leaves the mark, and so does one that wants to be started again: who
 * gets nothing from it at all must not take it for one that is not there. */
static void unmark(int code)
{
	bool again = code == EX_UNAVAILABLE || code == EX_IOERR || code == EX_TEMPFAIL ||
		     code == EX_PROTOCOL;
	bool above = code == EX_OK && settings.nothing_came && fd_marked(STDIN_FILENO, FD_BEGUN);

	if (!again && !above)
		fd_mark(STDOUT_FILENO, FD_BEGUN, false);
}

static int live(const struct prog *prog, void *self, int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (act_on_word(prog, self, argc, argv, &err) == 0)
		return EX_OK;
	if (err.msg[0])
		log_err(&err);
	if (prog->failed && settings.want == WANT_RUN)
		prog->failed(self, &err);
	return err.code ? err.code : EX_SOFTWARE;
}

int prog_main(const struct prog *prog, void *self, int argc, char **argv)
{
	int code;

	hold_standard_descriptors();
	if (prog->failed)
		fd_mark(STDOUT_FILENO, FD_BEGUN, true);
	settings = (struct settings){
		.common.name = prog->name,
		.argc = argc,
		.argv = argv,
		.groups = { { .table = prog->first, .self = prog->first_self },
			    { .table = prog->opts, .self = self, .joined = true },
			    { .table = prog->more, .self = prog->more_self },
			    { .table = common_opts, .self = &settings } },
	};
	log_setup(prog->name, LOG_TEXT, 0);
	code = live(prog, self, argc, argv);
	if (prog->failed)
		unmark(code);
	return code;
}

bool prog_given(const char *option)
{
	return opt_given(settings.groups, GROUPS, settings.argc, settings.argv, option);
}

void prog_nothing_came(void)
{
	settings.nothing_came = true;
}

/* ---- run folder */
static const char *set_in(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

/* True: a folder of ours by name, under one that all can write to, where a link is somebody's
 * trap. */
static bool choose_run_dir(struct buf *path)
{
	const char *dir;

	if ((dir = settings.common.run_dir) || (dir = set_in("HTA_RUN")))
		buf_addz(path, dir);
	else if ((dir = set_in("RUNTIME_DIRECTORY")))
		buf_add(path, dir, strcspn(dir, ":"));
	else if ((dir = set_in("XDG_RUNTIME_DIR")))
		buf_printf(path, "%s/hta", dir);
	else
		buf_printf(path, "/tmp/hta-%lu", (unsigned long)geteuid());
	return !dir;
}

static int check_run_dir(const char *path, bool no_link, struct err *err)
{
	static const char way_out[] = "choose another with --run or HTA_RUN";
	struct stat st;
	int fd, rc;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(err, EX_CONFIG, "run folder %s (--run or HTA_RUN name another)",
				 path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (no_link ? O_NOFOLLOW : 0));
	if (fd < 0)
		return err_errno(err, EX_CONFIG, "run folder %s (--run or HTA_RUN name another)",
				 path);
	rc = fstat(fd, &st);
	close(fd);
	if (rc < 0)
		return err_errno(err, EX_CONFIG, "run folder %s", path);
	if (st.st_uid != geteuid())
		return err_set(err, EX_CONFIG, "run folder %s: belongs to another user, %s", path,
			       way_out);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, EX_CONFIG,
			       "run folder %s: others can write to it, chmod go-w it or %s", path,
			       way_out);
	return 0;
}

const char *prog_run_dir(struct err *err)
{
	static struct buf path;
	bool no_link;

	path.n = 0;
	no_link = choose_run_dir(&path);
	return check_run_dir(buf_z(&path), no_link, err) ? NULL : path.p;
}
