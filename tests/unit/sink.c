/* The sink framework: every answer of every call of a store, and what a stream does. */
#include "sink_run.h"

#include "sink/sink_metrics.h"

/* ---- every answer of every call */

static const struct {
	enum fake_call call;
	const char *name;
	bool lost; /* its work may be done and its answer lost */
} calls[] = {
	{ FAKE_CONNECT, "connect", false }, { FAKE_METRICS, "metrics", false },
	{ FAKE_METRICS_ADD, "add", true },  { FAKE_LOAD, "load", false },
	{ FAKE_INIT, "init", true },        { FAKE_LATENESS, "lateness", false },
	{ FAKE_WRITE, "write", true },      { FAKE_STORE, "store", true },
};

static void test_answers(void)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const char *name = calls[i].name;

		fake_new();
		plan(calls[i].call, SINK_RETRY, 1, false);
		is_int(run(whole), 0, name);
		check_stored("one failure that passes", 5, 10);
		ok(strstr(said, "trying again") && strstr(said, "back after"), "both are told");

		fake_new();
		plan(calls[i].call, SINK_RETRY, 1000, false);
		is_int(run(whole), EX_UNAVAILABLE, "one that stays is 69");
		ok(strstr(said, "given up after 150ms (--retry-for)"), "with the option: %s", said);
		ok(!fake->n_pos || fake->pos[0].next == 0, "no position has moved");

		fake_new();
		plan(calls[i].call, SINK_FATAL, 1, false);
		is_int(run(whole), EX_CONFIG, "a fatal one is the driver's code");
		ok(strstr(said, "the fake says so") && strstr(wrote, "\"k\":\"fail\""), "told");

		if (!calls[i].lost)
			continue;
		fake_new();
		plan(calls[i].call, SINK_RETRY, 1, true);
		is_int(run(whole), 0, "done, and the answer lost");
		check_stored("has one effect", 5, 10);
		is_int((long long)fake->metrics, 1, "one metric");
	}
}

/* ---- what a stream does */

static void test_epochs(void)
{
	fake_new();
	is_int(run(whole), 0, "a job");
	check_stored("stored", 5, 10);
	is_int((long long)fake->dead, 1, "the dead record too");
	is_int(fake->lateness_us, 7, "and the lateness");
	ok(strstr(wrote, "\"sinks\":[{\"s\":\"fake:there\",\"gen\":null"), "the first probe: none");
	ok(strstr(wrote, "\"gen\":\"" GEN "\""), "the second: its generation");

	is_int(run(HELLO PROBE EPOCH END), 0, "the same epoch again");
	check_stored("is skipped", 5, 10);
	is_int((long long)fake->calls[FAKE_WRITE], 1, "and is not written");

	is_int(run(HELLO PROBE ROW BAR("5", "20") END), EX_TEMPFAIL, "another cut is a conflict");
	ok(strstr(said, "epoch 1: a/0 stands at 10 here"), "in words: %s", said);
	check_stored("and changes nothing", 5, 10);

	plan(FAKE_STORE, SINK_CONFLICT, 1, false);
	is_int(run(HELLO PROBE ROW BAR("10", "20") END), EX_TEMPFAIL, "moved under us");
	plan(FAKE_STORE, SINK_APPLIED, 1, false);
	is_int(run(HELLO PROBE ROW BAR("10", "20") END), 0, "stored under us");
}

/* Written, and its position was not: the process is gone. */
static void test_half_done(void)
{
	fake_new();
	plan(FAKE_STORE, SINK_RETRY, 1000, false);
	is_int(run(whole), EX_UNAVAILABLE, "the position cannot be stored");
	check_stored("the rows are there", 5, 0);
	plan(FAKE_STORE, SINK_OK, 0, false);
	is_int(run(HELLO PROBE EPOCH END), 0, "the epoch comes again");
	check_stored("under the same name it has one effect", 5, 10);
	is_int((long long)fake->batches, 1, "one batch");
}

static const char *const expired_once = "\"expired\":1";

static void test_counts(void)
{
	fake_new();
	is_int(run(whole), 0, "an epoch with a row past its life");
	ok(strstr(wrote, expired_once), "which is counted");
	fake_new();
	plan(FAKE_STORE, SINK_RETRY, 2, false);
	is_int(run_over(&fake_driver, NULL, whole, "--retry-for=1m"), 0,
	       "the same, written three times until the position is stored");
	ok(strstr(wrote, expired_once), "is counted once");
}

