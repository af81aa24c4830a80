/* The sink framework with claimed epochs: rows are stored once, wherever it ends. */
#include "sink_run.h"

static int claimed(const char *input)
{
	return run_over(&fake_claimed_driver, ELSEWHERE, input, NULL);
}

/* One call of all that an epoch makes answers so; the epoch is stored once all the same. */
static void check_claimed(enum fake_call call, bool lost, const char *name)
{
	fake_new();
	plan(call, SINK_RETRY, 1, lost);
	is_int(claimed(whole), 0, name);
	check_stored(lost ? "done, and the answer lost" : "a failure that passes", 5, 10);
	is_int((long long)fake->batches, 1, "written once");
	is_int((long long)fake->claims, 1, "one claim is left, done");
}

static void test_claims(void)
{
	fake_new();
	is_int(claimed(whole), 0, "a claimed epoch");
	check_stored("stored", 5, 10);
	is_int((long long)fake->claims, 1, "its claim");
	is_str(fake->claim[0].id, fake->batch[0], "has the batch's name");
	ok(strstr(fake->claim[0].doc, "\nrows 1") != NULL, "and what settles it");
	is_int(claimed(HELLO PROBE EPOCH END), 0, "the same epoch again");
	check_stored("is skipped", 5, 10);
	is_int(claimed(HELLO PROBE ROW BAR("10", "20") END), 0, "the next one");
	check_stored("goes on", 10, 20);
	is_int((long long)fake->claims, 1, "and its claim takes the other's place");
	is_int(claimed(HELLO PROBE ROW BAR("10", "30") END), EX_TEMPFAIL,
	       "another cut is a conflict");
	check_stored("and changes nothing", 10, 20);
	fake->emptied = true;
	is_int(claimed(HELLO PROBE END), EX_CONFIG, "a store that has lost what was stored is 78");
	ok(strstr(said, "has lost what was stored of job web"), "in words: %s", said);

	check_claimed(FAKE_CHANGE, false, "the claim");
	check_claimed(FAKE_CHANGE, true, "the claim");
	check_claimed(FAKE_WRITE, false, "the write");
	check_claimed(FAKE_WRITE, true, "the write");
	check_claimed(FAKE_STORE, false, "the positions");
	check_claimed(FAKE_STORE, true, "the positions");
}

/* The process ends between claim, write and positions, and another comes: the source is told where
 * it really stands, and the records are stored once whatever their pieces. */
static void check_left_open(enum fake_call call, bool lost, int64_t next)
{
	fake_new();
	plan(call, SINK_FATAL, 1, lost);
	is_int(claimed(whole), EX_CONFIG, "an end in the middle");
	is_int(fake->pos[0].next, 0, "no position has moved");
	is_int(claimed(HELLO PROBE END), 0, "the next start");
	is_int(fake->pos[0].next, next, next ? "finds it stored" : "finds it not stored");
	ok(strstr(wrote, next ? "\"next\":10" : "\"next\":0"), "and says so: %s", wrote);
	is_int(claimed(next ? HELLO PROBE ROW BAR("10", "20") END
			    : HELLO PROBE ROW BAR("0", "20") END),
	       0, "it goes on");
	check_stored("and all is stored once", next ? 10 : 5, 20);
}

static void test_claims_left(void)
{
	check_left_open(FAKE_CHANGE, true, 0);
	check_left_open(FAKE_WRITE, false, 0);
	check_left_open(FAKE_WRITE, true, 10);
	check_left_open(FAKE_STORE, false, 10);

	/* one that is met at a barrier, not at a start: another pipeline has left it since */
	fake_new();
	is_int(claimed(HELLO PROBE ADOPT END), 0, "a job that has begun");
	fake->claims = 1;
	snprintf(fake->claim[0].id, sizeof(fake->claim[0].id), "%032d", 7);
	snprintf(fake->claim[0].doc, sizeof(fake->claim[0].doc),
		 "{\"s\":\"x\",\"gen\":null,\"now\":false,\"pos\":[{\"t\":\"a\",\"p\":0,"
		 "\"init\":0,\"next\":7}]}\nrows 1");
	fake->burns = 0;
	is_int(claimed(HELLO ROW BAR("0", "10") END), 0, "a claim of another pipeline");
	is_int((long long)fake->burns, 1, "is made useless");
	check_stored("before the epoch", 5, 10);

	/* the owner of a claim that was settled comes too late */
	plan(FAKE_WRITE, SINK_CONFLICT, 1, false);
	is_int(claimed(HELLO PROBE ROW BAR("10", "20") END), EX_TEMPFAIL, "one that comes late");
	check_stored("moves nothing", 5, 10);
	is_int(claimed(HELLO PROBE END), 0, "and its claim");
	check_stored("is settled", 5, 10);
	is_int(run_over(&fake_claimed_driver, ELSEWHERE, "", "--reset=web"), 0, "a reset");
	is_int((long long)fake->claims, 0, "leaves no claim");
}

int main(void)
{
	if (make_pages())
		return 99;
	test_claims();
	test_claims_left();
	remove_pages();
	return done();
}
