/* Lines of a log by a pattern of GoAccess' fields, as JSON records.
 *
 *   '%h %^ %e [%d:%t %^] "%r" %s %b "%R" "%u" %T'
 *
 * A field ends where the text that stands behind it in the pattern comes next; where that begins
 * with a quote, one that no backslash stands before. Behind the last one the line ends. What is not
 * a field is in the line as it is here; \t is a tab, \\ a backslash, %% a percent sign.
 *
 *   %h host      %v vhost     %e user       %m method    %U path      %q query   %H protocol
 *   %R referer   %u agent     %C cache      %M mime      %K tls       %k cipher
 *   %r method, path, protocol (request.h)                                                 texts
 *   %s status (three digits)  %b bytes  %D duration_us  %n duration_ns             whole numbers
 *   %T duration_s  %L duration_ms                                                        numbers
 *   %d %t, %x    time: day and time of day, or both in one
 *   %^           a field that is left out     %~  white space, or none
 *   ~h{, }       host: the first address of a list (X-Forwarded-For), behind those characters
 *
 * "-" is no member. A text between quotes is decoded (TEXT_ESCAPED). Of two fields with one name
 * the first is taken. */
#ifndef TEXT_PATTERN_H
#define TEXT_PATTERN_H

#include "base/err.h"
#include "base/str.h"

struct pattern;

/* How times are written, as for strptime (base/timeform.h); %s, %f, %* alone are seconds,
 * microseconds, milliseconds since 1970. NULL: day 10/Oct/2000 or 2000-10-10, time of day
 * 13:55:36, both in one RFC 3339 or 10/Oct/2000:13:55:36 -0700. zone: of times without an
 * offset; NULL: UTC. */
struct pattern_times {
	const char *date, *time, *both, *zone;
};

/* EX_USAGE: no such field, nothing between two fields, nothing that makes a member, a form of time
 * that is none; EX_CONFIG as zone_new has it. */
struct pattern *pattern_new(const char *text, const struct pattern_times *times, struct err *err);
void pattern_free(struct pattern *p);

/* As access_line. SCAN_PAD readable bytes stand around the line. */
int pattern_line(struct pattern *p, struct slice line, struct buf *out, struct err *why);

/* A line that was read had an offset from UTC, other than 0, behind %t, where the pattern leaves it
 * out. */
bool pattern_lost_offset(const struct pattern *p);

#endif