static void test_init(void)
{
	fake_new();
	is_int(run(HELLO PROBE INIT("\"other:x\"", "fresh", GEN, "0") END), 0, "fresh for another");
	check_stored("is not for us", 0, -1);
	is_int(run(HELLO PROBE INIT("\"fake:there\"", "fresh", GEN, "0") END), 0, "fresh");
	check_stored("is", 0, 0);
	is_int(run(HELLO PROBE INIT("\"fake:there\"", "boot", "1111111111111111", "0") END), 0,
	       "boot with another generation");
	is_str(fake->gen, GEN, "takes nothing where there is one");
	is_int(run(HELLO PROBE ADOPT END), 0, "adopt what is there");
	is_int(run(HELLO PROBE INIT("null", "new", GEN, "1") END), 0, "a new partition");
	is_int((long long)fake->n_pos, 2, "is known");
	is_int(run(HELLO PROBE INIT("null", "new", "1111111111111111", "2") END), EX_TEMPFAIL,
	       "one of another generation is 75");
	is_int(run(HELLO PROBE INIT("null", "adopt", "1111111111111111", "0") END), EX_TEMPFAIL,
	       "so is another generation to adopt");
	ok(strstr(said, "another pipeline has started it"), "in words: %s", said);
	fake_text(fake->group, slice_z("other"));
	is_int(run(HELLO PROBE END), EX_CONFIG, "another group is 78");
	ok(strstr(said, "job web belongs to group other here"), "in words: %s", said);
}

static void test_metrics(void)
{
	fake_new();
	is_int(run(HELLO PROBE END), 0, "a job that has not begun");
	is_int((long long)fake->metrics, 0, "takes no name");
	is_int(fake->calls[FAKE_METRICS_ADD], 1, "but asks");
	is_int(run(whole), 0, "one that begins does");
	ok(fake->metric[0].since_us == POS_NONE, "from its first window on");
	is_int(run(HELLO_OF("00000000000000bb") PROBE END), EX_CONFIG, "another definition is 78");
	ok(strstr(said, "has another definition"), "in words: %s", said);
	fake->metrics = 0;
	is_int(run(HELLO PROBE END), 0, "a later metric");
	is_int(fake->metric[0].since_us, 120000000, "counts from the window after the watermark");
	fake->metrics = 0;
	is_int(run(HELLO_WITH("00000000000000aa", ",\"final\":true") PROBE END), 0,
	       "a later metric of final rows");
	ok(fake->metric[0].since_us == POS_NONE, "has all of its windows");

	/* two pipelines register one name at once */
	fake_new();
	fake_text(fake->rival, slice_z("web"));
	plan(FAKE_METRICS_ADD, SINK_APPLIED, 1, false);
	is_int(run(HELLO PROBE ADOPT EPOCH END), 0, "the same metric, registered by another first");
	is_int((long long)fake->metrics, 1, "stands there once");
	fake_new();
	fake_text(fake->rival, slice_z("shop"));
	plan(FAKE_METRICS_ADD, SINK_APPLIED, 1, false);
	is_int(run(HELLO PROBE ADOPT EPOCH END), EX_CONFIG, "another job's");
	ok(strstr(said, "has another owner; stored: job shop"), "is 78, in words: %s", said);
}

static int told(const char *input)
{
	return run_over(&fake_driver, NULL, input, "-v");
}

/* Deltas of a window that ends at 00:01, which is final from 7 us behind that on. */
static void test_late(void)
{
#define MARK(us) "{\"s\":\"hta-window\",\"in\":0,\"out\":0,\"wm\":[[\"a\",0," us "]]}"
	fake_new();
	is_int(told(HELLO PROBE ADOPT PROBE ROW BAR_AFTER(MARK("1767225660000006"), "0", "10")
			    ROW BAR("10", "20") END),
	       0, "a mark within the lateness");
	ok(!strstr(said, "were final already"), "... and all is in time");
	is_int(told(HELLO PROBE ROW BAR_AFTER(MARK("1767225660000007"), "20", "30")
			    ROW BAR("30", "40") END),
	       0, "a mark at the end of the lateness");
	ok(strstr(said, "1 deltas are for windows that were final already"), "... told: %s", said);
	check_stored("... and added all the same", 20, 40);
	is_int(told(HELLO PROBE PLAIN_ROW BAR("40", "50") END), 0, "a final row");
	ok(!strstr(said, "were final already"), "... is no delta");
}

