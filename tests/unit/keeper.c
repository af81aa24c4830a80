/* The compare-and-set as the framework decides it, by the table of cases that the stores answer too
 * (tests/store/cas.bats), over the keeper in memory; and the names of epochs. */
#include "fake_sink.h"
#include "tap.h"

static void put_ranges(struct ranges *out, const char *text)
{
	char *copy = mem_strdup(text), *rest = copy, *word;

	while ((word = strtok_r(rest, " ", &rest))) {
		char topic[FAKE_NAME], idle[8] = "";
		long long partition, from, to;
		int n = sscanf(word, "%47[^/]/%lld:%lld:%lld:%7s", topic, &partition, &from, &to,
			       idle);
		struct range *r = ranges_add(out, slice_z(topic), (int32_t)partition);

		r->from = from;
		r->to = n < 4 ? from : to;
		r->idle = *idle;
	}
	ranges_sort(out);
	free(copy);
}

static void stored_text(struct buf *text)
{
	if (!fake->gen[0])
		buf_addz(text, "-");
	for (size_t i = 0; i < fake->n_pos; i++)
		buf_printf(text, "%s%s/%d:%lld%s", i ? " " : "", fake->pos[i].topic,
			   fake->pos[i].partition, (long long)fake->pos[i].next,
			   fake->pos[i].idle ? "i" : "");
}

static void check_case(const char *name, const char *stored, const char *gen, const char *ranges,
		       const char *answer, const char *after)
{
	struct ctl_init init = { .act = CTL_ADOPT, .gen = "g" };
	struct ranges r = { 0 };
	struct sink_batch batch = { .job = "j", .gen = gen, .ranges = &r };
	struct buf text = { 0 };
	struct err err = ERR_INIT;
	enum sink_result want = strcmp(answer, "ok") == 0     ? SINK_OK
				: strcmp(answer, "skip") == 0 ? SINK_APPLIED
							      : SINK_CONFLICT;

	fake_new();
	put_ranges(&r, ranges);
	if (strcmp(stored, "-") != 0) {
		put_ranges(&init.start, stored);
		fake_init(NULL, "j", NULL, &init, &err);
	}
	is_int(fake_store(NULL, &batch, NULL, &err), want, name);
	ok(want != SINK_CONFLICT || err.code == EX_TEMPFAIL, "a conflict is 75");
	stored_text(&text);
	is_str(buf_z(&text), after, "and leaves");
	ranges_fini(&r);
	ranges_fini(&init.start);
	buf_fini(&text);
}

static void name_of(const char *sink, const char *gen, const char *ranges,
		    char name[BATCH_NAME_CHARS + 1])
{
	struct ranges r = { 0 };
	struct sink_batch batch = { .job = "j", .gen = gen, .ranges = &r };

	put_ranges(&r, ranges);
	batch_name(&batch, sink, name);
	ranges_fini(&r);
}

static void test_names(void)
{
	static const char *const other[][3] = {
		{ "t", "g", "a/0:1:2 a/1:5:9" }, { "s", "h", "a/0:1:2 a/1:5:9" },
		{ "s", "g", "a/0:1:2 a/1:5:8" }, { "s", "g", "a/0:1:2" },
		{ "s", "g", "a/0:1:2 b/1:5:9" },
	};
	char one[BATCH_NAME_CHARS + 1], two[BATCH_NAME_CHARS + 1];

	name_of("s", "g", "a/0:1:2 a/1:5:9", one);
	is_int((long long)strspn(one, "0123456789abcdef"), BATCH_NAME_CHARS, "32 hex digits");
	name_of("s", "g", "a/1:5:9 a/0:1:2 a/2:3:3:idle", two);
	is_str(two, one, "the same epoch has the same name, idle partitions or not");
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		name_of(other[i][0], other[i][1], other[i][2], two);
		ok(strcmp(one, two) != 0, "another epoch has another");
	}
}

int main(void)
{
	test_names();
#define CAS(name, stored, gen, ranges, answer, after) \
	check_case(name, stored, gen, ranges, answer, after);
#include "cas_cases.inc"
	return done();
}
