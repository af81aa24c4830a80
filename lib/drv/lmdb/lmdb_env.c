/* The folder, and transactions in it.
 *
 * LMDB's own locks are for many processes and leave a table of readers behind that a kill makes
 * stale. Here one process has the folder: it holds flock(2) on the folder itself, which goes with
 * the process, and LMDB locks nothing (MDB_NOLOCK). Then LMDB does not know who reads, and takes
 * for new pages those that were freed one transaction ago. So there is no reader while something
 * is written: the one that there is begins anew behind each save.
 *
 * LMDB maps the file at a size that is fixed beforehand. A fixed large one would be refused where
 * address space is limited, so the map is doubled when a transaction has found it full.
 *
 * Durable: mdb_txn_commit() flushes pages, then the page that leads to them. The folder and its
 * parent are flushed when they are made, so that the file itself is there. */
#include "drv/lmdb/lmdb_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum {
	LOCK_WAIT_MS = 10000, /* a process that was just killed may hold it for a moment */
	LOCK_AGAIN_MS = 20,
	MAP_FIRST_BYTES = 16 << 20,
};

static const struct {
	const char *name;
	unsigned flags;
} tables[LMDB_TABLES] = {
	[LMDB_ABOUT] = { "about", 0 },
	[LMDB_PART] = { "part", MDB_INTEGERKEY },
	[LMDB_CHUNK] = { "chunk", MDB_INTEGERKEY },
	[LMDB_ENTRY] = { "entry", 0 },
	[LMDB_PLACE] = { "place", 0 },
};

int lmdb_state_failed(const struct lmdb_state *l, int code, struct err *err)
{
	int exit = EX_DATAERR;

	if (code == ENOSPC || code == EIO || code == EDQUOT || code == EFBIG || code == ENOMEM)
		exit = EX_IOERR;
	else if (code > 0 || code == MDB_INVALID || code == MDB_VERSION_MISMATCH)
		exit = EX_CONFIG;
	return err_set(err, exit, "%s: %s", l->where, mdb_strerror(code));
}

/* ---- open, close */

static int lock_folder(const struct lmdb_state *l, struct err *err)
{
	for (int waited = 0; flock(l->dir_fd, LOCK_EX | LOCK_NB); waited += LOCK_AGAIN_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(err, EX_CONFIG, "%s: cannot be locked", l->where);
		if (waited >= LOCK_WAIT_MS)
			return err_set(err, EX_CONFIG,
				       "%s: another process has it: one hta-dedup a folder",
				       l->where);
		poll(NULL, 0, LOCK_AGAIN_MS);
	}
	return 0;
}

/* Makes an entry of the folder's parent durable. */
static int sync_parent(const struct lmdb_state *l, struct err *err)
{
	int fd = openat(l->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd))
		rc = err_errno(err, EX_IOERR, "%s/..", l->where);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_folder(struct lmdb_state *l, struct err *err)
{
	bool made = mkdir(l->where, 0777) == 0;

	if (!made && errno != EEXIST)
		return err_errno(err, EX_CONFIG, "%s", l->where);
	l->dir_fd = open(l->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return err_errno(err, EX_CONFIG, "%s", l->where);
	if (lock_folder(l, err))
		return -1;
	return made ? sync_parent(l, err) : 0;
}

/* Makes the file as long as its pages are: one that was cut is a damaged tree then, not a SIGBUS.
 * Pages at its end that were freed in their own transaction were never written. */
static int mend_length(struct lmdb_state *l, const MDB_envinfo *info)
{
	MDB_stat tree;
	struct stat st;
	int fd, code = mdb_env_stat(l->env, &tree);
	off_t want;

	if (code == 0)
		code = mdb_env_get_fd(l->env, &fd);
	if (code)
		return code;
	want = (off_t)(info->me_last_pgno + 1) * (off_t)tree.ms_psize;
	if (fstat(fd, &st) || (st.st_size < want && ftruncate(fd, want)))
		return errno;
	return 0;
}

static int open_map(struct lmdb_state *l)
{
	MDB_envinfo info;
	int code = mdb_env_create(&l->env);

	if (code == 0)
		code = mdb_env_set_maxdbs(l->env, LMDB_TABLES);
	if (code == 0)
		code = mdb_env_open(l->env, l->where, MDB_NOLOCK | MDB_NORDAHEAD, 0666);
	if (code == 0)
		code = mdb_env_info(l->env, &info);
	if (code == 0)
		code = mend_length(l, &info);
	if (code == 0 && info.me_mapsize < MAP_FIRST_BYTES)
		code = mdb_env_set_mapsize(l->env, MAP_FIRST_BYTES);
	return code;
}

static int open_tables(MDB_txn *txn, void *arg)
{
	struct lmdb_state *l = arg;

	for (size_t i = 0; i < LMDB_TABLES; i++) {
		int code = mdb_dbi_open(txn, tables[i].name, tables[i].flags | MDB_CREATE,
					&l->table[i]);

		if (code)
			return code;
	}
	return 0;
}

static int begin_state(struct lmdb_state *l, struct err *err)
{
	int code;

	if (open_folder(l, err))
		return -1;
	code = open_map(l);
	if (code)
		return lmdb_state_failed(l, code, err);
	if (lmdb_state_write(l, open_tables, l, err))
		return -1;
	return fsync(l->dir_fd) ? err_errno(err, EX_IOERR, "%s", l->where) : 0;
}

struct lmdb_state *lmdb_state_open(const char *where, struct err *err)
{
	struct lmdb_state *l = mem_zalloc(sizeof(*l));

	l->where = mem_strdup(where);
	l->dir_fd = -1;
	if (begin_state(l, err) == 0)
		return l;
	lmdb_state_close(l);
	return NULL;
}

void lmdb_state_close(struct lmdb_state *l)
{
	if (!l)
		return;
	mdb_txn_abort(l->read);
	mdb_env_close(l->env);
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	free(l->where);
	free(l);
}

/* ---- transactions */

static int grow_map(struct lmdb_state *l)
{
	MDB_envinfo info;
	int code = mdb_env_info(l->env, &info);

	return code ? code : mdb_env_set_mapsize(l->env, info.me_mapsize * 2);
}

static int try_write(struct lmdb_state *l, int (*write)(MDB_txn *txn, void *arg), void *arg)
{
	MDB_txn *txn;
	int code = mdb_txn_begin(l->env, NULL, 0, &txn);

	if (code)
		return code;
	code = write(txn, arg);
	if (code == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return code;
}

int lmdb_state_write(struct lmdb_state *l, int (*write)(MDB_txn *txn, void *arg), void *arg,
		     struct err *err)
{
	int code;

	mdb_txn_abort(l->read);
	l->read = NULL;
	while ((code = try_write(l, write, arg)) == MDB_MAP_FULL && (code = grow_map(l)) == 0)
		;
	if (code == 0)
		code = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->read);
	return code ? lmdb_state_failed(l, code, err) : 0;
}
