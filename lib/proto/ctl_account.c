/* The account of an epoch: what each stage counted, and whether it adds up. */
#include "proto/ctl_internal.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

static const struct {
	const char *key;
	size_t at;
	bool always;
} counter[] = {
	{ "in", offsetof(struct account, in), true },
	{ "out", offsetof(struct account, out), true },
	{ "bytes", offsetof(struct account, bytes), false },
	{ "filtered", offsetof(struct account, filtered), false },
	{ "late", offsetof(struct account, late), false },
	{ "dup", offsetof(struct account, duplicate), false },
	{ "dead", offsetof(struct account, dead), false },
	{ "lost", offsetof(struct account, lost), false },
	{ "agg", offsetof(struct account, aggregated), false },
	{ "added", offsetof(struct account, added), false },
	{ "rows_in", offsetof(struct account, rows_in), false },
	{ "rows", offsetof(struct account, rows_out), false },
	{ "expired", offsetof(struct account, expired), false },
};
enum { COUNTERS = sizeof(counter) / sizeof(*counter) };
_Static_assert(COUNTERS * sizeof(uint64_t) == sizeof(struct account), "every member has its key");

enum { NAME_MAX_SHOWN = 64 };

static int shown(struct slice name)
{
	return name.n < NAME_MAX_SHOWN ? (int)name.n : NAME_MAX_SHOWN;
}

static void add_marks(const struct ranges *marks, struct buf *out)
{
	const char *before = ",\"wm\":[";
	for (size_t i = 0; i < marks->n; i++) {
		const struct range *r = &marks->v[i];
		if (r->watermark_us == POS_NONE)
			continue;
		buf_addz(out, before);
		buf_addc(out, '[');
		json_quote_z(out, r->topic);
		buf_addc(out, ',');
		buf_addi(out, r->partition);
		buf_addc(out, ',');
		ctl_add_int(out, r->watermark_us);
		buf_addc(out, ']');
		before = ",";
	}
	if (before[1] == '\0')
		buf_addc(out, ']');
}

void ctl_account_write(const char *stage, const struct account *a, const struct ranges *watermarks,
		       struct buf *out)
{
	buf_addz(out, "{\"s\":");
	json_quote_z(out, stage);
	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t v;
		memcpy(&v, (const char *)a + counter[i].at, sizeof(v));
		if (v || counter[i].always)
			ctl_add_u64(out, counter[i].key, v);
	}
	if (watermarks)
		add_marks(watermarks, out);
	buf_addc(out, '}');
}

static int read_one(const struct ctl *c, uint32_t at, struct account_of *out, struct err *err)
{
	*out = (struct account_of){ 0 };
	if (ctl_get_text(c, at, "s", &out->stage, err))
		return -1;
	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t v = 0;
		if (ctl_opt_u64(c, at, counter[i].key, &v, err))
			return err_in(err, "account of %.*s", shown(out->stage), out->stage.p);
		memcpy((char *)&out->a + counter[i].at, &v, sizeof(v));
	}
	return 0;
}

int ctl_account_read(const struct ctl *c, struct account_of **out, size_t *n, struct err *err)
{
	uint32_t list;
	size_t cap = 0, k = 0;
	struct account_of *v = NULL;
	*out = NULL;
	*n = 0;
	if (ctl_get_array(c, 0, "acct", &list, err))
		return -1;
	for (uint32_t i = json_first(&c->json, list); i < c->json.node[list].next;
	     i = c->json.node[i].next) {
		mem_reserve(&v, &cap, k + 1, sizeof(*v));
		if (read_one(c, i, &v[k++], err)) {
			free(v);
			return -1;
		}
	}
	*out = v;
	*n = k;
	return 0;
}

/* ---- the books */

/* False: the sum does not fit, and nothing balances with it. */
static bool account_sum(const uint64_t *v, size_t n, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(*out, v[i], out))
			return false;
	return true;
}

static int unbalanced(const struct account_of *s, const char *why, struct err *err)
{
	struct buf numbers = { 0 };
	ctl_account_write("", &s->a, NULL, &numbers);
	const char *after_name = buf_z(&numbers) + strlen("{\"s\":\"\",");
	err_set(err, EX_SOFTWARE, "the books of %.*s do not balance: %s: {%s", shown(s->stage),
		s->stage.p, why, after_name);
	buf_fini(&numbers);
	return -1;
}

/* One stage by itself. */
static int check_stage(const struct account_of *s, bool source, struct err *err)
{
	const struct account *a = &s->a;
	const uint64_t came[] = { a->in, a->rows_in, a->added };
	const uint64_t rows = a->aggregated ? 0 : a->rows_out;
	const uint64_t went[] = { a->out,       rows,    a->filtered, a->late,
				  a->duplicate, a->dead, a->lost,     a->aggregated };
	uint64_t all_came, all_went;
	if (source && (a->rows_in || a->rows_out || a->aggregated))
		return unbalanced(s, "a source reads and writes records", err);
	if (a->rows_in && (a->in || a->out || a->aggregated))
		return unbalanced(s, "a stage that reads rows hands rows on", err);
	if (!a->rows_in && !a->aggregated && a->rows_out && a->in)
		return unbalanced(s, "rows without an aggregated record", err);
	if (!account_sum(came, sizeof(came) / sizeof(*came), &all_came) ||
	    !account_sum(went, sizeof(went) / sizeof(*went), &all_went))
		return unbalanced(s, "a number out of range", err);
	if (all_came == all_went)
		return 0;
	return unbalanced(s, all_came > all_went ? "lines have gone" : "lines are too many", err);
}

/* What one stage wrote is what the next one read. */
static int check_link(const struct account_of *from, const struct account_of *to, struct err *err)
{
	uint64_t wrote, read;
	if (!account_sum((uint64_t[]){ from->a.out, from->a.rows_out }, 2, &wrote) ||
	    !account_sum((uint64_t[]){ to->a.in, to->a.rows_in }, 2, &read))
		return unbalanced(to, "a number out of range", err);
	if (wrote == read)
		return 0;
	return err_set(err, EX_SOFTWARE,
		       "the books do not balance: %.*s wrote %llu lines, %.*s read %llu",
		       shown(from->stage), from->stage.p, (unsigned long long)wrote,
		       shown(to->stage), to->stage.p, (unsigned long long)read);
}

int ctl_account_check(const struct account_of *v, size_t n, struct err *err)
{
	if (n == 0)
		return err_set(err, EX_SOFTWARE, "the books do not balance: there are none");
	for (size_t i = 0; i < n; i++)
		if (check_stage(&v[i], i == 0, err) || (i > 0 && check_link(&v[i - 1], &v[i], err)))
			return -1;
	return 0;
}
