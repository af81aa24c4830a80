/* The table of seen events is made again from the log at each start: there is no second file that
 * could get out of step. Groups of two windows are read, for a key is remembered that long.
 *
 * Marks say which offset the log had at which time, one a second of the last two windows, in a
 * queue; the oldest one is as far back as the table remembers (seen_stats.since_us), and nothing
 * behind it is removed from the log, whatever quota wants its room. */
#include "app/ingest_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "intake/replay.h"
#include "source/wal_scan.h"

struct replaying {
	struct ingest *g;
	struct replay *replay;
	struct buf lines; /* SCAN_PAD bytes, a group's lines, SCAN_PAD bytes */
};

static void add_mark(struct ingest *g, int64_t us, int64_t offset)
{
	if (g->n_marks && us < g->marks[g->n_marks - 1].us + TM_S)
		return;
	mem_reserve(&g->marks, &g->marks_cap, g->n_marks + 1, sizeof(*g->marks));
	g->marks[g->n_marks++] = (struct ingest_mark){ us, offset };
}

static void remember_topic(void *arg, struct slice topic)
{
	ingest_state_topic(arg, topic);
}

static void replay_group(struct replaying *r, const struct wal_group *group)
{
	static const char pad[SCAN_PAD];

	add_mark(r->g, group->h.us, group->h.at);
	r->lines.n = 0;
	buf_add(&r->lines, pad, SCAN_PAD);
	buf_adds(&r->lines, group->data);
	buf_add(&r->lines, pad, SCAN_PAD);
	replay_lines(r->replay, slice(r->lines.p + SCAN_PAD, group->data.n), group->h.us, 0);
}

static int replay_groups(struct replaying *r, struct wal_scan *scan, int64_t limit, struct err *err)
{
	struct ingest *g = r->g;
	struct wal_group group;
	enum wal_found found = wal_scan_time(scan, tm_now_us() - 2 * g->conf.dedup_us, limit,
					     &group, err);

	while (found == WAL_GROUP) {
		replay_group(r, &group);
		found = wal_scan_group(scan, wal_header_end(&group.h), limit, &group, err);
	}
	return found == WAL_NOTHING ? 0 : -1;
}

int ingest_replay(struct ingest *g, struct err *err)
{
	struct replaying r = { .g = g, .replay = replay_new(g->seen) };
	struct wal_state state;
	struct wal_scan scan;
	struct wal_dir dir;
	int rc;

	replay_topics(r.replay, remember_topic, g);
	wal_state(g->wal, &state);
	g->in = state.in;
	g->dup = state.dup;
	rc = wal_dir_open(&dir, g->conf.log, err);
	if (rc == 0) {
		wal_scan_init(&scan, &dir);
		rc = replay_groups(&r, &scan, state.durable, err);
		wal_scan_fini(&scan);
		wal_dir_close(&dir);
	}
	replay_free(r.replay);
	buf_fini(&r.lines);
	if (rc == 0)
		log_info("%zu ids are remembered from the log", seen_stats(g->seen).ids);
	return rc;
}

/* The age of the oldest that no reader has stored, to a second; beyond the oldest mark, its age. */
static int64_t lag_of(const struct ingest *g, const struct wal_state *state, int64_t now_us)
{
	size_t low = 0, high = g->n_marks;

	if (state->acked < 0)
		return -1;
	if (state->acked >= state->durable || !high)
		return 0;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (g->marks[mid].offset <= state->acked)
			low = mid;
		else
			high = mid;
	}
	return now_us > g->marks[low].us ? now_us - g->marks[low].us : 0;
}

void ingest_replay_keep(struct ingest *g)
{
	int64_t since_us = seen_stats(g->seen).since_us, now_us = tm_now_us();
	struct wal_state state;
	size_t gone = 0;

	if (g->conf.is_volatile) {
		g->lag_us = -1;
		return;
	}
	wal_state(g->wal, &state);
	g->lag_us = lag_of(g, &state, now_us);
	add_mark(g, now_us, state.end);
	while (gone + 1 < g->n_marks && g->marks[gone + 1].us <= since_us)
		gone++;
	g->n_marks -= gone;
	memmove(g->marks, g->marks + gone, g->n_marks * sizeof(*g->marks));
	wal_keep_from(g->wal, since_us ? g->marks[0].offset : INT64_MAX);
}
