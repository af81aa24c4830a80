/* Each case runs in a child whose stderr is a pipe, or a file that plays the journal. */
#include "base/log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "tap.h"

static char text[1 << 16];

/* What run() writes to stderr, in text. */
static void capture(void (*run)(void))
{
	FILE *f = tmpfile();
	size_t n = 0;
	int status = -1;
	fflush(stdout);
	pid_t pid = f ? fork() : -1;
	if (pid == 0) {
		struct stat st;
		char stream[64];
		dup2(fileno(f), STDERR_FILENO);
		fstat(STDERR_FILENO, &st);
		snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
		setenv("STREAM_OF_TEST", stream, 1);
		unsetenv("JOURNAL_STREAM");
		run();
		exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid) {
		rewind(f);
		n = fread(text, 1, sizeof text - 1, f);
	}
	text[n] = '\0';
	ok(status == 0, "the child ran");
	if (f)
		fclose(f);
}

static void every_level(void)
{
	log_error("e %d", 1);
	log_warn("w");
	log_note("n");
	log_info("i");
	log_debug("d");
}

static void quiet(void)
{
	log_setup("hta-x", LOG_TEXT, -1);
	every_level();
}
static void plain(void)
{
	log_setup("hta-x", LOG_TEXT, 0);
	every_level();
}
static void verbose(void)
{
	log_setup("hta-x", LOG_TEXT, 1);
	every_level();
}
static void very_verbose(void)
{
	log_setup("hta-x", LOG_TEXT, 2);
	every_level();
}

static void journal(void)
{
	setenv("JOURNAL_STREAM", getenv("STREAM_OF_TEST"), 1);
	log_setup("hta-x", LOG_TEXT, 0);
	every_level();
}

static void other_journal(void)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_setup("hta-x", LOG_TEXT, 0);
	every_level();
}

static void levels(void)
{
	capture(quiet);
	is_str(text, "hta-x: e 1\nhta-x: w\n", "-q: errors and warnings");
	capture(plain);
	is_str(text, "hta-x: e 1\nhta-x: w\n", "no notes in a pipe or file");
	capture(verbose);
	is_str(text, "hta-x: e 1\nhta-x: w\nhta-x: n\nhta-x: i\n", "-v");
	capture(very_verbose);
	is_str(text, "hta-x: e 1\nhta-x: w\nhta-x: n\nhta-x: i\nhta-x: d\n", "-vv");
	capture(journal);
	is_str(text, "<3>hta-x: e 1\n<4>hta-x: w\n<5>hta-x: n\n",
	       "priorities where stderr is the journal");
	capture(other_journal);
	is_str(text, "hta-x: e 1\nhta-x: w\n", "not where stderr was redirected");
}

static void one_line(void)
{
	struct err err = ERR_INIT;
	log_setup("hta-x", LOG_TEXT, 0);
	err_set(&err, EX_IOERR, "a\nb\tc\x1b[1m\n\n");
	log_err(&err);
}

static void as_json(void)
{
	struct err err = ERR_INIT;
	log_setup("hta-x", LOG_JSON, 0);
	err_set(&err, EX_IOERR, "say \"a\\b\"\t\xc3\xa9");
	log_err(&err);
}

static void as_json_bad_bytes(void)
{
	struct err err = ERR_INIT;
	log_setup("hta-x", LOG_JSON, 0);
	err_set(&err, EX_IOERR, "x\xff");
	log_err(&err);
}

static void shapes(void)
{
	capture(one_line);
	is_str(text, "hta-x: a b c [1m\n", "one line, no control bytes");
	capture(as_json);
	ok(strncmp(text, "{\"time\":\"2", 10) == 0 &&
		   strstr(text, "Z\",\"level\":\"error\",\"program\":\"hta-x\",\"pid\":"),
	   "a JSON line");
	ok(strstr(text, ",\"msg\":\"say \\\"a\\\\b\\\"\\u0009\xc3\xa9\"}\n") != NULL,
	   "its message is escaped");
	capture(as_json_bad_bytes);
	ok(strstr(text, "\"msg\":\"x?\"}\n") != NULL, "and valid UTF-8");
}

static void many(void)
{
	log_setup("hta-x", LOG_TEXT, 0);
	for (int i = 0; i < 20; i++)
		log_warn("a %d", i);
	log_warn("b");
	log_err(&(struct err){ .msg = "never limited" });
}

static void next_window(void)
{
	static struct log_site site; /* as at a call site: log keeps its address */
	log_setup("hta-x", LOG_TEXT, 0);
	for (int i = 0; i < 8; i++)
		log_at(&site, LOG_WARN, "a %d", i);
	site.window_s -= 10;
	log_at(&site, LOG_WARN, "later");
	for (int i = 0; i < 20; i++)
		log_at(NULL, LOG_ERROR, "c");
}

static void limits(void)
{
	capture(many);
	is_str(text,
	       "hta-x: a 0\nhta-x: a 1\nhta-x: a 2\nhta-x: a 3\nhta-x: a 4\nhta-x: b\nhta-x: never "
	       "limited\n"
	       "hta-x: 15 lines like earlier ones were left out\n",
	       "five a site, the rest is told at the end");
	capture(next_window);
	const char *told = strstr(
		text, "hta-x: a 4\nhta-x: 3 lines like the next were left out\nhta-x: later\n");
	int lines = 0;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	ok(told != NULL, "the next window tells what was left out");
	is_int(lines, 27, "no site, no limit; nothing is told twice");
}

int main(void)
{
	levels();
	shapes();
	limits();
	is_str((log_setup("hta-y", LOG_TEXT, 0), log_program()), "hta-y", "log_program");
	return done();
}
