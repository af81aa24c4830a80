/* One line is one write(2), so that lines of several programs on one stderr do not mix.
 *
 * A call site counts its lines in windows of ten seconds. The number of lines that it left out is
 * printed before its first line of a later window. Sites that have left lines out are kept in a
 * table, from which the numbers that are still owed are printed when the program ends. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/tm.h"

enum { SITE_LINES = 5, WINDOW_S = 10, SITES = 256, MSG_BYTES = 2048 };

static struct {
	const char *program;
	enum log_format format;
	int verbosity;
	bool terminal, journal;
	pthread_mutex_t lock;
	struct log_site *silenced[SITES]; /* sites that left lines out, until the table is full */
	size_t silenced_n;
} state = { .program = "hta", .lock = PTHREAD_MUTEX_INITIALIZER };

/* systemd tells the device and inode of the journal's socket: stderr may have been redirected
 * since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, inode;
	struct stat st;
	return stream && sscanf(stream, "%llu:%llu", &dev, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == inode;
}

static void json_string(struct buf *b, const char *s)
{
	bool utf8 = str_utf8(s, strlen(s));
	buf_addc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			buf_addc(b, '\\');
		if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_addc(b, c >= 0x80 && !utf8 ? '?' : (char)c);
	}
	buf_addc(b, '"');
}

static void json_line(struct buf *b, enum log_level level, const char *msg)
{
	static const char *const names[] = { "error", "warn", "note", "info", "debug" };
	char at[TM_TEXT_BYTES];
	buf_addz(b, "{\"time\":\"");
	buf_add(b, at, tm_text_ms(tm_now_us(), at));
	buf_printf(b, "\",\"level\":\"%s\",\"program\":", names[level]);
	json_string(b, state.program);
	buf_printf(b, ",\"pid\":%ld,\"msg\":", (long)getpid());
	json_string(b, msg);
	buf_addz(b, "}\n");
}

static void text_line(struct buf *b, enum log_level level, const char *msg)
{
	if (state.journal)
		buf_printf(b, "<%d>", 3 + (int)level); /* syslog: err 3 .. debug 7 */
	buf_printf(b, "%s: ", state.program);
	for (; *msg; msg++)
		buf_addc(b, (unsigned char)*msg < 0x20 || *msg == 0x7f ? ' ' : *msg);
	buf_addc(b, '\n');
}

static void put_message(enum log_level level, char *msg)
{
	struct buf b = { 0 };
	for (size_t n = strlen(msg); n > 0 && (msg[n - 1] == '\n' || msg[n - 1] == ' '); n--)
		msg[n - 1] = '\0'; /* libraries end theirs with newlines */
	if (state.format == LOG_JSON)
		json_line(&b, level, msg);
	else
		text_line(&b, level, msg);
	size_t done = 0;
	while (done < b.n) {
		ssize_t n = write(STDERR_FILENO, b.p + done, b.n - done);
		if (n < 0 && errno != EINTR)
			break; /* a failed write to stderr can be told to nobody */
		done += n > 0 ? (size_t)n : 0;
	}
	buf_fini(&b);
}

static void put_left_out(enum log_level level, unsigned left_out, const char *which)
{
	char msg[96];
	snprintf(msg, sizeof(msg), "%u %s like %s left out", left_out,
		 left_out == 1 ? "line" : "lines", which);
	put_message(level, msg);
}

static void tell_left_out(void)
{
	unsigned n = 0;
	pthread_mutex_lock(&state.lock);
	for (size_t i = 0; i < state.silenced_n; i++) {
		n += state.silenced[i]->left_out;
		state.silenced[i]->left_out = 0;
	}
	pthread_mutex_unlock(&state.lock);
	if (n)
		put_left_out(LOG_WARN, n, n == 1 ? "an earlier one was" : "earlier ones were");
}

void log_setup(const char *program, enum log_format format, int verbosity)
{
	static bool at_exit;
	if (!at_exit)
		at_exit = atexit(tell_left_out) == 0;
	state.program = program;
	state.format = format;
	state.verbosity = verbosity;
	state.terminal = isatty(STDERR_FILENO);
	state.journal = stderr_is_journal();
}

const char *log_program(void)
{
	return state.program;
}

static bool is_shown(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
	case LOG_WARN:
		return true;
	case LOG_NOTE:
		return state.verbosity > 0 ||
		       (state.verbosity == 0 && (state.terminal || state.journal));
	case LOG_INFO:
		return state.verbosity >= 1;
	case LOG_DEBUG:
		return state.verbosity >= 2;
	default:
		BUG("log level %d", (int)level);
	}
}

/* Whether the site may speak; *left_out: how many lines of an earlier window to tell first. */
static bool site_enter(struct log_site *site, unsigned *left_out)
{
	long now_s = (long)(tm_mono_us() / TM_S);
	pthread_mutex_lock(&state.lock);
	*left_out = 0;
	if (site->lines == 0 || now_s - site->window_s >= WINDOW_S) {
		*left_out = site->left_out;
		*site = (struct log_site){ .window_s = now_s };
	}
	bool may = site->lines < SITE_LINES;
	if (may) {
		site->lines++;
	} else if (site->left_out++ == 0 && state.silenced_n < SITES) {
		size_t i = 0;
		while (i < state.silenced_n && state.silenced[i] != site)
			i++;
		state.silenced[i] = site;
		state.silenced_n += i == state.silenced_n;
	}
	pthread_mutex_unlock(&state.lock);
	return may;
}

void log_at(struct log_site *site, enum log_level level, const char *fmt, ...)
{
	unsigned left_out = 0;
	if (!is_shown(level) || (site && !site_enter(site, &left_out)))
		return;
	if (left_out)
		put_left_out(level, left_out, left_out == 1 ? "the next was" : "the next were");
	char msg[MSG_BYTES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	put_message(level, msg);
}

void log_err(const struct err *err)
{
	log_at(NULL, LOG_ERROR, "%s", err->msg);
}
