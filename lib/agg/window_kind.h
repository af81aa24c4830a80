/* Kinds of windows: into which window an event falls, and when it closes. Each kind is one file,
 * window_NAME.c, and one line in window_kind.c; hta-window has the options that the kinds name,
 * and everybody else goes by the functions below.
 *
 * A window is known by its id, a number below 2^48 in the key of each group (agg/key.h). Of a
 * kind's windows, ids ascend with both starts and ends: rows are in the order of ids, and windows
 * close in it.
 *
 * What is counted and stored are panes (row/panes.h). Where windows overlap a pane is what all of
 * its times have in common, so an event counts once; who shows a window adds its panes up. Panes
 * are merged and never subtracted: minimum and maximum would be lost.
 *
 * Pure: no clock, no I/O, and nothing is kept from call to call. */
#ifndef AGG_WINDOW_KIND_H
#define AGG_WINDOW_KIND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

enum { WINDOW_BATCH = 64, WINDOW_OPTIONS_MAX = 4, WINDOW_GIVEN_MAX = 16 };
#define WINDOW_MIN_US 1000LL /* windows start at whole milliseconds */
#define WINDOW_MAX_US (366LL * 86400 * 1000000)
#define WINDOW_NONE_US (-1) /* of an option that may be left out, where it is */

/* An option of a kind: a length of time. Kinds may have options of one name, whose help is then
 * that of the first kind. */
struct window_option {
	const char *name; /* "every"; NULL ends a kind's list */
	const char *what; /* for messages: "a window" */
	const char *help;
	int64_t def_us; /* where it is not given; 0: it has to be; WINDOW_NONE_US: it need not */
};

struct window_kind;

/* The windows of one metric. */
struct window_spec {
	const struct window_kind *kind;
	int64_t option_us[WINDOW_OPTIONS_MAX]; /* as in the kind's list; 0 behind it */
	int64_t pane_us; /* what is stored; 0: such windows are for plain streams only */
	int64_t size_us; /* what a final row shows: a pane, or several where windows overlap */
};

struct window_kind {
	const char *name; /* "tumbling" */
	/* in the order of the canonical text */
	struct window_option option[WINDOW_OPTIONS_MAX + 1];
	unsigned own; /* the option that asks for this kind */
	/* Windows are what is joined from groups (agg/sessions.h), which keep the times of their
	 * first and last event. */
	bool joined;

	/* All options are there: sets what follows from them. EX_USAGE where they do not go
	 * together. */
	int (*make)(struct window_spec *w, struct err *err);

	/* Of a batch of times, those in the set `live` (bit i: us[i]; the others may be
	 * anything): id[i] becomes the window's. */
	void (*ids)(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		    uint64_t id[WINDOW_BATCH]);
	/* Of the same: lowers end_us[i] to the end of the window, where that is earlier. So
	 * several metrics have one array. */
	void (*ends)(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		     int64_t end_us[WINDOW_BATCH]);
	/* What a stored row shows, a pane: from start_us until before end_us. */
	void (*bounds)(const struct window_spec *w, uint64_t id, int64_t *start_us,
		       int64_t *end_us);
};

/* All kinds, NULL behind the last. The first is what a metric has that asks for none. */
extern const struct window_kind *const window_kinds[];

/* ---- from options */

/* Options of one scope of a command line. {0} at first. */
struct window_given {
	struct {
		const char *name;
		int64_t us;
	} option[WINDOW_GIVEN_MAX];
	size_t n;
};

/* The i-th of the different options of `kinds`; NULL behind the last. */
const struct window_option *window_option_at(const struct window_kind *const *kinds, size_t i);

/* Notes an option of `kinds` by its name; it replaces an earlier one. EX_USAGE: no duration, or
 * not one of whole milliseconds between the bounds above. */
int window_give(const struct window_kind *const *kinds, struct window_given *g, const char *name,
		const char *text, struct err *err);

/* What an option was given; 0: it was not. */
int64_t window_given_us(const struct window_given *g, const char *name);

/* The kind that the metric's own options ask for, or everybody's where it has none of its own,
 * and its lengths, each from its own options, everybody's, or the default. EX_USAGE: options of
 * different kinds, one is missing, or what the kind says. */
int window_choose(const struct window_kind *const *kinds, const struct window_given *own,
		  const struct window_given *all, struct window_spec *out, struct err *err);

/* ---- texts */

/* Appends the lines of a metric's canonical text (agg/metric.h): "every 60000000\n". */
void window_canonical(const struct window_spec *w, struct buf *out);
/* Appends the members of its definition: "every":"1m". */
void window_define(const struct window_spec *w, struct buf *out);

/* How many panes a window has. */
static inline uint64_t window_panes(const struct window_spec *w)
{
	return w->pane_us ? (uint64_t)(w->size_us / w->pane_us) : 1;
}

/* Whether a group is one time of its key: then the key says which (agg/engine_internal.h). */
bool window_is_exact(const struct window_spec *w);

/* EX_USAGE where such windows cannot be counted in an acknowledged stream. */
int window_stored(const struct window_spec *w, struct err *err);

/* ---- panes as windows: for kinds whose ids are panes of pane_us */

void window_pane_ids(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		     uint64_t id[WINDOW_BATCH]);
void window_pane_ends(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		      int64_t end_us[WINDOW_BATCH]);
void window_pane_bounds(const struct window_spec *w, uint64_t id, int64_t *start_us,
			int64_t *end_us);

#endif
