/* Where Redis is: redis://[[USER]:PASSWORD@]HOST[:PORT][/DB],
 * unix://[[USER]:PASSWORD@]/PATH[?db=N]; %XX in user, password and path. A part of the driver
 * without a server, so that a table can test it. */
#ifndef DRV_REDIS_REDIS_URL_H
#define DRV_REDIS_REDIS_URL_H

#include "base/err.h"

struct redis_url {
	char *host, *path; /* one of them; owned */
	int port, db;
	char *user, *password; /* NULL: none; owned */
};

/* EX_USAGE; no message ever holds a password. url is empty after an error. */
int redis_url_parse(const char *text, struct redis_url *url, struct err *err);
void redis_url_fini(struct redis_url *url);

#endif
