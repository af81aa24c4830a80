/* Epochs of events are large, and so is what a checkpoint has to do after each: it reads the pages
 * of the epoch from the log and writes them into the file. A thread does that, with a connection of
 * its own, while the main thread acknowledges the epoch and reads the next one:
 *
 *   main     insert | COMMIT | read the next epoch | wait, BEGIN | insert ..
 *   thread                   | checkpoint          |
 *
 * BEGIN waits for the thread. Only a log that is wholly in the file when a transaction begins is
 * written from its start again: so it stays as long as the longest epoch, as without the thread. A
 * reader that is in the way is not waited for, and what failed is tried again behind the next
 * epoch; SQLite's own checkpoints do the same. The last one is SQLite's, when the file is closed.
 */
#include <pthread.h>

#include "base/thread.h"
#include "drv/sqlite/sqlite_internal.h"

enum { LOG_PAGES = 1000 };

static void *run_checkpoint(void *db)
{
	pthread_setname_np(pthread_self(), "hta-checkpoint");
	sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return NULL;
}

/* A connection knows of the log when it has read: before that its checkpoints do nothing. */
static bool has_second(struct sqlite *s)
{
	if (s->second)
		return true;
	if (sqlite3_open_v2(s->conf->where, &s->second, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK &&
	    sqlite3_exec(s->second, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL) == SQLITE_OK)
		return true;
	sqlite3_close(s->second);
	s->second = NULL;
	return false;
}

/* Behind each commit, in place of SQLite's own checkpoint. */
static int log_has_grown(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct sqlite *s = arg;

	if (pages < LOG_PAGES || s->checkpointing)
		return SQLITE_OK;
	s->checkpointing = has_second(s) &&
			   thread_start(&s->checkpoint, run_checkpoint, s->second) == 0;
	if (!s->checkpointing)
		sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

void sqlite_checkpoint_beside(struct sqlite *s)
{
	sqlite3_wal_hook(s->db, log_has_grown, s);
}

void sqlite_checkpoint_wait(struct sqlite *s)
{
	if (s->checkpointing)
		pthread_join(s->checkpoint, NULL);
	s->checkpointing = false;
}

void sqlite_checkpoint_end(struct sqlite *s)
{
	sqlite_checkpoint_wait(s);
	sqlite3_close(s->second);
	s->second = NULL;
}
