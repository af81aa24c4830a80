/* What programs that read a store have on their command lines: which store (-d, chosen by
 * read/stores.h), and the table or prefix of its rollups. Each macro is entries of a table of
 * options (tool/opt.h); `member` of `owner`, the program's struct, is a const char *. */
#ifndef READ_STORE_OPTIONS_H
#define READ_STORE_OPTIONS_H

#include "tool/opt.h"

/* clang-format off */
#define STORE_OPT(owner, member)                                                                \
	{ .letter = 'd', .name = "store", .type = OPT_TEXT, .at = offsetof(owner, member),     \
	  .arg = "URL|FILE",                                                                   \
	  .help = "postgres://, redis://, clickhouse://, mongodb:// or a SQLite file; else "     \
		  "$HTA_STORE, else libpq's PG*" }
/* `to` opens the help: "connect: ", or "" */
#define STORE_PLACE_OPTS(owner, member, to)                                                     \
	{ .name = "table", .type = OPT_TEXT, .at = offsetof(owner, member), .arg = "NAME",     \
	  .help = to "table of the rollups, if it is not hta_rollups" },                       \
	{ .name = "prefix", .type = OPT_TEXT, .at = offsetof(owner, member), .arg = "NAME",    \
	  .help = "the same for Redis: prefix of the keys, if it is not hta" }
/* clang-format on */

#endif
