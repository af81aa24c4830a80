/* An acknowledged source (source/consume.h on job/stream.h) over a log in memory, against sinks in
 * memory. Each case runs the source in a child; what is checked is what came down the pipe, what
 * the sinks hold, what was asked of the log, and the exit code. */
#include <poll.h>
#include <sys/stat.h>

#include "base/tm.h"
#include "fake_below.h"
#include "fake_input.h"
#include "source/consume.h"
#include "tool/prog.h"

enum { CASE_S = 120, SILENCE_MS = 200 };

#define GEN "fedcba9876543210"

static struct fake_input log_;
static struct below below;
static struct consume_conf conf;

static int run_consume(void *self, struct err *err)
{
	(void)self;
	return consume_acknowledged(&conf, &log_.log, err);
}

static int run_child(void *arg)
{
	static const struct opt none[] = { OPT_END };
	const struct prog prog = { .name = "hta-consume",
				   .summary = "",
				   .synopsis = "",
				   .opts = none,
				   .run = run_consume };
	char name[] = "hta-consume", quiet[] = "-q", *argv[] = { name, quiet, NULL };

	(void)arg;
	return prog_main(&prog, NULL, 2, argv);
}

/* A case: n partitions of that many records, this script of changes; reads to the log's end. */
static void begin(size_t n, int64_t records, const struct fake_change *script, size_t steps)
{
	alarm(CASE_S);
	fake_init(&log_, n, records, script, steps);
	conf = (struct consume_conf){ .group = "g",
				      .job = "j",
				      .until = { .kind = UNTIL_END },
				      .dead = { .to = "drop", .limit = 0.5 },
				      .max_line_bytes = 1 << 20,
				      .epoch = { .us = 3600 * TM_S, .records = 1000000 },
				      .retry_for_us = TM_S,
				      .drain_us = 10 * TM_S };
}

static void start(void)
{
	below_start(&below, run_child, NULL);
}

static void end(void)
{
	below_fini(&below);
	fake_fini(&log_);
}

static bool noted(const char *text)
{
	return strstr(log_.shared->notes, text) != NULL;
}

static const struct fake_change all_ours[] = { { INPUT_ASSIGNED, 3 } };

static void new_job(void)
{
	begin(2, 10, all_ours, 1);
	below_sink(&below, "a", "", FAKE_TOPIC, 0, NULL);
	start();
	ok(below_until(&below, CTL_INIT), "a new job: the sink gets a generation");
	ok(strlen(below.sink[0].gen) == CTL_INC_CHARS && below_at(&below, 0, FAKE_TOPIC, 1) == 0,
	   "... and where each partition starts");
	ok(below_until(&below, CTL_BAR), "a barrier");
	ok(noted("commit 0=0 1=0 wait\n"), "the generation was committed before any record");
	ok(below_until(&below, CTL_END), "... and the end");
	is_int(below_exit(&below), 0, "all was acknowledged");
	is_int(below.records, 20, "every record");
	is_int(below.read, 20, "... is in the accounts");
	is_int(below_at(&below, 0, FAKE_TOPIC, 0), 10, "... and stored");
	ok(noted("commit 0=10 1=10 wait\n") && noted("close\n"), "the last commit, synchronous");
	end();
}

/* Before anything is read by all: the partition where they differ, alone, up to the other sink. */
static void catch_up(void)
{
	static const int64_t ahead[] = { 6, 4 }, behind[] = { 2, 4 };

	begin(2, 10, all_ours, 1);
	below_sink(&below, "a", GEN, FAKE_TOPIC, 2, ahead);
	below_sink(&below, "b", GEN, FAKE_TOPIC, 2, behind);
	start();
	ok(below_until(&below, CTL_BAR), "two sinks differ: an epoch for the one behind");
	is_int(below.records, 4, "... has what it lacks");
	is_int(below_at(&below, 1, FAKE_TOPIC, 0), 6, "... and brings it to the other");
	is_int(below_exit(&below), 0, "then all is read for both");
	ok(!below.straddled, "no epoch straddled a sink's position");
	is_int(below.records, 14, "nothing was read twice");
	ok(noted("assign 0@2\n") && noted("assign 0@6 1@4\n"), "one partition alone, then all");
	is_int(below_at(&below, 0, FAKE_TOPIC, 1), 10, "one sink has all");
	is_int(below_at(&below, 1, FAKE_TOPIC, 1), 10, "... and the other");
	end();
}

