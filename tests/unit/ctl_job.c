/* Control records of a job: what sinks hold, where they start, barriers, and the records that
 * leave the main path. */
#include "ctl_lines.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- probe, init */

static void fill_state(struct ctl_sink_state *s, const char *name, const char *gen)
{
	*s = (struct ctl_sink_state){ .name = mem_strdup(name), .by_now = gen[0] == 'f' };
	memcpy(s->gen, gen, strlen(gen) + 1);
	for (int i = 0; i < 3 && gen[0]; i++) {
		struct position *p = positions_add(&s->pos, slice_z("events"), i);
		p->init = 7 * i;
		p->next = 100 + i;
		if (i == 0)
			continue;
		p->last = (struct pos_last){ p->next - 1, i == 1 ? POS_NONE : 1700000000000000,
					     0xfedcba9876543210u + (unsigned)i };
		p->watermark_us = 1700000000123456;
		p->idle = i == 2;
	}
}

static bool same_state(const struct ctl_sink_state *a, const struct ctl_sink_state *b)
{
	if (strcmp(a->name, b->name) || strcmp(a->gen, b->gen) || a->by_now != b->by_now ||
	    a->pos.n != b->pos.n)
		return false;
	for (size_t i = 0; i < a->pos.n; i++) {
		const struct position *x = &a->pos.v[i], *y = &b->pos.v[i];
		if (strcmp(x->topic, y->topic) || x->partition != y->partition ||
		    x->init != y->init || x->next != y->next || x->last.offset != y->last.offset ||
		    x->last.time_us != y->last.time_us || x->last.hash != y->last.hash ||
		    x->watermark_us != y->watermark_us || x->idle != y->idle)
			return false;
	}
	return true;
}

static void test_probe(void)
{
	struct ctl_sink_state s[3], *got;
	struct buf line[4] = { 0 }, element = { 0 };
	struct ctl c = { 0 };
	struct err err = ERR_INIT;
	size_t n;
	uint64_t number;
	fill_state(&s[0], "pg:hta_rollups", GEN);
	fill_state(&s[1], "redis:\"x\"", "");
	fill_state(&s[2], "sqlite:r", INC);
	buf_addz(&line[0], OPEN "\"k\":\"probe\",\"n\":18446744073709551615,\"job\":\"j\","
				"\"claim\":[3],\"sinks\":[]}");
	for (int i = 0; i < 3; i++) {
		element.n = 0;
		ctl_sink_state_write(&s[i], &element);
		ok(ctl_grow(buf_slice(&line[i]), buf_slice(&element), &line[i + 1]) == 0,
		   "sink %d adds its state", i);
	}
	read_back(&c, &line[3], CTL_PROBE);
	if (ok(ctl_probe_read(&c, &number, &got, &n, &err) == 0 && n == 3 && number == UINT64_MAX,
	       "is read %s", err.msg))
		for (size_t i = 0; i < n; i++) {
			ok(same_state(&s[i], &got[i]), "state %zu", i);
			ctl_sink_state_fini(&got[i]);
		}
	free(got);
	read_back(&c, &line[0], CTL_PROBE);
	ok(ctl_probe_read(&c, &number, &got, &n, &err) == 0 && n == 0, "without a sink");
	free(got);
	for (int i = 0; i < 4; i++)
		buf_fini(&line[i]);
	for (int i = 0; i < 3; i++)
		ctl_sink_state_fini(&s[i]);
	buf_fini(&element);
	ctl_fini(&c);
}

#define PROBE(sinks) OPEN "\"k\":\"probe\",\"n\":1,\"sinks\":" sinks "}"
#define SINK(members) PROBE("[{\"s\":\"a\",\"gen\":null,\"now\":false,\"pos\":[]},{" members "}]")
#define POS(members) SINK("\"s\":\"b\",\"gen\":\"" GEN "\",\"now\":true,\"pos\":[{" members "}]")

