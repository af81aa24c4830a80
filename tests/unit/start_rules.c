/* Every row of the table "How a job starts", and what keeps a row from being taken. */
#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "job/start_rules.h"

enum { SINKS = 3 };
static struct ctl_sink_state sinks[SINKS];
static struct partitions parts;
static struct found found;
static struct start_decision d;

#define G1 "1111111111111111"
#define G2 "2222222222222222"

/* A sink that stands at init..next of events/0, with that generation. */
static struct ctl_sink_state *sink(const char *name, const char *gen, int64_t init, int64_t next)
{
	struct ctl_sink_state *s = &sinks[found.n++];
	struct position *p;

	s->name = mem_strdup(name);
	strcpy(s->gen, gen);
	if (!gen[0])
		return s;
	p = positions_add(&s->pos, slice_z("events"), 0);
	p->init = init;
	p->next = next;
	return s;
}

static void begin(void)
{
	for (size_t i = 0; i < SINKS; i++)
		ctl_sink_state_fini(&sinks[i]);
	memset(sinks, 0, sizeof sinks);
	partitions_fini(&parts);
	partitions_add(&parts, slice_z("events"), 0);
	found = (struct found){ .job = "j", .group = "g", .sinks = sinks, .parts = &parts };
}

static void commit(const char *gen, const char *job)
{
	found.commit = true;
	strcpy(found.commit_gen, gen);
	found.commit_job = job;
}

static const char *act(void)
{
	static const char *const names[] = { "start", "fresh", "adopt", "new", "stop" };

	start_decision_fini(&d);
	start_rules(&found, &d);
	return names[d.act];
}

static bool says(const char *text)
{
	return d.why.code == EX_CONFIG && strstr(d.why.msg, text);
}

static void none(void)
{
	begin(), sink("b", "", 0, 0), sink("a", "", 0, 0);
	is_str(act(), "fresh", "no generation, no commit: a fresh start");
	is_str(d.to, "a", "... at the first sink by name, not by place");
	commit(G1, "j");
	is_str(act(), "stop", "no generation, but a commit with one: stop");
	ok(says("--bootstrap a=init"), "... naming --bootstrap");
	commit("", NULL);
	is_str(act(), "stop", "no generation, a commit of somebody else: stop");
	found.group = NULL, found.commit = false;
	is_str(act(), "fresh", "files have no commits");
}

static void all(void)
{
	begin(), sink("a", G1, 0, 5), sink("b", G1, 0, 3);
	is_str(act(), "start", "one generation in all, no commit: start");
	ok(d.commit, "... after the generation is committed");
	is_str(d.gen, G1, "... which is the sinks'");
	commit(G1, "j");
	is_str(act(), "start", "one generation in all, the same in the commit: start");
	ok(!d.commit, "... at once");
	commit("", NULL);
	is_str(act(), "start", "one generation in all, a commit without one: start");
	ok(d.commit, "... after it is committed");
	commit(G2, "j");
	is_str(act(), "stop", "one generation in all, another in the commit: stop");
	ok(says("--reset j"), "... naming the way out");
	found.group = NULL, found.commit = false, found.commit_gen[0] = 0;
	is_str(act(), "start", "files: one generation in all: start");
	ok(!d.commit, "... nothing to commit");
}

static void some(void)
{
	begin(), sink("a", G1, 7, 7), sink("b", "", 0, 0);
	is_str(act(), "adopt", "one without, the other at its start: adopt");
	is_str(d.gen, G1, "... its generation");
	is_int(d.start.n, 1, "... its partitions");
	is_int(d.start.v[0].from, 7, "... from its start");
	begin(), sink("a", "", 0, 0), sink("b", G1, 7, 7), sink("c", G1, 7, 7);
	is_str(act(), "adopt", "whatever their order");
	begin(), sink("a", G1, 7, 8), sink("b", "", 0, 0);
	is_str(act(), "stop", "one without, the other further: stop");
	ok(says("--bootstrap b=init"), "... naming --bootstrap of the one without");
	begin(), sink("a", G1, 7, 7)->by_now = true, sink("b", "", 0, 0);
	is_str(act(), "stop", "one without, the other by `now`: stop");
	begin(), sink("a", G1, 7, 7), sink("b", "", 0, 0), sink("c", G1, 8, 8);
	is_str(act(), "stop", "others whose starts differ: stop");
	begin(), sink("a", G1, 7, 7), sink("b", "", 0, 0);
	partitions_add(&parts, slice_z("events"), 1);
	is_str(act(), "adopt", "a new partition does not keep from adopting");
	is_int(d.start.n, 1, "... and is not part of it");
	commit(G2, "j");
	is_str(act(), "adopt", "the commit is looked at when all agree");
	begin(), sink("a", G1, 7, 7), sink("b", "", 0, 0), sink("c", G2, 7, 7);
	is_str(act(), "stop", "one without, two different: stop");
}

