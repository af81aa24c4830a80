/* Where Redis is:
 *
 *	redis://[[USER][:PASSWORD]@]HOST[:PORT][/DB][?passfile=FILE]
 *	rediss://.. the same over TLS, and ?cacert=FILE&cert=FILE&key=FILE&sni=NAME
 *	unix://[[USER][:PASSWORD]@]/PATH[?db=N&passfile=FILE]
 *
 * %XX in user, password, path and values. A part of the driver without a server, so that a table
 * can test it. */
#ifndef DRV_REDIS_REDIS_URL_H
#define DRV_REDIS_REDIS_URL_H

#include <stdbool.h>

#include "base/err.h"

struct redis_url {
	char *host, *path; /* one of them; owned */
	int port, db;
	char *user, *password; /* NULL: none; owned */
	char *passfile;        /* has the password; NULL: none; owned */
	bool tls;
	/* PEM: who signs the server's certificate, NULL: the system's; our own, NULL: none. The
	 * name that the server's has to be for, NULL: the host. Owned */
	char *cacert, *cert, *key, *sni;
};

/* EX_USAGE; no message ever holds a password. url is empty after an error. */
int redis_url_parse(const char *text, struct redis_url *url, struct err *err);
void redis_url_fini(struct redis_url *url);

#endif
