/* SQLSTATE (appendix A of Postgres' manual): two characters are a class, five a code. Codes that
 * differ from their class stand before it; the first row that matches counts. What is in no row is
 * about the row to be stored (classes 21, 22, 23, 54, P0: a value, a constraint or a trigger of the
 * operator's refuses it): EX_DATAERR. */
#include "drv/pg/pg_state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *state;
	int code;
} meaning[] = {
	{ "08", EX_TEMPFAIL }, /* connection lost; a pooler's word for all its own troubles */
	{ "0A", EX_CONFIG },   /* not supported by this server or this kind of table */
	{ "0L", EX_CONFIG },   /* grants and roles */
	{ "0P", EX_CONFIG },
	{ "25006", EX_TEMPFAIL }, /* read-only: a standby, until it is promoted */
	{ "25P03", EX_TEMPFAIL }, /* too long idle within a transaction */
	{ "25P04", EX_TEMPFAIL }, /* a transaction too long */
	{ "25", EX_CONFIG },      /* transactions are not what they should be: a pooler */
	{ "26", EX_CONFIG },
	{ "28", EX_CONFIG },    /* login refused */
	{ "3D", EX_CONFIG },    /* no such database */
	{ "3F", EX_CONFIG },    /* no such schema */
	{ "40", EX_TEMPFAIL },  /* serialization, deadlock */
	{ "42", EX_CONFIG },    /* no such table, no right to it */
	{ "53400", EX_CONFIG }, /* a limit that the operator has set */
	{ "53", EX_TEMPFAIL },  /* too many connections, out of memory, disk full */
	{ "55000", EX_CONFIG }, /* a table without what the statement needs */
	{ "55P02", EX_CONFIG }, /* a setting that only a restart changes */
	{ "55", EX_TEMPFAIL },  /* lock timeout, object in use */
	{ "57", EX_TEMPFAIL },  /* shutting down, starting up, canceled (statement timeout) */
	{ "58", EX_TEMPFAIL },  /* the server's input and output */
	{ "72", EX_TEMPFAIL },  /* snapshot too old */
	{ "F0", EX_CONFIG },    /* the server's configuration file */
	{ "HV", EX_CONFIG },    /* a foreign table */
	{ "XX", EX_TEMPFAIL },  /* internal errors: concurrent changes of tables, mostly */
};

enum sink_result pg_state_means(const char *state, bool login, int *code)
{
	bool closed = login && strcmp(state, "55000") == 0; /* takes no connections now */

	*code = *state && !closed ? EX_DATAERR : EX_TEMPFAIL;
	for (size_t i = 0; *code == EX_DATAERR && i < sizeof(meaning) / sizeof(*meaning); i++)
		if (strncmp(state, meaning[i].state, strlen(meaning[i].state)) == 0)
			*code = meaning[i].code;
	return *code == EX_TEMPFAIL ? SINK_RETRY : SINK_FATAL;
}

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* The two spaces are libpq's own, and are in every language. Names come later in a line: the first
 * place counts. */
static const char *place_in_line(struct slice line)
{
	for (const char *p = line.p; p + PG_STATE_CHARS + 5 <= line.p + line.n; p++)
		if (memcmp(p, ":  ", 3) == 0 && strspn(p + 3, alphabet) == PG_STATE_CHARS &&
		    memcmp(p + 3 + PG_STATE_CHARS, ": ", 2) == 0)
			return p + 3;
	return NULL;
}

bool pg_state_find(const char *text, char state[PG_STATE_CHARS + 1], struct slice *message)
{
	state[0] = 0;
	while (*text) {
		struct slice line = slice(text, strcspn(text, "\n"));
		const char *p = place_in_line(line);

		if (p) {
			memcpy(state, p, PG_STATE_CHARS);
			state[PG_STATE_CHARS] = 0;
			p += PG_STATE_CHARS + 2;
			*message = slice(p, (size_t)(line.p + line.n - p));
		}
		text += line.n + (text[line.n] == '\n');
	}
	return *state;
}

/* ---- settings */

static bool is_int(const char *text)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	return end > text && end[strspn(end, " \t\n\v\f\r")] == 0 && errno == 0 && v >= INT_MIN &&
	       v <= INT_MAX;
}

/* Empty: the default one. */
static bool pg_is_port(const char *text)
{
	return !*text || (is_int(text) && atoi(text) >= 1 && atoi(text) <= 65535);
}

/* Empty: `host` has it. With a scope (%eth0) only the system knows. */
static bool is_address(const char *text)
{
	struct in6_addr a;

	return !*text || strchr(text, '%') || inet_pton(AF_INET, text, &a) == 1 ||
	       inet_pton(AF_INET6, text, &a) == 1;
}

static bool any_of_list(const char *list, bool (*fits)(const char *))
{
	char *item = mem_strdup(list), *p = item;
	bool any = false;

	while (p && !any)
		any = fits(strsep(&p, ","));
	free(item);
	return any;
}

bool pg_state_setting_wrong(const char *name, const char *value)
{
	static const char *const numbers[] = {
		"keepalives",       "keepalives_idle",  "keepalives_interval",
		"keepalives_count", "tcp_user_timeout",
	};

	if (strcmp(name, "port") == 0)
		return !any_of_list(value, pg_is_port);
	if (strcmp(name, "hostaddr") == 0)
		return !any_of_list(value, is_address);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(name, numbers[i]) == 0)
			return *value && !is_int(value);
	return false;
}
