/* The table of seen events against a list, over windows and generations. */
#include "tap.h"

#include "intake/idempotency.h"
#include "intake/seen.h"
#include "random.h"

enum { IDS = 400, STEPS = 200000, WINDOW_US = 1000, KINDS = 3000 };

static struct seen_key key_number(unsigned i)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", i);

	return seen_key_of(slice_z("t"), slice(text, (size_t)n));
}

/* What was added when, and as which of all. */
static struct {
	int64_t us;
	uint64_t number;
	uint32_t ticket;
	bool held;
} model[KINDS];

static void test_model(void)
{
	struct seen *s = seen_new(WINDOW_US, IDS, 10);
	int64_t now_us = 1;
	uint64_t number = 0;
	unsigned early = 0, late = 0, wrong = 0, found = 0;

	state = 3;
	for (uint32_t step = 1; step < STEPS; step++) {
		unsigned i = below(below(4) ? 300 : KINDS);

		now_us += below(20) ? below(3) : below(900);
		seen_begin(s, now_us, 1);
		const struct seen_entry *e = seen_find(s, key_number(i));
		int64_t age_us = now_us - model[i].us;
		uint64_t since = number - model[i].number;

		if (!e) {
			early += model[i].held && age_us < WINDOW_US && since < IDS / 2;
			model[i].us = now_us;
			model[i].number = number++;
			model[i].ticket = step;
			model[i].held = true;
			seen_add(s, &(struct seen_entry){ key_number(i), step, 1 });
		} else {
			found++;
			late += age_us > 2 * WINDOW_US || since > IDS;
			wrong += !model[i].held || e->ticket != model[i].ticket;
		}
		if (below(50) == 0 && !e) {
			seen_undo(s, 1);
			model[i].held = false;
			number--;
		}
	}
	ok(!early && !late && !wrong && found > STEPS / 10,
	   "%u found; forgotten early %u, late %u, wrong %u", found, early, late, wrong);
	ok(seen_stats(s).ids <= IDS + 2, "%zu ids are held", seen_stats(s).ids);
	seen_free(s);
}

static void test_undo(void)
{
	struct seen *s = seen_new(WINDOW_US, 2, 100);
	unsigned left = 0;

	seen_begin(s, 1, 100);
	for (unsigned i = 0; i < 100; i++)
		seen_add(s, &(struct seen_entry){ key_number(i), 1, 1 });
	seen_undo(s, 60);
	for (unsigned i = 0; i < 100; i++)
		left += !!seen_find(s, key_number(i)) == (i < 40);
	is_int(left, 100, "what was added last is taken back, no more");
	seen_begin(s, 1, 60);
	is_int(seen_stats(s).forgotten, 0, "a request that just fits turns nothing");
	seen_begin(s, 1, 61);
	ok(seen_find(s, key_number(3)), "one that does not fit turns one generation");
	seen_begin(s, 1 + 3 * WINDOW_US, 1);
	ok(!seen_find(s, key_number(3)), "after two windows all is forgotten");
	seen_begin(s, 5, 1);
	ok(seen_stats(s).since_us > 5, "a clock that goes back changes nothing");
	seen_free(s);
}

static void test_tickets(void)
{
	ok(!seen_waits(5, 5) && seen_waits(6, 5) && !seen_waits(4, 5), "tickets in order");
	ok(seen_waits(2, UINT32_MAX - 1) && !seen_waits(UINT32_MAX - 1, 2), "they wrap around");
}

static void test_keys(void)
{
	struct seen_key a = seen_key_of(slice("ab", 2), slice("c", 1)),
			b = seen_key_of(slice("a", 1), slice("bc", 2)),
			c = seen_key_other(slice("ab\0c", 4));

	ok(memcmp(&a, &b, sizeof(a)) != 0, "topic and id are apart");
	ok(memcmp(&a, &c, sizeof(a)) != 0, "other texts are apart from events");
}

static void test_idempotency(void)
{
	struct seen_entry e = idempotency_entry(slice_z("k"), slice_z("K"), slice_z("body"), 7), r;
	char text[IDEMPOTENCY_CHARS], one[UUID_CHARS + 1] = "", two[UUID_CHARS + 1] = "";

	idempotency_text(&e, text);
	ok(idempotency_read(slice(text, sizeof(text)), &r) == 0 &&
		   memcmp(&r.key, &e.key, sizeof(r.key)) == 0 && r.check == e.check,
	   "a request's stamp is read back");
	is_int(idempotency_read(slice(text, 39), &r), -1, "a short one is none");
	text[3] = 'x';
	is_int(idempotency_read(slice(text, 40), &r), -1, "one that is not hex is none");
	idempotency_event_id(slice_z("k"), slice_z("K"), 0, one);
	idempotency_event_id(slice_z("k"), slice_z("K"), 1, two);
	ok(one[14] == '8' && strchr("89ab", one[19]) && strcmp(one, two), "%s is a UUIDv8", one);
	idempotency_event_id(slice_z("k"), slice_z("K"), 1, one);
	is_str(one, two, "and always the same");
	uuid_v7(1760000000123456, 0xabcdef, 0x123456789abcdef0, one);
	is_str(one, "0199c82c-c07b-7abc-b7bc-159e26af37bc", "a UUIDv7 has time, counter, random");
}

int main(void)
{
	test_model();
	test_undo();
	test_tickets();
	test_keys();
	test_idempotency();
	return done();
}