static void test_elsewhere(void)
{
	fake_new();
	is_int(run_over(&fake_rows_driver, NULL, whole, NULL), EX_USAGE, "positions nowhere");
	ok(strstr(said, "where shall its positions stand? give --positions"), "in words: %s", said);
	is_int(run_over(&fake_rows_driver, ELSEWHERE, whole, NULL), 0, "positions elsewhere");
	check_stored("both stored", 5, 10);
	is_int(fake->calls[FAKE_CONNECT], 2, "two stores are connected");
	is_int(run_over(&fake_rows_driver, ELSEWHERE, "", "--reset=web"), 0, "and reset");
	check_stored("both", 0, -1);
}

/* A stream without a window above. */
static void test_records(void)
{
#define HELLO_RECORDS                                                                       \
	"{\"$hta\":\"hello\",\"v\":1,\"inc\":\"" INC "\",\"job\":\"web\",\"group\":null,"   \
	"\"unit\":\"byte\",\"ack\":\"/no\",\"stages\":[{\"s\":\"hta-consume\",\"version\":" \
	"\"0\",\"pid\":1,\"cfg\":\"0000000000000000\"}]}\n"
#define AT CTL "\"at\",\"t\":\"a\",\"p\":0,\"o\":100}\n"
	fake_new();
	is_int(run(HELLO_RECORDS PROBE END), EX_USAGE, "a store of rows takes no records");
	ok(strstr(said, "no hta-window above"), "in words: %s", said);
	is_int(run_over(&fake_records_driver, NULL, whole, NULL), EX_USAGE, "nor the other rows");
	ok(strstr(said, "stores records"), "in words: %s", said);
	exact = true;
	is_int(run_over(&fake_records_driver, NULL,
			HELLO_RECORDS PROBE ADOPT PROBE AT "one\nthree\n" BAR_AFTER(
				"{\"s\":\"hta-consume\",\"in\":2,\"out\":2,\"bytes\":10}", "0",
				"110") END,
			NULL),
	       0, "records");
	ok(strstr(wrote, "one\nthree\n"), "go on");
	is_str(fake->records, "a/0:100 one\na/0:104 three\n", "each with its own offset");
	is_int(fake->pos[0].next, 110, "with their position");
	exact = false;
	is_int(run_over(&fake_records_driver, NULL,
			HELLO_RECORDS PROBE AT "one\n" BAR("110", "114") END, NULL),
	       EX_USAGE, "those of a foreign filter have none");
}

static void test_reset(void)
{
	static const enum fake_call each[] = { FAKE_DROP, FAKE_RESET };

	for (size_t i = 0; i < 2; i++)
		for (int lost = 0; lost < 2; lost++) {
			fake_new();
			is_int(run(whole), 0, "a job");
			plan(each[i], SINK_RETRY, 1, lost);
			is_int(run_over(&fake_driver, NULL, "", "--reset=web"), 0, "--reset");
			ok(strstr(wrote, "job web deleted: 5 rows"), "says: %s", wrote);
			check_stored("all is gone", 0, -1);
		}
	plan(FAKE_DROP, SINK_FATAL, 1, false);
	is_int(run_over(&fake_driver, NULL, "", "--reset=web"), EX_CONFIG, "refused");
}

static void test_plain(void)
{
	fake_new();
	is_int(run(PLAIN_ROW), EX_USAGE, "a store without `put` takes no plain stream");
	ok(strstr(said, "stores no plain stream"), "in words: %s", said);
	plan(FAKE_PUT, SINK_RETRY, 1, false);
	is_int(run_over(&fake_plain_driver, NULL, PLAIN_ROW, NULL), 0, "another does");
	is_int((long long)fake->count, 5, "once");
	is_int((long long)fake->metrics, 1, "and registers its metric");
	plan(FAKE_PUT, SINK_FATAL, 1, false);
	fake->plan[FAKE_PUT].code = EX_DATAERR;
	is_int(run_over(&fake_plain_driver, NULL, PLAIN_ROW, NULL), EX_DATAERR, "or refuses");
}

int main(void)
{
	if (make_pages())
		return 99;
	test_answers();
	test_epochs();
	test_half_done();
	test_counts();
	test_init();
	test_metrics();
	test_late();
	test_elsewhere();
	test_records();
	test_reset();
	test_plain();
	remove_pages();
	return done();
}
