/* The table of keys against a list of what it should hold, while entries come and go. */
#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "random.h"
#include "xform/dedup_table.h"

enum { ENTRIES = 20000, STEPS = 60000, KEYS = 6000 };

static struct dedup_entry entry[ENTRIES];
static bool held[ENTRIES];

/* Few keys share a home with many others, some keys have several places. */
static void make_entries(uint64_t mask)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t key = below(KEYS);

		entry[i] = (struct dedup_entry){ .key = { (key * 0x9e3779b97f4a7c15) | mask, key },
						 .offset = i,
						 .part = 1 + i % 3,
						 .time_s = below(1000) };
		held[i] = false;
	}
}

static struct dedup_seen seek(const struct dedup_entry *e)
{
	struct dedup_seen seen = { 0 };

	for (unsigned i = 0; i < ENTRIES; i++) {
		const struct dedup_entry *x = &entry[i];

		if (!held[i] || x->key[0] != e->key[0] || x->key[1] != e->key[1])
			continue;
		seen.any = true;
		seen.same = seen.same || (x->part == e->part && x->offset == e->offset);
		seen.latest_s = x->time_s > seen.latest_s ? x->time_s : seen.latest_s;
	}
	return seen;
}

static unsigned differences(const struct dedup_table *t)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < ENTRIES; i += 1 + below(40)) {
		struct dedup_seen want = seek(&entry[i]),
				  got = dedup_table_find(t, entry[i].key, entry[i].part,
							 entry[i].offset);

		wrong += want.any != got.any || want.same != got.same ||
			 want.latest_s != got.latest_s;
	}
	return wrong;
}

static void come_and_go(const char *name, uint64_t mask)
{
	struct dedup_table *t = dedup_table_new();
	size_t n = 0, lost = 0, swept;

	make_entries(mask);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = below(ENTRIES);

		if (held[i] && below(2)) {
			lost += !dedup_table_remove(t, &entry[i]);
			held[i] = false;
			n--;
		} else if (!held[i]) {
			lost += dedup_table_remove(t, &entry[i]);
			dedup_table_add(t, &entry[i]);
			held[i] = true;
			n++;
		}
	}
	ok(lost == 0, "%s: what was there could be removed, nothing else", name);
	is_int(dedup_table_count(t), n, name);
	is_int(differences(t), 0, "... every key has its places");
	swept = 0;
	for (unsigned i = 0; i < ENTRIES; i++)
		if (held[i] && (entry[i].time_s < 400 || entry[i].offset < 9000)) {
			held[i] = false;
			swept++;
		}
	is_int(dedup_table_sweep(t, 400, 9000), swept, "... a sweep counts what it takes");
	is_int(differences(t), 0, "... and takes what is old, nothing else");
	dedup_table_free(t);
}

int main(void)
{
	come_and_go("spread", 0);
	come_and_go("all homes at the end of the slots", 0xfffULL << 52);
	return done();
}
