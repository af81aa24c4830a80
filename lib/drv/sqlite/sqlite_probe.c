#include "drv/sqlite/sqlite_internal.h"

enum sink_result sqlite_probe(void *d, const struct probe *probe, struct err *err)
{
	struct sqlite *s = d;
	sqlite3_stmt *q = NULL;
	enum sink_result r = SINK_OK;

	if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode", -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW) {
		r = sqlite_failed(s, err);
	} else {
		struct slice mode = sqlite_column(q, 0);
		bool wal = slice_is(mode, "wal");

		probe_say(probe, PROBE_GOOD, "version %s, %s: the schema is there",
			  sqlite3_libversion(), s->conf->where);
		if (!wal)
			probe_say(probe, PROBE_WARNING,
				  "journal_mode %.*s: readers block the sink, and it them; put the "
				  "file on a file system of this machine",
				  (int)mode.n, mode.p);
	}
	sqlite3_finalize(q);
	if (r == SINK_OK && sqlite3_db_readonly(s->db, "main"))
		probe_say(probe, PROBE_BAD, "%s is read-only: chmod u+w it and its folder",
			  s->conf->where);
	return r;
}
