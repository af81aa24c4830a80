/* A message is at most ERR_MSG_BYTES long and lives in the caller's struct: making one allocates
 * nothing, so that a message can be made when memory is short, and an err on the stack needs no
 * end.
 *
 * Arguments may be the old message itself ("%s" of err->msg), and context is put in front of it.
 * Each function therefore prints into a buffer of its own and copies the result. What does not fit
 * is cut at the end: the context in front says where, and the first words of a cause say what. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	char msg[ERR_MSG_BYTES]; /* an argument may be err->msg itself */
	va_list ap;
	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	err->code = code;
	memcpy(err->msg, msg, strlen(msg) + 1);
	return -1;
}

/* msg = head + ": " + tail, cut at the end. */
static void join(char msg[ERR_MSG_BYTES], const char *head, const char *tail)
{
	size_t n = strlen(head), m = strlen(tail), room = ERR_MSG_BYTES - 1;
	memcpy(msg, head, n);
	for (const char *p = ": "; *p && n < room; p++)
		msg[n++] = *p;
	if (m > room - n)
		m = room - n;
	memcpy(msg + n, tail, m);
	msg[n + m] = '\0';
}

int err_copy(struct err *err, const struct err *from)
{
	if (err)
		*err = *from;
	return -1;
}

int err_in(struct err *err, const char *fmt, ...)
{
	if (!err)
		return -1;
	char head[ERR_MSG_BYTES], msg[ERR_MSG_BYTES] = "";
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	join(msg, head, err->msg);
	memcpy(err->msg, msg, sizeof(msg));
	return -1;
}

int err_errno(struct err *err, int code, const char *fmt, ...)
{
	const char *cause = strerrordesc_np(errno);
	char head[ERR_MSG_BYTES];
	if (!err)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	err->code = code;
	join(err->msg, head, cause ? cause : "unknown error");
	return -1;
}

void err_clear(struct err *err)
{
	if (!err)
		return;
	err->code = 0;
	err->msg[0] = '\0';
}

_Noreturn void err_bug(const char *file, int line, const char *fmt, ...)
{
	char msg[ERR_MSG_BYTES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	fprintf(stderr, "bug: %s:%d: %s\n", file, line, msg);
	abort();
}
