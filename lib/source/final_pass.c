/* A pass opens the store, asks for each metric's mark, reads what became final since its position,
 * and closes the store again; then what was read is handed out, a metric at a time. So no snapshot
 * is held while a pipeline is slow, and memory is that of PASS_ROWS rows and one window.
 *
 * Until where a metric is read is the highest of its mark, of any sink's position (known), and of
 * what was handed out: a sink that is behind another one gets the same windows, although the mark
 * may have gone back since. With --idle-close, of a metric whose job's positions have not moved for
 * that long it is also the end of its newest window, once that lies so long behind the clock. */
#include "source/final_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "read/final_rows.h"

enum { PASS_ROWS = 5000, PASS_EVERY_US = 1000000, PASS_TRIES = 3 };

/* ---- the store */

/* Over an open store. */
typedef int final_call(struct final_input *f, const struct read_store *store, struct err *err);

static int call_once(struct final_input *f, final_call *call, struct err *err)
{
	struct read_store store = { .driver = f->driver };
	int rc;

	store.d = f->driver->open(&f->store_conf, err);
	if (!store.d)
		return -1;
	rc = call(f, &store, err);
	f->driver->close(store.d);
	return rc;
}

/* (waits) Opens the store for one call; again where it is not reached, with all of the call. */
static int call_store(struct final_input *f, final_call *call, struct err *err)
{
	struct err why = ERR_INIT;

	while (call_once(f, call, &why)) {
		if (why.code != EX_UNAVAILABLE || loop_signalled(f->loop))
			return err_copy(err, &why);
		if (retry_wait(&f->retry, f->loop, "store", f->conf->retry_for_us, &why, err))
			return -1;
		err_clear(&why);
	}
	retry_done(&f->retry, "store");
	return 0;
}

static int check_metric(const struct final_input *f, const struct read_store *store,
			const struct final_part *p, const struct metric_found *m, struct err *err)
{
	const char *name = p->asked, *missing = read_positions_missing(store);
	struct buf hint = { 0 };

	if (!m->found) {
		names_nearest(&m->names, name, &hint);
		err_set(err, EX_CONFIG, "there is no metric %s in %s%s", name, f->store_conf.place,
			buf_z(&hint));
		buf_fini(&hint);
		return -1;
	}
	if (!m->job)
		return err_set(err, EX_CONFIG,
			       "metric %s is of a plain stream: its rows are final as they come, "
			       "and nothing says until when all are there; hta-query history %s "
			       "reads them",
			       name, name);
	if (missing)
		return err_set(err, EX_CONFIG, "metric %s: no window is known to be final: %s",
			       name, missing);
	if (f->conf->job && strcmp(m->job, f->conf->job) == 0)
		return err_set(err, EX_CONFIG,
			       "job %s is the one that counts metric %s: final rows are another "
			       "job's, in another table; give it another --job",
			       m->job, name);
	if (p->cfg &&
	    (strcmp(p->part.topic, m->name) != 0 || strcmp(p->cfg, m->cfg ? m->cfg : "") != 0))
		return err_set(err, EX_TEMPFAIL,
			       "metric %s was defined anew since this pipeline started; start it "
			       "again",
			       name);
	return 0;
}

/* metric_found_fini in either case. */
static int look_up(const struct final_input *f, const struct read_store *store,
		   const struct final_part *p, struct metric_found *m, struct err *err)
{
	return metric_lookup(store, p->asked, m, err) || check_metric(f, store, p, m, err) ? -1 : 0;
}

/* ---- until where */

/* The end of the newest window that lies --idle-close behind the clock, where no partition has
 * moved for as long; else `until`. */
static int close_idle(struct final_input *f, const struct read_store *store, struct final_part *p,
		      const struct metric_found *m, int64_t *until_us, struct err *err)
{
	int64_t close_us = f->conf->finals.idle_close_us, now = tm_mono_us(), start_us, end_us;
	bool found;

	if (!close_us)
		return 0;
	if (p->still != m->moved || !p->still_since_us) {
		p->still = m->moved;
		p->still_since_us = now;
	}
	if (now - p->still_since_us < close_us)
		return 0;
	if (store->driver->newest(store->d, p->part.topic, tm_now_us() - close_us - m->length_us,
				  &found, &start_us, &end_us, err))
		return -1;
	if (found && start_us + m->length_us > *until_us)
		*until_us = start_us + m->length_us;
	return 0;
}

static int final_until(struct final_input *f, const struct read_store *store, struct final_part *p,
		       const struct metric_found *m, struct err *err)
{
	int64_t until_us = final_mark(m);

	if (close_idle(f, store, p, m, &until_us, err))
		return -1;
	if (until_us > p->known_us)
		p->known_us = until_us;
	return 0;
}

/* ---- a pass */

static int take_window(void *arg, struct rows_window *w, struct err *err)
{
	struct final_input *f = arg;

	(void)err;
	for (size_t i = 0; i < w->n; i++) {
		size_t before = f->text.n;

		rollup_format(&w->row[i].r, true, &f->text);
		mem_reserve(&f->record, &f->records_cap, f->records + 1, sizeof(*f->record));
		f->record[f->records++] = (struct input_record){
			.value = slice(NULL, f->text.n - before - 1),
			.offset = w->end_us - 1,
			.next = w->end_us,
			.time_us = w->end_us,
		};
	}
	rows_window_free(w);
	return 0;
}