static void test_probe_refused(void)
{
	static const char *const cases[] = {
		OPEN "\"k\":\"probe\",\"sinks\":[]}",
		PROBE("{}"),
		PROBE("null"),
		PROBE("[1]"),
		SINK(""),
		SINK("\"s\":\"b\""),
		SINK("\"s\":\"b\",\"gen\":\"12\",\"pos\":[]"),
		SINK("\"s\":\"b\",\"gen\":5,\"pos\":[]"),
		SINK("\"s\":\"b\",\"now\":1,\"pos\":[]"),
		POS(""),
		POS("\"t\":\"e\",\"p\":0,\"init\":0"),
		POS("\"t\":\"e\",\"p\":-1,\"init\":0,\"next\":1"),
		POS("\"t\":\"e\",\"p\":2147483648,\"init\":0,\"next\":1"),
		POS("\"t\":\"e\",\"p\":0,\"init\":-1,\"next\":1"),
		POS("\"t\":\"e\\u0000\",\"p\":0,\"init\":0,\"next\":1"),
		POS("\"t\":\"\\ud800\",\"p\":0,\"init\":0,\"next\":1"),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1.5"),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1,\"lo\":0"),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1,\"lo\":0,\"lh\":\"0\""),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1,\"lo\":-5,\"lh\":\"" GEN "\""),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1,\"wm\":\"x\""),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1,\"idle\":0"),
		POS("\"t\":\"e\",\"p\":0,\"init\":0,\"next\":1},{\"t\":\"e\",\"p\":0,\"init\":0,"
		    "\"next\":1"),
	};
	struct ctl c = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct ctl_sink_state *got;
		size_t n;
		uint64_t number;
		ok(parse(&c, cases[i], &err) == 0, "probe %zu parses", i);
		ok(ctl_probe_read(&c, &number, &got, &n, &err) == -1 && err.code == EX_DATAERR &&
			   !got && n == 0,
		   "and is refused: %s", err.msg);
	}
	ctl_fini(&c);
}

static void test_init(void)
{
	static const enum ctl_act acts[] = { CTL_FRESH, CTL_ADOPT, CTL_NEW, CTL_BOOT };
	struct buf b = { 0 };
	struct ctl c = { 0 };
	struct err err = ERR_INIT;
	struct ctl_init i = { .gen = GEN }, got;
	ranges_add(&i.start, z("a"), 0)->from = 5;
	ranges_add(&i.start, z("\xc3\xa9\"\\"), 12)->from = INT64_MAX;
	for (size_t k = 0; k < 4; k++) {
		i.act = acts[k];
		i.by_now = k % 2;
		i.to = i.act == CTL_FRESH || i.act == CTL_BOOT ? z("pg:t \"x\"") : slice(NULL, 0);
		b.n = 0;
		ctl_init_write(&inc, &i, &b);
		read_back(&c, &b, CTL_INIT);
		if (!ok(ctl_init_read(&c, &got, &err) == 0, "init %zu %s", k, err.msg))
			continue;
		ok(got.act == i.act && got.by_now == i.by_now && strcmp(got.gen, GEN) == 0 &&
			   slice_eq(got.to, i.to) && !got.to.p == !i.to.p,
		   "members");
		ok(got.start.n == 2 && strcmp(got.start.v[1].topic, i.start.v[1].topic) == 0 &&
			   got.start.v[1].partition == 12 && got.start.v[1].from == INT64_MAX &&
			   got.start.v[0].from == 5 && got.start.v[0].to == 5,
		   "starts");
		ranges_fini(&got.start);
	}
	static const char *const bad[] = {
		OPEN "\"k\":\"init\",\"to\":\"a\",\"act\":\"old\",\"gen\":\"" GEN "\",\"pos\":[]}",
		OPEN "\"k\":\"init\",\"to\":\"a\",\"gen\":\"" GEN "\",\"pos\":[]}",
		OPEN "\"k\":\"init\",\"to\":null,\"act\":\"fresh\",\"gen\":\"" GEN "\",\"pos\":[]}",
		OPEN "\"k\":\"init\",\"act\":\"boot\",\"gen\":\"" GEN "\",\"pos\":[]}",
		OPEN "\"k\":\"init\",\"act\":\"new\",\"gen\":null,\"pos\":[]}",
		OPEN "\"k\":\"init\",\"act\":\"new\",\"gen\":\"" GEN "\"}",
		OPEN "\"k\":\"init\",\"act\":\"new\",\"gen\":\"" GEN
		     "\",\"pos\":[{\"t\":\"a\",\"p\":0}]}",
		OPEN "\"k\":\"init\",\"act\":\"new\",\"gen\":\"" GEN "\",\"pos\":[0]}",
		OPEN "\"k\":\"init\",\"act\":\"new\",\"gen\":\"" GEN
		     "\",\"pos\":[{\"t\":\"a\",\"p\":0,\"o\":1},{\"t\":\"a\",\"p\":0,\"o\":1}]}",
	};
	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		err_clear(&err);
		ok(parse(&c, bad[k], &err) == 0 && ctl_init_read(&c, &got, &err) == -1 &&
			   err.code == EX_DATAERR && !got.start.v,
		   "refused: %s", err.msg);
	}
	ranges_fini(&i.start);
	buf_fini(&b);
	ctl_fini(&c);
}

