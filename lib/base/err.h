/* Errors: a code and a message that travel up in a struct err that the caller lends.
 *
 * Invariants: a library function never exits and never prints; it returns 0 / -1 (or a pointer /
 * NULL) and leaves code and message in *err. The message is made once, where the facts are;
 * upper layers add context in front. Codes are the exit codes of <sysexits.h>, which are this
 * project's API:
 *   EX_OK 0 done and acknowledged            EX_SOFTWARE 70 our bug, or books that do not balance
 *   1       the answer is no (NO below)      EX_IOERR 74 write or read error
 *   EX_USAGE 64                              EX_TEMPFAIL 75 try again
 *   EX_DATAERR 65 bad data                   EX_PROTOCOL 76 upstream ended without `end` or `fail`
 *   EX_UNAVAILABLE 69 server unreachable     EX_CONFIG 78 bad configuration
 * Out of memory aborts (mem.h); bad input is never an assert. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <sysexits.h>

enum { EX_NO = 1 };

enum { ERR_MSG_BYTES = 1024 };

struct err {
	int code; /* sysexits code, 0: no error */
	/* lower case, no program name, no full stop; NUL-terminated, cut if longer */
	char msg[ERR_MSG_BYTES];
};

#define ERR_INIT                     \
	{                            \
		.code = 0, .msg = "" \
	}

/* Sets code and message. Returns -1, so that `return err_set(...)` reads well. err may be NULL. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message, keeps the code. Returns -1. */
int err_in(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets code and "what: strerror(errno)". Returns -1. */
int err_errno(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void err_clear(struct err *err);

/* *err becomes another one, as it is. err may be NULL. Returns -1. */
int err_copy(struct err *err, const struct err *from);

/* Our own bug: prints file, line and the text to stderr and aborts. For states that no input can
 * cause. */
_Noreturn void err_bug(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define BUG(...) err_bug(__FILE__, __LINE__, __VA_ARGS__)

#endif