static void revoked(enum input_change change, bool commits)
{
	const struct fake_change script[] = { { INPUT_ASSIGNED, 1 },
					      { change, 0 },
					      { INPUT_ASSIGNED, 1 } };

	begin(1, 5, script, 3);
	conf.until.kind = UNTIL_NEVER;
	below_sink(&below, "a", "", FAKE_TOPIC, 0, NULL);
	start();
	ok(below_records(&below, 5) && below.bars == 0, "records of an open epoch");
	fake_fire(&log_);
	ok(below_until(&below, CTL_BAR), "a change of the assignment cuts it");
	fake_fire(&log_);
	ok(below_until(&below, CTL_PROBE), "what comes after is surveyed anew");
	ok(noted(commits ? "commit 0=5 wait\nrevoked\n" : "revoked\n"), "the change was answered");
	while (!noted("assign 0@5\n"))
		poll(NULL, 0, 1);
	kill(below.pid, SIGTERM);
	ok(below_until(&below, CTL_END), "a signal ends it");
	is_int(below_exit(&below), 0, "... at a clean place");
	is_int(below.records, 5, "nothing was read twice");
	end();
}

/* Four epochs are on their way: a fifth waits for an ack. */
static void late_acks(void)
{
	struct pollfd p = { .events = POLLIN };

	begin(1, 12, all_ours, 1);
	conf.epoch.records = 2;
	below_sink(&below, "a", "", FAKE_TOPIC, 0, NULL);
	below.holds = true;
	start();
	while (below.bars < 4 && below_until(&below, CTL_BAR))
		;
	p.fd = fileno(below.in);
	while (poll(&p, 1, SILENCE_MS) > 0 && below_next(&below) != BELOW_EOF)
		;
	is_int(below.bars, 4, "acks are late: four epochs are in flight, no fifth");
	below_ack(&below);
	ok(below_until(&below, CTL_BAR) && below.bars == 5, "an ack makes room for one");
	while (below.acked < below.bars)
		below_ack(&below);
	below.holds = false;
	is_int(below_exit(&below), 0, "all acks have come");
	is_int(below_at(&below, 0, FAKE_TOPIC, 0), 12, "all is stored");
	end();
}

static void fail_below(void)
{
	struct buf message = { 0 };

	begin(1, 5, all_ours, 1);
	conf.until.kind = UNTIL_NEVER;
	conf.epoch.us = TM_S / 100;
	below_sink(&below, "a", "", FAKE_TOPIC, 0, NULL);
	below.holds = true;
	start();
	ok(below_until(&below, CTL_BAR), "a barrier");
	ctl_ack_line_write(&below.inc, "fail",
			   slice_z("{\"code\":65,\"s\":\"hta-sink\",\"msg\":\"bad row\"}"),
			   &message);
	below_send(&below, &message);
	ok(below_until(&below, CTL_FAIL), "a stage fails: those between hear of it");
	is_int(below_exit(&below), 65, "its code is ours");
	ok(!noted("commit 0=5"), "what it did not store is not committed");
	end();
}

static void gap(bool skip)
{
	static const int64_t next[] = { 2 };

	begin(1, 10, all_ours, 1);
	conf.on_gap_skip = skip;
	log_.part[0].low = 5;
	below_sink(&below, "a", GEN, FAKE_TOPIC, 1, next);
	start();
	ok(below_until(&below, skip ? CTL_BAR : CTL_FAIL), "records were deleted unread: %s",
	   skip ? "--on-gap skip covers them" : "the stream fails");
	is_int(below_exit(&below), skip ? 0 : EX_DATAERR, "exit code");
	is_int(below.lost, skip ? 3 : 0, "lost records are in the accounts");
	is_int(below.records, skip ? 5 : 0, "what is there is read");
	end();
}

int main(void)
{
	char dir[] = "/tmp/hta-source-XXXXXX", *clean;

	if (!mkdtemp(dir))
		return 1;
	setenv("HTA_RUN", dir, 1);
	signal(SIGPIPE, SIG_IGN);
	new_job();
	catch_up();
	revoked(INPUT_REVOKED, true);
	revoked(INPUT_GONE, false);
	late_acks();
	fail_below();
	gap(false);
	gap(true);
	clean = mem_printf("rm -r %s", dir);
	ok(system(clean) == 0, "cleaned up");
	free(clean);
	return done();
}