/* ---- barriers */

static void test_bar(void)
{
	struct ranges r = { 0 }, marks = { 0 };
	struct buf line[3] = { 0 }, element = { 0 };
	struct ctl c = { 0 };
	struct ctl_bar bar;
	struct err err = ERR_INIT;
	const struct account source = { .in = 11, .out = 10, .bytes = 500, .filtered = 1 };
	const struct account window = { .in = 10, .aggregated = 10, .rows_out = 2, .bytes = 300 };
	*ranges_add(&r, z("events"), 0) = (struct range){ .topic = r.v[0].topic,
							  .from = 5,
							  .to = 16,
							  .last = { 15, 1700000000000000, 1 },
							  .watermark_us = POS_NONE };
	struct range *idle = ranges_add(&r, z("events"), 1);
	idle->from = idle->to = 9;
	idle->idle = true;
	ranges_add(&marks, z("events"), 0)->watermark_us = 1600000000000001;
	ranges_add(&marks, z("events"), 1); /* none */
	ranges_add(&marks, z("elsewhere"), 0)->watermark_us = 5;
	ctl_account_write("hta-consume", &source, NULL, &element);
	is_bytes(element.p, element.n,
		 "{\"s\":\"hta-consume\",\"in\":11,\"out\":10,\"bytes\":500,\"filtered\":1}",
		 "the source's account");
	ctl_bar_write(&inc, 17, GEN, "", &r, buf_slice(&element), &line[0]);
	is_bytes(line[0].p, line[0].n,
		 OPEN "\"k\":\"bar\",\"e\":17,\"gen\":\"" GEN "\",\"r\":["
		      "{\"t\":\"events\",\"p\":0,\"f\":5,\"to\":16,\"lo\":15,\"lt\":"
		      "1700000000000000,\"lh\":\"0000000000000001\",\"idle\":false},"
		      "{\"t\":\"events\",\"p\":1,\"f\":9,\"to\":9,\"idle\":true}],"
		      "\"acct\":[{\"s\":\"hta-consume\",\"in\":11,\"out\":10,\"bytes\":500,"
		      "\"filtered\":1}]}",
		 "a barrier");
	element.n = 0;
	ctl_account_write("hta-window", &window, &marks, &element);
	is_bytes(element.p, element.n,
		 "{\"s\":\"hta-window\",\"in\":10,\"out\":0,\"bytes\":300,\"agg\":10,\"rows\":2,"
		 "\"wm\":[[\"events\",0,1600000000000001],[\"elsewhere\",0,5]]}",
		 "the window's account");
	ok(ctl_grow(buf_slice(&line[0]), buf_slice(&element), &line[1]) == 0, "grows");
	ok(ctl_grow(buf_slice(&line[1]),
		    z("{\"s\":\"x\",\"in\":0,\"out\":0,\"rows_in\":2,\"rows\":2,\"wm\":[["
		      "\"events\",0,\"1600000000000000\"]]}"),
		    &line[2]) == 0,
	   "again");
	read_back(&c, &line[2], CTL_BAR);
	if (ok(ctl_bar_read(&c, &bar, &err) == 0 && bar.epoch == 17 && slice_is(bar.gen, GEN) &&
		       bar.ranges.n == 2,
	       "is read %s", err.msg)) {
		const struct range *a = &bar.ranges.v[0], *b = &bar.ranges.v[1];
		ok(a->from == 5 && a->to == 16 && a->last.offset == 15 &&
			   a->last.time_us == 1700000000000000 && a->last.hash == 1 && !a->idle,
		   "a range");
		is_int(a->watermark_us, 1600000000000001, "the highest watermark of all stages");
		ok(b->from == 9 && b->to == 9 && b->last.offset == -1 && b->idle &&
			   b->watermark_us == POS_NONE,
		   "a range without records");
		ranges_fini(&bar.ranges);
	}
	line[0].n = 0;
	ctl_bar_write(&inc, 1, "", "", &(struct ranges){ 0 }, slice(NULL, 0), &line[0]);
	read_back(&c, &line[0], CTL_BAR);
	ok(ctl_bar_read(&c, &bar, &err) == 0 && bar.ranges.n == 0 && bar.gen.n == 0,
	   "an empty one, without a generation");
	for (int i = 0; i < 3; i++)
		buf_fini(&line[i]);
	buf_fini(&element);
	ranges_fini(&r);
	ranges_fini(&marks);
	ctl_fini(&c);
}

