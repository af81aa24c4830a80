/* Which times raise the highest one: the table of agg/ahead.h, a scene a line; a reference that is
 * written as the rule is said; two runs of which one began later. */
#include "agg/ahead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pos.h"
#include "tap.h"

enum { BOUND = 10 };

/* Events: numbers, each as often as said ("5x16"), "=9": ahead_known, "end". Returns the state. */
static struct ahead state_of(const char *events)
{
	struct ahead a;
	char text[512], *save = NULL;

	ahead_init(&a, BOUND);
	snprintf(text, sizeof(text), "%s", events);
	for (char *e = strtok_r(text, " ", &save); e; e = strtok_r(NULL, " ", &save)) {
		char *x = strchr(e, 'x');
		int n = x ? atoi(x + 1) : 1;

		if (strcmp(e, "end") == 0)
			ahead_end(&a);
		else if (*e == '=')
			ahead_known(&a, atoi(e + 1));
		else
			for (int i = 0; i < n; i++)
				ahead_event(&a, atoi(e));
	}
	return a;
}

static void test_scenes(void)
{
	static const struct {
		const char *events;
		int64_t highest;
		unsigned dropped;
		const char *name;
	} scenes[] = {
		{ "", POS_NONE, 0, "nothing" },
		{ "5", POS_NONE, 0, "the very first is not believed" },
		{ "5x16", POS_NONE, 0, "nor are sixteen" },
		{ "5x17", 5, 0, "seventeen are" },
		{ "100 5x15", POS_NONE, 0, "a wrong first one is among them .." },
		{ "100 5x16", 5, 1, ".. and is dropped" },
		{ "0x8 100x9", 100, 0, "old ones at the beginning are outvoted" },
		{ "0x9 100x8", 0, 0, "unless they are more" },
		{ "0x3 100x14 0 120 0 121 0x5 122x17", 122, 0, "and then they do not count" },
		{ "5x17 15", 15, 0, "as far ahead as the bound" },
		{ "5x17 16", 5, 0, "further" },
		{ "5x17 15 25 35", 35, 0, "step by step" },
		{ "5x17 99 5", 5, 1, "dropped at the first event that is not with it" },
		{ "5x17 99 98 97 5", 5, 3, "three of them" },
		{ "5x17 99x16 5", 5, 16, "sixteen" },
		{ "5x17 99x17 5", 99, 0, "seventeen are a new day" },
		{ "5x17 99x16 88", 5, 16, "the bound behind it, and no more" },
		{ "5x17 99x16 89", 99, 0, "just the bound" },
		{ "5x17 99 199 99x16", 99, 1, "a wrong one among those of the new day" },
		{ "5x17 199 99x17", 99, 1, "or as its first" },
		{ "5x17 99x17 199 99", 99, 1, "or behind" },
		{ "50x17 99x5 39x20 99x12", 99, 0, "old events decide nothing, and do not count" },
		{ "50x17 99x5 39x20 99x11", 50, 0, "so sixteen others are needed" },
		{ "50x17 99x5 40 99x16", 50, 5, "not so old ones do" },
		{ "50x17 61 51", 61, 0, "what the highest one comes near to counts at once" },
		{ "50x17 61 71 51", 61, 1, "unless the event drops it" },
		{ "50x17 61 71x16", 71, 0, "what is near to one that was borne out counts, too" },
		{ "50x17 61 72x16", 61, 0, "and what is not waits on" },
		{ "100x17 111 122 133 144 155 166 177 188 199 210 221 232 243 254 265 276 287 298 "
		  "309",
		  133, 0, "each further ahead than the bound: sixteen events late" },
		{ "end", POS_NONE, 0, "the end of nothing" },
		{ "5 end", POS_NONE, 0, "one event alone is not believed at the end either" },
		{ "5 7 end", 7, 0, "two that agree are" },
		{ "99 7 end", 7, 1, "of two that do not the earlier" },
		{ "7 99 end", 7, 0, "in either order" },
		{ "7 8 12 99 end", 12, 0, "a wrong last one" },
		{ "99 7 8 12 end", 12, 1, "a wrong first one" },
		{ "5x17 99x16 end", 5, 0, "the end proves nothing else" },
		{ "=5 end", 5, 0, "known before" },
		{ "=5 99 6", 6, 1, "known before" },
		{ "=5 99x17", 99, 0, "known before" },
		{ "5 99 =4 6", 6, 1, "known meanwhile" },
		{ "5x17 99 =90", 99, 0, "raised meanwhile" },
	};

	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		struct ahead a = state_of(scenes[i].events);

		is_int(a.highest_us, scenes[i].highest, scenes[i].events);
		is_int(a.dropped, scenes[i].dropped, scenes[i].name);
	}
}

static void test_off(void)
{
	struct ahead a;

	ahead_init(&a, AHEAD_OFF);
	ok(!ahead_calm(&a, 5), "nothing is known");
	ahead_event(&a, 5);
	is_int(a.highest_us, 5, "without a bound the first counts");
	ok(ahead_calm(&a, AHEAD_OFF), "and all others do");
	ahead_event(&a, 7258118399999999);
	ahead_event(&a, 3);
	is_int(a.highest_us, 7258118399999999, "at once");
}

/* ---- random streams */

enum { EVENTS = 400, TAIL = 30, BEFORE = 64 };

/* Days that follow days, disorder, old events, wrong ones, with as much of each as the seed has it;
 * at the end none of it. */
