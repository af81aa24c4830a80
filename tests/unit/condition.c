/* Conditions of rules: which of the two judges, that both say the same, and what is said of a text
 * that neither takes. */
#include "xform/condition.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char lines[] = "{\"a\":5,\"b\":{\"c\":1}}\n"
			    "\n"
			    "{\"a\":\"x\"}\n"
			    "{\"a\":null,\"b\":7}\n"
			    "{\"a\"\n"
			    "{\"b\":{}}\n";

/* As text: a mark a line, the first lowest. */
static const struct {
	const char *condition;
	bool slow;
	const char *holds, *wrong, *why;
} conditions[] = {
	{ ".a == 5", false, "1.....", "......", "" },
	{ ".a + 0 == 5", true, "1.....", "..1...",
	  "string (\"x\") and number (0) cannot be added" },
	{ ".b.c == null", false, "..1..1", "...1..", "Cannot index number with string \"c\"" },
	{ "(.b.c) + 0 == 0", true, "..1..1", "...1..", "Cannot index number with string \"c\"" },
	{ ".a, .b", true, "1.11.1", "......", "" },
	{ "empty", true, "......", "......", "" },
};

static void marks(uint64_t set, unsigned n, char *text)
{
	for (unsigned i = 0; i < n; i++)
		text[i] = set >> i & 1 ? '1' : '.';
	text[n] = '\0';
}

static void check_run(struct condition *c, size_t k)
{
	struct path path[SCAN_FIELDS];
	struct scan_batch batch;
	struct err why = ERR_INIT;
	struct buf block = { 0 };
	char text[SCAN_BATCH + 1];
	size_t n = condition_fields(c);
	for (size_t i = 0; i < n; i++)
		path[i] = *condition_field(c, i);
	struct scan *scan = scan_new(path, n, NULL);
	memset(buf_room(&block, sizeof(lines) + 2 * SCAN_PAD), ' ', sizeof(lines) + 2 * SCAN_PAD);
	memcpy(block.p + SCAN_PAD, lines, sizeof(lines) - 1);
	scan_lines(scan, block.p + SCAN_PAD, sizeof(lines) - 1, &batch);
	struct predicate_sets sets = condition_run(c, &batch, n, batch.valid);
	marks(sets.holds, batch.lines, text);
	is_str(text, conditions[k].holds, conditions[k].condition);
	marks(sets.wrong, batch.lines, text);
	is_str(text, conditions[k].wrong, conditions[k].condition);
	if (sets.wrong)
		condition_why(c, &batch, n, (unsigned)__builtin_ctzll(sets.wrong), &why);
	is_str(why.msg, conditions[k].why, conditions[k].condition);
	scan_free(scan);
	buf_fini(&block);
}

static void both_judges(void)
{
	for (size_t k = 0; k < COUNT(conditions); k++) {
		struct err err = ERR_INIT;
		struct condition *c = condition_new(slice_z(conditions[k].condition), &err);
		if (!ok(c && condition_is_slow(c) == conditions[k].slow, "%s: %s",
			conditions[k].condition, err.msg))
			continue;
		check_run(c, k);
		condition_free(c);
	}
}

static void refused_text(void)
{
	struct err err = ERR_INIT;
	ok(!condition_new(slice_z(".a = 5 &&"), &err) && err.code == EX_USAGE, "refused");
	is_str(err.msg,
	       "condition \".a = 5 &&\", character 4: \"=\" where an operator or the end is "
	       "expected "
	       "(\"=\" assigns, write \"==\"); jq: syntax error, unexpected INVALID_CHARACTER, "
	       "expecting $end",
	       "both are told");
}

int main(void)
{
	both_judges();
	refused_text();
	return done();
}