static void others(void)
{
	begin(), sink("a", G1, 0, 0), sink("b", G2, 0, 0);
	is_str(act(), "stop", "two different: stop");
	ok(says("two different starts"), "... saying so");
	begin(), sink("a", G1, 9, 9), sink("b", G1, 9, 12);
	partitions_add(&parts, slice_z("events"), 1);
	is_str(act(), "new", "a partition that no sink knows: new");
	is_int(d.start.n, 1, "... only it");
	is_int(d.start.v[0].partition, 1, "... by its number");
	is_int(d.start.v[0].from, 0, "... from offset 0");
	positions_add(&sinks[0].pos, slice_z("events"), 1)->next = 40;
	is_str(act(), "new", "a partition that one sink does not know: new");
	is_int(d.start.v[0].from, 0, "... from 0, whatever the other has");
	commit(G2, "j");
	is_str(act(), "stop", "a new partition changes nothing about the commit's generation");
	begin(), sink("a", G1, 0, 5);
	commit(G1, "other");
	is_str(act(), "stop", "a group of another job: stop");
	ok(says("belongs to job other"), "... naming it");
	begin();
	is_str(act(), "start", "no sink with positions: start");
	is_str(d.gen, "", "... without a generation");
}

static void bootstrap(void)
{
	struct bootstrap b;
	struct err err = ERR_INIT;

	begin(), sink("a", G1, 3, 9), sink("b", "", 0, 0), sink("c", G1, 3, 8);
	ok(start_rules_bootstrap(&found, "b", false, &b, &err) == 0, "bootstrap by init");
	is_str(b.gen, G1, "... in the generation of the others");
	is_int(b.start.v[0].from, 3, "... from the job's start");
	ranges_fini(&b.start);
	ok(start_rules_bootstrap(&found, "b", true, &b, &err) == 0, "bootstrap by now");
	is_int(b.start.v[0].from, 8, "... from the lowest position of the others");
	ranges_fini(&b.start);
	sinks[0].by_now = true, sinks[0].pos.v[0].init = 1;
	ok(start_rules_bootstrap(&found, "b", false, &b, &err) == 0,
	   "bootstrap by init beside one by now");
	is_int(b.start.v[0].from, 3, "... is not the start that was set by hand");
	ranges_fini(&b.start);
	ok(start_rules_bootstrap(&found, "a", false, &b, &err) < 0 && err.code == EX_CONFIG,
	   "a sink that has a generation is left alone");
	ok(start_rules_bootstrap(&found, "x", false, &b, &err) < 0 && err.code == EX_USAGE &&
		   strstr(err.msg, "a, b, c"),
	   "an unknown sink: the known ones");
	begin(), sink("a", G1, 0, 0), sink("b", G2, 0, 0), sink("c", "", 0, 0);
	ok(start_rules_bootstrap(&found, "c", false, &b, &err) < 0 && err.code == EX_CONFIG,
	   "two generations: none is taken");
	begin(), sink("a", "", 0, 0), commit(G1, "j");
	ok(start_rules_bootstrap(&found, "a", false, &b, &err) == 0 && !b.gen[0] && b.start.n == 0,
	   "no generation anywhere: a new one, whatever the commit");
}

static void meta(void)
{
	struct buf text = { 0 };
	char gen[CTL_INC_CHARS + 1], *job;

	start_rules_meta_write(G1, "my job=x", &text);
	is_bytes(text.p, text.n, "hta1 gen=" G1 " job=my job=x", "metadata");
	start_rules_meta_read(buf_slice(&text), gen, &job);
	is_str(gen, G1, "... read back: generation");
	is_str(job, "my job=x", "... job");
	free(job);
	text.n = 0;
	start_rules_meta_write("", "j", &text);
	start_rules_meta_read(buf_slice(&text), gen, &job);
	ok(!gen[0] && job && strcmp(job, "j") == 0, "without a generation");
	free(job);
	start_rules_meta_read(slice_z("something else"), gen, &job);
	ok(!gen[0] && !job, "somebody else's text says nothing");
	start_rules_meta_read(slice_z("hta1 gen=11"), gen, &job);
	ok(!gen[0] && !job, "cut text says nothing");
	buf_fini(&text);
}

int main(void)
{
	none();
	all();
	some();
	others();
	bootstrap();
	meta();
	begin();
	start_decision_fini(&d);
	partitions_fini(&parts);
	return done();
}
