/* What Postgres' codes and libpq's settings mean for a sink. A part of the driver without libpq, so
 * that tables can test it. Verdicts rest on codes alone: messages are translated, and hold names
 * that users choose. */
#ifndef DRV_PG_PG_STATE_H
#define DRV_PG_PG_STATE_H

#include "sink/driver.h"

enum { PG_STATE_CHARS = 5 };

/* The meaning of a SQLSTATE, "" being an error without one (a lost connection): SINK_RETRY where it
 * may pass by itself, else SINK_FATAL. *code: EX_TEMPFAIL, EX_CONFIG or EX_DATAERR. login: it is
 * the answer to a login, not to a statement. */
enum sink_result pg_state_means(const char *state, bool login, int *code);

/* The SQLSTATE in libpq's text of a refused login, "FATAL:  28P01: ..", in PQERRORS_VERBOSE. Of
 * several hosts the last counts, because there libpq stopped. *message: what follows it in its
 * line, a slice of text. False: there is none, state is "", *message untouched. */
bool pg_state_find(const char *text, char state[PG_STATE_CHARS + 1], struct slice *message);

/* Whether a connection setting (libpq's name, its value) can never lead to a connection: a port
 * that is none, an address that is none, no number. A list is wrong if all in it are. libpq itself
 * looks at these only when it connects, and then has no code for them. */
bool pg_state_setting_wrong(const char *name, const char *value);

#endif
