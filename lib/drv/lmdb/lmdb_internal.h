/* Inside of the LMDB state: lmdb_env.c (the folder, its lock, transactions), lmdb_dedup.c (what
 * lies in it). */
#ifndef DRV_LMDB_LMDB_INTERNAL_H
#define DRV_LMDB_LMDB_INTERNAL_H

#include <lmdb.h>

#include "base/err.h"

enum lmdb_table { LMDB_ABOUT, LMDB_PART, LMDB_CHUNK, LMDB_ENTRY, LMDB_PLACE, LMDB_TABLES };

struct lmdb_state {
	char *where;
	int dir_fd; /* locked while it is open; -1: it is not */
	MDB_env *env;
	MDB_dbi table[LMDB_TABLES];
	MDB_txn *read; /* open between saves; lends values until the next save */
};

/* Takes the lock, and makes what is missing. NULL: EX_CONFIG, another process has it or it is no
 * state; EX_IOERR. */
struct lmdb_state *lmdb_state_open(const char *where, struct err *err);
void lmdb_state_close(struct lmdb_state *l);

/* Says what LMDB has answered. Returns -1. */
int lmdb_state_failed(const struct lmdb_state *l, int code, struct err *err);

/* Runs `write` in a transaction, once more in a new one each time the map was too small, and makes
 * it durable. `write` returns an answer of LMDB. What was lent is gone. */
int lmdb_state_write(struct lmdb_state *l, int (*write)(MDB_txn *txn, void *arg), void *arg,
		     struct err *err);

#endif
