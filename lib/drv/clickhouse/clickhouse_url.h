/* Where a ClickHouse is: clickhouse://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE][?KEY=VALUE..],
 * over TLS clickhouses://; http:// and https:// are the same. %XX in user, password, database and
 * values. Keys: ca, a file of certificates; cert and key, our own; positions, where a sink's
 * positions stand, for readers. Pure. */
#ifndef DRV_CLICKHOUSE_CLICKHOUSE_URL_H
#define DRV_CLICKHOUSE_CLICKHOUSE_URL_H

#include "base/err.h"

/* Owned texts; NULL: not said. */
struct clickhouse_url {
	char *address; /* "http://HOST:PORT/" */
	char *host;    /* "HOST:PORT", for people */
	char *user, *password, *database, *ca, *cert, *key, *positions;
};

/* EX_USAGE; no message ever holds a password. *url is empty after an error. */
int clickhouse_url_parse(const char *text, struct clickhouse_url *url, struct err *err);
void clickhouse_url_fini(struct clickhouse_url *url);

#endif