#define RANGE(members) BAR("\"r\":[{\"t\":\"a\",\"p\":0," members "}],\"acct\":[]")

static void test_bar_refused(void)
{
	static const char *const cases[] = {
		OPEN "\"k\":\"bar\",\"gen\":\"" GEN "\",\"r\":[],\"acct\":[]}",
		OPEN "\"k\":\"bar\",\"e\":-1,\"gen\":\"" GEN "\",\"r\":[],\"acct\":[]}",
		OPEN "\"k\":\"bar\",\"e\":1,\"r\":[],\"acct\":[]}",
		BAR("\"acct\":[]"),
		BAR("\"r\":[]"),
		BAR("\"r\":[1],\"acct\":[]"),
		RANGE("\"f\":1"),
		RANGE("\"to\":1"),
		RANGE("\"f\":2,\"to\":1"),
		RANGE("\"f\":-2,\"to\":1"),
		RANGE("\"f\":0,\"to\":1},{\"t\":\"a\",\"p\":0,\"f\":1,\"to\":2"),
		RANGE("\"f\":0,\"to\":1,\"idle\":1"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":1}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[1]}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[[]]}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[[\"a\",0]]}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[[\"a\",0],5]}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[[\"a\"]]}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[[\"a\",[],0]]}]"),
		BAR("\"r\":[],\"acct\":[{\"s\":\"x\",\"wm\":[[0,0,0]]}]"),
	};
	struct ctl c = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct ctl_bar bar;
		ok(parse(&c, cases[i], &err) == 0, "bar %zu parses", i);
		ok(ctl_bar_read(&c, &bar, &err) == -1 && err.code == EX_DATAERR && !bar.ranges.v,
		   "and is refused: %s", err.msg);
	}
	ctl_fini(&c);
}

/* ---- dead and late */

static void test_dead_case(struct slice record, bool base64, struct slice kept, bool late)
{
	struct buf b = { 0 }, bytes = { 0 };
	struct ctl c = { 0 };
	struct ctl_dead d = { .late = late,
			      .stage = z("hta-window"),
			      .topic = late ? slice(NULL, 0) : z("events"),
			      .partition = 2,
			      .offset = 1234567890123,
			      .inexact = !late,
			      .retries = late ? 3 : 0,
			      .why = z("no time: \"ts\""),
			      .size = record.n,
			      .record = record },
			got;
	struct err err = ERR_INIT;
	bool is64;
	ctl_dead_write(&inc, &d, &b);
	read_back(&c, &b, late ? CTL_LATE : CTL_DEAD);
	if (!ok(ctl_dead_read(&c, &got, &is64, &err) == 0, "is read %s", err.msg))
		goto out;
	ok(got.late == late && slice_eq(got.stage, d.stage) && slice_eq(got.why, d.why) &&
		   got.size == record.n && !got.topic.p == late && got.retries == d.retries,
	   "members");
	ok(late || (slice_is(got.topic, "events") && got.partition == 2 && got.offset == d.offset &&
		    got.inexact),
	   "its place");
	ok(is64 == base64, base64 ? "base64" : "text");
	if (is64)
		ok(str_unbase64(got.record, &bytes) == 0, "is base64");
	else
		buf_adds(&bytes, got.record);
	ok(slice_eq(buf_slice(&bytes), kept), "the record, %zu of %zu bytes", bytes.n, record.n);
out:
	buf_fini(&b);
	buf_fini(&bytes);
	ctl_fini(&c);
}