static void random_events(int64_t *us, unsigned seed)
{
	int64_t now = 1000;
	int jump, old, wrong;

	srand(seed);
	jump = rand() % 60;
	old = rand() % 4 ? 0 : rand() % 60;
	wrong = rand() % 40;
	for (int i = 0; i < EVENTS; i++) {
		int dice = rand() % 100;

		now += rand() % 3;
		if (rand() % 1000 < jump && i < EVENTS - TAIL)
			now += 50 + rand() % 100;
		if (i >= EVENTS - TAIL)
			old = wrong = dice = 0;
		if (dice < old)
			us[i] = rand() % 5;
		else if (dice < old + wrong && rand() % 2)
			us[i] = now + rand() % 300;
		else
			us[i] = i < EVENTS - TAIL ? now - rand() % 8 : now;
	}
}

/* The rule by its words: is the event at `i`, which was ahead when it was read, borne out by those
 * before `n`? h[k]: the highest time before event k. */
static bool borne_out(const int64_t *us, const int64_t *h, int i, int n)
{
	int for_it = 0;

	for (int k = i + 1; k < n && for_it < AHEAD_EVENTS; k++) {
		if (us[k] < h[k] - BOUND)
			continue;
		if (us[k] < us[i] - BOUND)
			return false;
		for_it++;
	}
	return for_it == AHEAD_EVENTS;
}

static bool contradicted(const int64_t *us, const int64_t *h, int i, int n)
{
	for (int k = i + 1; k < n; k++)
		if (us[k] >= h[k] - BOUND && us[k] < us[i] - BOUND)
			return true;
	return false;
}

static int64_t highest_after(const int64_t *us, const int64_t *h, int from, int n)
{
	int64_t high = h[n - 1];
	bool raised = true;

	while (raised) {
		raised = false;
		for (int i = from; i < n; i++)
			if (us[i] > high &&
			    (borne_out(us, h, i, n) ||
			     (us[i] <= high + BOUND && !contradicted(us, h, i, n)))) {
				high = us[i];
				raised = true;
			}
	}
	return high;
}

static void test_words(void)
{
	int64_t us[EVENTS], h[EVENTS + 1];
	unsigned wrong = 0;

	for (unsigned seed = 1; seed <= 300; seed++) {
		struct ahead a;

		random_events(us, seed);
		ahead_init(&a, BOUND);
		ahead_known(&a, h[0] = 1000);
		for (int n = 1; n <= EVENTS; n++) {
			ahead_event(&a, us[n - 1]);
			h[n] = highest_after(us, h, 0, n);
			wrong += a.highest_us != h[n];
			wrong += a.n > AHEAD_EVENTS;
		}
	}
	is_int(wrong, 0, "the rule by its words, over 300 random streams");
}

struct later {
	unsigned higher, lower, differ, equal;
};

/* A run that begins at `from` with what the other had there, `before` events of those before. */
static void run_later(struct later *l, const int64_t *us, const int64_t *h, int from, int before)
{
	struct ahead a;

	ahead_init(&a, BOUND);
	ahead_known(&a, h[from]);
	if (before > from)
		before = from;
	ahead_before(&a, us + from - before, (size_t)before);
	for (int n = from; n < EVENTS; n++) {
		ahead_event(&a, us[n]);
		l->higher += a.highest_us > h[n + 1];
		l->lower += a.highest_us < h[n + 1];
		l->equal += a.highest_us == h[n + 1];
	}
	l->differ += from <= EVENTS - TAIL && a.highest_us != h[EVENTS];
}

static void test_later(void)
{
	int64_t us[EVENTS], h[EVENTS + 1];
	struct later alone = { 0 }, told = { 0 };

	for (unsigned seed = 1; seed <= 500; seed++) {
		struct ahead a;

		random_events(us, seed);
		ahead_init(&a, BOUND);
		for (int n = 0; n < EVENTS; n++) {
			h[n] = a.highest_us;
			ahead_event(&a, us[n]);
		}
		h[EVENTS] = a.highest_us;
		for (int from = 0; from < EVENTS; from += 7) {
			if (h[from] == POS_NONE)
				continue;
			run_later(&alone, us, h, from, 0);
			run_later(&told, us, h, from, BEFORE);
		}
	}
	is_int(alone.higher, 0, "a run that began later is never higher");
	is_int(alone.differ, 0, "and the same again when events in their order have followed");
	ok(alone.lower > 1000, "it is lower for a while (%u of %u)", alone.lower, alone.equal);
	is_int(told.higher, 0, "nor is one that knows the last events");
	is_int(told.differ, 0, "which is the same again, too");
	ok(told.lower < alone.lower / 100, "and hardly ever was another (%u of %u)", told.lower,
	   told.equal);
}

/* The first events over two runs are the first events. */
static void test_before(void)
{
	static const int64_t first[] = { 99, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 7 };
	struct ahead a;

	for (size_t cut = 0; cut < 17; cut++) {
		ahead_init(&a, BOUND);
		ahead_before(&a, first, cut);
		for (size_t i = cut; i < 18; i++)
			ahead_event(&a, first[i]);
		is_int(a.highest_us, 7, "begun by 17 events, cut anywhere");
	}
	ahead_init(&a, BOUND);
	ahead_known(&a, 50);
	ahead_before(&a, (const int64_t[]){ 49, 99, 50, 98, 97, 30 }, 6);
	is_int(a.n, 2, "what an event was against does not wait, what an old one followed does");
	is_int(a.dropped, 0, "and is not counted once more");
	for (int i = 0; i < 15; i++)
		ahead_event(&a, 97);
	is_int(a.highest_us, 98, "events before and behind count alike");
}

int main(void)
{
	test_scenes();
	test_off();
	test_words();
	test_before();
	test_later();
	return done();
}
