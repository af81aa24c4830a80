/* Makes the connection, and tells what can never work from what may work later.
 *
 * libpq has no codes for its own failures, and its texts are translated and hold the user's names.
 * So each verdict rests on something else, and what nothing speaks against may work later:
 *
 *   a server's SQLSTATE                  in the text, which is asked for in its verbose form
 *   PQping: no attempt was made          the string, the service or a setting is malformed
 *   a port, an address that is none      looked at here: libpq does so only when it connects
 *   PQconnectionNeedsPassword            a password is wanted, and there is none
 *   the byte 'N'                         the server has no TLS, and the settings demand it
 *   a file that cannot be read           the settings name it, and TLS came to nothing
 *   a certificate that is not accepted   what OpenSSL says of it, which is never translated
 *
 * Names that do not resolve, refused and cut connections are temporary. Of several hosts the one
 * counts at which libpq stopped.
 *
 * Settings of the session: client_encoding is ours, since texts go both ways in UTF-8; all others
 * are the operator's, and nothing that the driver writes or reads depends on them: values are
 * binary or ISO 8601, statements have no backslashes, BEGIN names its isolation level. */
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "drv/pg/pg_internal.h"
#include "drv/pg/pg_state.h"

struct attempt {
	ConnStatusType at; /* before the last step */
	bool no_tls, tls;  /* this server's answer */
};

/* What is asked of libpq; `dbname` is a whole connection string, and what follows overrides it. */
struct wanted {
	const char *name[5], *value[5];
};

static struct wanted wanted(const struct pg *p, const char *timeout_s)
{
	struct wanted w = { { NULL }, { NULL } };
	const char *const all[][2] = {
		{ "dbname", p->conf->where },
		{ "fallback_application_name", log_program() },
		{ "client_encoding", "UTF8" },
		{ "connect_timeout", timeout_s },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!all[i][1])
			continue;
		w.name[n] = all[i][0];
		w.value[n++] = all[i][1];
	}
	return w;
}

/* ---- what can never work */

/* PQping would connect where it can: it is asked once, after a start that failed at once. */
static bool is_malformed(struct pg *p)
{
	struct wanted w = wanted(p, "2");

	if (!p->well_formed)
		p->well_formed = PQpingParams(w.name, w.value, 1) != PQPING_NO_ATTEMPT;
	return !p->well_formed;
}

static const char *pg_value_of(const PQconninfoOption *all, const char *name)
{
	for (; all && all->keyword; all++)
		if (strcmp(all->keyword, name) == 0)
			return all->val ? all->val : "";
	return "";
}

static bool is_one_of(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(value, *words) == 0)
			return true;
	return false;
}

static bool has_no_file(const char *path)
{
	return *path && access(path, R_OK) != 0;
}

static bool lacks_root(const char *path)
{
	const char *home = getenv("HOME");
	char *usual;
	bool none;

	if (*path || !home)
		return strcmp(path, "system") != 0 && has_no_file(path);
	usual = mem_printf("%s/.postgresql/root.crt", home);
	none = has_no_file(usual);
	free(usual);
	return none;
}

static bool is_hopeless(const PQconninfoOption *all, const struct attempt *a)
{
	static const char *const demands[] = { "require", "verify-ca", "verify-full", NULL };
	const char *mode = pg_value_of(all, "sslmode");
	const char *cert = pg_value_of(all, "sslcert"), *key = pg_value_of(all, "sslkey");

	for (const PQconninfoOption *o = all; o && o->keyword; o++)
		if (o->val && pg_state_setting_wrong(o->keyword, o->val))
			return true;
	if (a->no_tls || strcmp(mode, "disable") == 0)
		return is_one_of(mode, demands) ||
		       strcmp(pg_value_of(all, "channel_binding"), "require") == 0;
	if (a->at != CONNECTION_SSL_STARTUP)
		return false;
	if (is_one_of(mode, demands + 1) && lacks_root(pg_value_of(all, "sslrootcert")))
		return true;
	/* "engine:id" is no file */
	return *cert && !has_no_file(cert) && has_no_file(key) && !strchr(key, ':');
}

/* The certificate of the server is not accepted here, or ours not there: in TLS 1.3 ours is looked
 * at when the handshake is over for libpq. libpq's own words are English, as no program sets
 * LC_MESSAGES. */
