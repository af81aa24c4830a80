/* Diagnostics on stderr, and nowhere else.
 *
 * One line a message:
 *   terminal, pipe  program: text
 *   --log json      {"time":RFC3339,"level":"warn","program":..,"pid":..,"msg":..}
 *   journal         <3>text, where $JOURNAL_STREAM names stderr's device and inode
 * A message never holds a payload. Levels: error and warn are always shown; note (an operator at a
 * terminal wants to know it) unless -q, and only on a terminal or in the journal unless -v, so that
 * cron stays quiet; info with -v; debug with -vv.
 * Rate limit: a call site shows at most 5 lines in 10 s; one more line then says how many it left
 * out. The state is global by nature (one stderr): log_setup sets it once at the start of a
 * program, threads may log at any time. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTE, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* program: borrowed for ever. verbosity: -1 for -q, 0, 1 for -v, 2 for -vv. */
void log_setup(const char *program, enum log_format format, int verbosity);
const char *log_program(void);

struct log_site {
	long window_s;
	unsigned lines, left_out;
};
void log_at(struct log_site *site, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define log_(level, ...)                                \
	do {                                            \
		static struct log_site log_site_;       \
		log_at(&log_site_, level, __VA_ARGS__); \
	} while (0)
#define log_error(...) log_(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_(LOG_WARN, __VA_ARGS__)
#define log_note(...) log_(LOG_NOTE, __VA_ARGS__)
#define log_info(...) log_(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_(LOG_DEBUG, __VA_ARGS__)

/* The same without a limit, for lines that were asked for one by one (hta-commit -v). */
#define log_each(level, ...) log_at(NULL, level, __VA_ARGS__)

/* Prints err->msg at level error (never rate-limited). */
void log_err(const struct err *err);

#endif