static void test_dead(void)
{
	static char big[CTL_KEEP_BYTES + 100];
	static const char odd[] = "a\0b", bad[] = "\xff\xfe{",
			  text[] = "{\"a\":\"\\ud800 \xc3\xa9\"}\t\x01" OPEN;
	test_dead_case(z("{\"a\":1"), false, z("{\"a\":1"), false);
	test_dead_case(z("{\"a\":1"), false, z("{\"a\":1"), true);
	test_dead_case(slice(NULL, 0), false, z(""), false);
	test_dead_case(z(text), false, z(text), false);
	test_dead_case(slice(odd, 3), true, slice(odd, 3), false);
	test_dead_case(slice(bad, 3), true, slice(bad, 3), false);
	memset(big, 'x', sizeof(big));
	test_dead_case(slice(big, CTL_KEEP_BYTES), false, slice(big, CTL_KEEP_BYTES), false);
	test_dead_case(slice(big, sizeof(big)), false, slice(big, CTL_KEEP_BYTES), false);
	memcpy(big + CTL_KEEP_BYTES - 3, "\xf0\x9f\x98\x80", 4);
	test_dead_case(slice(big, sizeof(big)), false, slice(big, CTL_KEEP_BYTES - 3), false);
	memset(big, '\x80', sizeof(big));
	test_dead_case(slice(big, sizeof(big)), true, slice(big, CTL_KEEP_BYTES - 4), true);

	struct ctl_dead d = { .stage = z("s"), .why = slice("bad \xff\xc3\xa9\xf0\x9f", 9) }, got;
	struct buf b = { 0 };
	struct ctl c = { 0 };
	bool base64;
	ctl_dead_write(&inc, &d, &b);
	read_back(&c, &b, CTL_DEAD);
	ok(ctl_dead_read(&c, &got, &base64, NULL) == 0 &&
		   slice_is(got.why, "bad \xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd"),
	   "a reason that is not UTF-8 is mended");
#define DEAD(members) OPEN "\"k\":\"dead\",\"s\":\"x\"" members "}"
#define TAIL ",\"why\":\"w\",\"size\":1,\"enc\":\"utf8\",\"rec\":\"r\""
	static const char *const refused[] = {
		OPEN "\"k\":\"dead\"" TAIL "}",
		DEAD(",\"size\":1,\"enc\":\"utf8\",\"rec\":\"r\""),
		DEAD(",\"why\":\"w\",\"size\":1,\"enc\":\"hex\",\"rec\":\"r\""),
		DEAD(",\"why\":\"w\",\"size\":1,\"enc\":\"utf8\""),
		DEAD(",\"why\":\"w\",\"size\":-1,\"enc\":\"utf8\",\"rec\":\"r\""),
		DEAD(",\"t\":\"e\"" TAIL),
		DEAD(",\"t\":\"e\",\"p\":0" TAIL),
		DEAD(",\"t\":5,\"p\":0,\"o\":0" TAIL),
		DEAD(",\"t\":\"e\",\"p\":0,\"o\":0,\"inexact\":1" TAIL),
	};
	ok(parse(&c, DEAD(TAIL), NULL) == 0 && ctl_dead_read(&c, &got, &base64, NULL) == 0,
	   "the least that is one");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct err err = ERR_INIT;
		ok(parse(&c, refused[i], &err) == 0 &&
			   ctl_dead_read(&c, &got, &base64, &err) == -1 && err.code == EX_DATAERR,
		   "refused: %s", err.msg);
	}
	buf_fini(&b);
	ctl_fini(&c);
}

static void readings(void)
{
	struct ctl_reading_part part[] = { { z("events"), 0, 0, 5, 9, false },
					   { z("e"), 1, 2, 2, 2, true } };
	const struct ctl_reading r = { .gen = z(GEN), .part = part, .n = 2 };
	struct ctl_reading got;
	struct buf line = { 0 };
	struct ctl c = { 0 };
	struct err err = ERR_INIT;

	ctl_reading_write(&inc, &r, &line);
	is_bytes(line.p, line.n,
		 OPEN "\"k\":\"read\",\"gen\":\"" GEN "\",\"pos\":["
		      "{\"t\":\"events\",\"p\":0,\"init\":0,\"from\":5,\"next\":9,"
		      "\"idle\":false},"
		      "{\"t\":\"e\",\"p\":1,\"init\":2,\"from\":2,\"next\":2,"
		      "\"idle\":true}]}",
		 "what is read");
	read_back(&c, &line, CTL_READ);
	if (ok(ctl_reading_read(&c, &got, &err) == 0 && got.n == 2 && slice_is(got.gen, GEN),
	       "is read back %s", err.msg)) {
		ok(slice_is(got.part[0].topic, "events") && got.part[0].from == 5 &&
			   got.part[0].next == 9 && got.part[1].partition == 1 &&
			   got.part[1].init == 2 && got.part[1].idle,
		   "its partitions");
		ctl_reading_fini(&got);
	}
	line.n = 0;
	buf_addz(&line, OPEN "\"k\":\"read\",\"gen\":\"\",\"pos\":[{\"t\":\"e\",\"p\":0,"
			     "\"init\":0,\"from\":-1,\"next\":0}]}");
	read_back(&c, &line, CTL_READ);
	ok(ctl_reading_read(&c, &got, &err) == -1 && err.code == EX_DATAERR, "one that is none");
	buf_fini(&line);
	ctl_fini(&c);
}

int main(void)
{
	ctl_inc_set(&inc, INC);
	test_probe();
	test_probe_refused();
	test_init();
	test_bar();
	test_bar_refused();
	test_dead();
	readings();
	return done();
}
