/* Rules: bytes as a text of JSON rules, and as a line. What is taken is written as JSON; read again
 * it is one rule, and written again it has the same bytes. */
#include "agg/rule.h"
#include "fuzz.h"

static void write_again(const struct rule *rule)
{
	struct buf first = { 0 }, second = { 0 };
	struct rules again = { 0 };
	struct err err;

	err_clear(&err);
	rule_json(rule, &first);
	if (rules_parse(&again, "again", buf_slice(&first), &err))
		BUG("%s: %s", err.msg, buf_z(&first));
	if (again.n != 1)
		BUG("%zu rules, not one", again.n);
	rule_json(&again.v[0], &second);
	if (!slice_eq(buf_slice(&first), buf_slice(&second)))
		BUG("%s is not %s", buf_z(&second), buf_z(&first));
	buf_fini(&first);
	buf_fini(&second);
	rules_fini(&again);
}

static void ignore_broken(void *arg, const struct err *err)
{
	(void)arg;
	if (!err->code || !err->msg[0])
		BUG("an error without words");
}

/* Who wants all errors gets the same rules where there are none. */
static void read_all(struct slice text, bool good, size_t rules)
{
	struct rules r = { 0 };
	size_t errors = rules_parse_all(&r, "fuzz", text, ignore_broken, NULL);

	if (good != (errors == 0) || (good && r.n != rules))
		BUG("%zu errors, %zu rules, not %zu", errors, r.n, rules);
	for (size_t i = 0; i < r.n; i++)
		write_again(&r.v[i]);
	rules_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice((const char *)data, n);
	struct rules r = { 0 }, line = { 0 };
	struct err err;
	bool good;

	err_clear(&err);
	good = rules_parse(&r, "fuzz", text, &err) == 0;
	for (size_t i = 0; i < r.n; i++)
		write_again(&r.v[i]);
	read_all(text, good, r.n);
	rules_fini(&r);
	if (str_utf8(text.p, text.n) && !memchr(text.p, 0, text.n) &&
	    rules_add_line(&line, text, &err) == 0) {
		line.v[0].id = slice_z("line");
		write_again(&line.v[0]);
	}
	rules_fini(&line);
	return 0;
}