/* A store that keeps rows for a time only has taken some away behind our position. There is no way
 * to have them back, and what follows is whole. */
static void tell_gap(struct final_part *p, const struct metric_found *m)
{
	char from[TM_TEXT_BYTES], to[TM_TEXT_BYTES];

	if (p->gap_told || p->position_us <= 0 || p->position_us >= m->purged_us)
		return;
	p->gap_told = true;
	log_warn("metric %s: the store has taken away what starts before %.*s (--retention), and "
		 "here it was read up to %.*s: what lies between is missing in what is out",
		 p->asked, (int)tm_text(m->purged_us, to), to, (int)tm_text(p->position_us, from),
		 from);
}

/* *more: it was enough, and the store is of no further use. */
static int read_part(struct final_input *f, const struct read_store *store, struct final_part *p,
		     bool *more, struct err *err)
{
	struct final_range range = { .metric = p->part.topic,
				     .after_us = p->position_us,
				     .enough = PASS_ROWS - f->records };
	size_t first = f->records;
	struct metric_found m;
	int64_t reached_us;
	int rc = look_up(f, store, p, &m, err) || final_until(f, store, p, &m, err) ? -1 : 0;

	if (rc == 0)
		tell_gap(p, &m);
	range.until_us = p->known_us;
	range.finality = &m.finality;
	range.length_us = m.length_us;
	if (rc == 0)
		rc = final_rows_read(store, &range, take_window, f, &reached_us, err);
	metric_found_fini(&m);
	if (rc || reached_us <= p->position_us)
		return rc;
	*more = reached_us < p->known_us;
	f->piece[f->pieces++] = (struct final_piece){ p, first, f->records - first, reached_us,
						      m.moved };
	return 0;
}

/* Rows moved while their text grew. */
static void place_records(struct final_input *f)
{
	const char *p = f->text.p;

	for (size_t i = 0; i < f->records; i++) {
		f->record[i].value.p = p;
		p += f->record[i].value.n + 1;
	}
}

static int pass_once(struct final_input *f, const struct read_store *store, struct err *err)
{
	bool more = false;

	f->text.n = f->records = f->pieces = f->piece_at = 0;
	f->due_us = tm_mono_us() + PASS_EVERY_US;
	for (size_t i = 0; i < f->parts && !more && f->records < PASS_ROWS; i++) {
		struct final_part *p = &f->part[f->next_part];

		f->next_part = (f->next_part + 1) % f->parts;
		if (p->assigned && read_part(f, store, p, &more, err))
			return -1;
	}
	if (more || f->records >= PASS_ROWS)
		f->due_us = 0;
	place_records(f);
	return 0;
}

/* Whether something was stored since the pass began: its rows may be of several moments then. */
static int look_again(struct final_input *f, const struct read_store *store, struct err *err)
{
	for (size_t i = 0; i < f->pieces; i++) {
		struct metric_found m;
		int rc = look_up(f, store, f->piece[i].part, &m, err);

		f->moved |= m.moved != f->piece[i].moved;
		metric_found_fini(&m);
		if (rc)
			return -1;
	}
	return 0;
}

/* Of a store without snapshots a pass is repeated while others write. After PASS_TRIES it counts
 * all the same: each row is as new as the mark, or newer. */
int final_pass(struct final_input *f, struct err *err)
{
	for (int i = 0; i < PASS_TRIES; i++) {
		f->moved = false;
		if (call_store(f, pass_once, err))
			return -1;
		if (f->driver->moment || !f->records)
			return 0;
		if (call_store(f, look_again, err))
			return -1;
		if (!f->moved)
			return 0;
	}
	return 0;
}

/* ---- definitions, marks */

/* NAME may be NAME@2. */
static int check_other(const struct final_input *f, size_t n, const char *name, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(f->part[i].part.topic, name) == 0)
			return err_set(err, EX_USAGE,
				       "--final %s and --final %s are the same metric",
				       f->part[i].asked, f->part[n].asked);
	return 0;
}

static void set_text(char **at, const char *text)
{
	free(*at);
	*at = mem_strdup(text);
}

static int note_definitions(struct final_input *f, const struct read_store *store, struct err *err)
{
	for (size_t i = 0; i < f->parts; i++) {
		struct final_part *p = &f->part[i];
		struct metric_found m;
		int rc = look_up(f, store, p, &m, err) || check_other(f, i, m.name, err) ? -1 : 0;

		if (rc == 0) {
			set_text(&p->part.topic, m.name);
			set_text(&p->cfg, m.cfg ? m.cfg : "");
			set_text(&p->def, m.def ? m.def : "{}");
		}
		metric_found_fini(&m);
		if (rc)
			return -1;
	}
	return 0;
}

int final_definitions(struct final_input *f, struct err *err)
{
	return call_store(f, note_definitions, err);
}

static int ask_marks(struct final_input *f, const struct read_store *store, struct err *err)
{
	for (size_t i = 0; i < f->parts; i++) {
		struct metric_found m;
		int rc = look_up(f, store, &f->part[i], &m, err) ||
					 final_until(f, store, &f->part[i], &m, err)
				 ? -1
				 : 0;

		metric_found_fini(&m);
		if (rc)
			return -1;
	}
	return 0;
}

int final_marks(struct final_input *f, struct err *err)
{
	return call_store(f, ask_marks, err);
}
