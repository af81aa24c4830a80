/* What programs that read a store have on their command lines: which store (-d, chosen by
 * read/stores.h), and the table or prefix of its rollups. Each macro is entries of a table of
 * options (tool/opt.h); `member` of `owner`, the program's struct, is a const char *. */
#ifndef READ_STORE_OPTIONS_H
#define READ_STORE_OPTIONS_H

#include "tool/opt.h"

/* The stores of bin/stores.c, by what their readers have: rows or events, rows, alerts.
 * tests/cli/help.bats asks each program for each of them. */
#define STORES_ANY "postgres://, redis://, clickhouse://, mongodb://, dynamodb:// or a SQLite file"
#define STORES_OF_ROWS "postgres://, redis://, clickhouse:// or a SQLite file"
#define STORES_OF_ALERTS "postgres://, redis:// or a SQLite file"
#define STORE_ELSE "; else $HTA_STORE, else libpq's PG*"

/* clang-format off */
/* stores: STORES_.. */
#define STORE_OPT(owner, member, stores)                                                        \
	{ .letter = 'd', .name = "store", .type = OPT_TEXT, .at = offsetof(owner, member),     \
	  .arg = "URL|FILE", .help = stores STORE_ELSE }
/* `to` opens the help: "connect: ", or "" */
#define STORE_PLACE_OPTS(owner, member, to)                                                     \
	{ .name = "table", .type = OPT_TEXT, .at = offsetof(owner, member), .arg = "NAME",     \
	  .help = to "table of the rollups, if it is not hta_rollups" },                       \
	{ .name = "prefix", .type = OPT_TEXT, .at = offsetof(owner, member), .arg = "NAME",    \
	  .help = "the same for Redis: prefix of the keys, if it is not hta" }
/* clang-format on */

#endif