static bool is_unverified(const struct attempt *a, const char *text)
{
	static const char *const words[] = {
		"certificate verify failed",
		"does not match host name",
		"alert unknown ca",
		"alert certificate expired",
		"alert bad certificate",
		"alert certificate unknown",
		"alert certificate revoked",
		"certificate required",
		"could not read certificate file",
		"could not load private key file",
		"certificate does not match private key file",
		"has group or world access",
		NULL,
	};

	if (!a->tls)
		return false;
	for (size_t i = 0; words[i]; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* PgBouncer has one code for all its troubles (08P01), those of a login too. */
static bool is_pooler_refusal(const char *state, struct slice line)
{
	static const char *const words[] = {
		"SASL authentication failed",
		"password authentication failed",
		"auth failed",
		"SSL required",
		"no such user",
		"no such database",
		"login rejected",
		NULL,
	};

	if (strcmp(state, "08P01") != 0)
		return false;
	for (size_t i = 0; words[i]; i++)
		if (strncmp(line.p, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

static enum sink_result pg_refused(struct pg *p, const struct attempt *a, bool at_once,
				   struct err *err)
{
	const char *text = PQerrorMessage(p->c);
	struct slice line = pg_first_line(text);
	PQconninfoOption *all;
	char state[PG_STATE_CHARS + 1];
	enum sink_result r;
	bool never;
	int code;

	if (pg_state_find(text, state, &line)) {
		r = pg_state_means(state, true, &code);
		if (is_pooler_refusal(state, line)) {
			code = EX_CONFIG;
			r = SINK_FATAL;
		}
		err_set(err, code, "%.*s", (int)line.n, line.p);
		return r;
	}
	all = PQconninfo(p->c);
	never = (at_once && is_malformed(p)) || PQconnectionNeedsPassword(p->c) ||
		is_hopeless(all, a) || is_unverified(a, text);
	PQconninfoFree(all);
	err_set(err, never ? EX_CONFIG : EX_TEMPFAIL, "%.*s", (int)line.n, line.p);
	return never ? SINK_FATAL : SINK_RETRY;
}

/* ---- the way there */

/* The server's answer to the question for TLS is one byte, which is left for libpq. Later bytes are
 * TLS' own, none of which begins so. */
static void pg_connect_look(struct attempt *a, const PGconn *c)
{
	char answer;

	a->at = PQstatus(c);
	if (a->at == CONNECTION_STARTED)
		a->no_tls = a->tls = false; /* another host */
	if (a->at != CONNECTION_SSL_STARTUP || a->tls ||
	    recv(PQsocket(c), &answer, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return;
	a->no_tls = answer == 'N';
	a->tls = answer == 'S';
}

static enum sink_result go_on(struct pg *p, struct err *err)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	struct attempt a = { .at = CONNECTION_BAD };

	while (want != PGRES_POLLING_OK) {
		short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (loop_wait(p->conf->loop, PQsocket(p->c), events, INT64_MAX, err) < 0)
			return SINK_FATAL;
		pg_connect_look(&a, p->c);
		want = PQconnectPoll(p->c);
		if (want == PGRES_POLLING_FAILED)
			return pg_refused(p, &a, false, err);
	}
	return SINK_OK;
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg, (void)res;
}

enum sink_result pg_establish(struct pg *p, struct err *err)
{
	struct wanted w = wanted(p, NULL);
	struct attempt none = { .at = CONNECTION_BAD };
	enum sink_result r;

	p->c = PQconnectStartParams(w.name, w.value, 1);
	if (!p->c) {
		err_set(err, EX_TEMPFAIL, "out of memory");
		return SINK_RETRY;
	}
	if (PQstatus(p->c) == CONNECTION_BAD)
		return pg_refused(p, &none, true, err);
	p->well_formed = true;
	/* The only way to a SQLSTATE of a refused login. */
	PQsetErrorVerbosity(p->c, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(p->c, ignore_notice, NULL);
	r = go_on(p, err);
	if (r != SINK_OK)
		return r;
	PQsetErrorVerbosity(p->c, PQERRORS_DEFAULT);
	PQsetnonblocking(p->c, 1);
	return SINK_OK;
}

/* ---- without TLS */

static bool is_loopback(int socket)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} to = { 0 };
	socklen_t n = sizeof(to);

	if (getpeername(socket, &to.any, &n))
		return true;
	if (to.any.sa_family == AF_INET)
		return ntohl(to.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return to.any.sa_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&to.v6.sin6_addr);
}

/* By the connection string, the environment, or a service file that says another one. */
static bool says_sslmode(struct pg *p)
{
	PQconninfoOption *given = p->conf->where ? PQconninfoParse(p->conf->where, NULL) : NULL;
	PQconninfoOption *all = PQconninfo(p->c);
	bool says = *pg_value_of(given, "sslmode") || getenv("PGSSLMODE") ||
		    strcmp(pg_value_of(all, "sslmode"), "prefer") != 0;

	PQconninfoFree(given);
	PQconninfoFree(all);
	return says;
}

void pg_warn_plain(struct pg *p)
{
	if (p->told_plain || PQsslInUse(p->c) || is_loopback(PQsocket(p->c)) || says_sslmode(p))
		return;
	p->told_plain = true;
	log_warn("%s has no TLS: rows and logins can be read on the way; say sslmode=verify-full, "
		 "or "
		 "sslmode=disable where that is meant",
		 PQhost(p->c));
}
