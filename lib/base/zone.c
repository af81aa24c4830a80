/* A zone is a sorted array of spans of local time, which is searched by halves:
 *
 *   shift at t from +1 h to +2 h       local:  .. +1 h ..[t+1h, t+2h) skipped[.. +2 h ..
 *   shift at t from +2 h to +1 h       local:  .. +2 h ..[t+1h, t+2h) twice  [.. +1 h ..
 *
 * The stretch between t + the lower and t + the higher offset is the one that is skipped or
 * comes twice, and the times in it are read by the rule before. Callers keep the span of the
 * last time: most are in the same. */
#include "base/zone_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"

struct zone {
	char *name;
	struct zone_span *span;
	size_t n_spans, cap_spans;
	struct zone_table table; /* rules and shifts that the spans were made from */
};

/* ---- tables of shifts */

size_t zone_table_rule(struct zone_table *t, int32_t east_s, struct slice name)
{
	struct zone_rule *r;

	mem_reserve(&t->rule, &t->cap_rules, t->n_rules + 1, sizeof(*t->rule));
	r = &t->rule[t->n_rules];
	*r = (struct zone_rule){ .east_s = east_s };
	if (name.n)
		memcpy(r->name, name.p, name.n < sizeof(r->name) ? name.n : sizeof(r->name) - 1);
	return t->n_rules++;
}

void zone_table_shift(struct zone_table *t, int64_t at_s, size_t rule)
{
	if (at_s > ZONE_LAST_S)
		return;
	if (at_s < ZONE_FIRST_S) {
		t->first = rule;
		return;
	}
	if (t->n_shifts && t->shift[t->n_shifts - 1].at_s == at_s)
		t->n_shifts--;
	mem_reserve(&t->shift, &t->cap_shifts, t->n_shifts + 1, sizeof(*t->shift));
	t->shift[t->n_shifts++] = (struct zone_shift){ at_s, rule };
}

void zone_table_fini(struct zone_table *t)
{
	free(t->rule);
	free(t->shift);
	*t = (struct zone_table){ 0 };
}

/* ---- spans of local time */

/* Up to to_us; nothing where earlier spans reach that far. */
static void add_span(struct zone *z, int64_t to_us, enum zone_kind kind,
		     const struct zone_rule *rule, const struct zone_rule *other)
{
	int64_t from_us = z->n_spans ? z->span[z->n_spans - 1].to_us : INT64_MIN;

	if (to_us <= from_us)
		return;
	mem_reserve(&z->span, &z->cap_spans, z->n_spans + 1, sizeof(*z->span));
	z->span[z->n_spans++] = (struct zone_span){ from_us, to_us, kind, rule, other };
}

static void add_spans(struct zone *z)
{
	const struct zone_table *t = &z->table;
	const struct zone_rule *before = &t->rule[t->first];

	for (size_t i = 0; i < t->n_shifts; i++) {
		const struct zone_rule *after = &t->rule[t->shift[i].rule];
		int32_t low = before->east_s < after->east_s ? before->east_s : after->east_s;
		int32_t high = before->east_s < after->east_s ? after->east_s : before->east_s;
		enum zone_kind kind = after->east_s < before->east_s ? ZONE_TWICE : ZONE_SKIPPED;

		add_span(z, (t->shift[i].at_s + low) * TM_S, ZONE_ONCE, before, NULL);
		add_span(z, (t->shift[i].at_s + high) * TM_S, kind, before, after);
		before = after;
	}
	add_span(z, INT64_MAX, ZONE_ONCE, before, NULL);
}

/* Takes the table. */
static struct zone *finish_zone(const char *name, struct zone_table *t)
{
	struct zone *z = mem_zalloc(sizeof(*z));

	z->name = mem_strdup(name);
	z->table = *t;
	add_spans(z);
	return z;
}

/* ---- making one */

static struct zone *fixed(int32_t east_s, const char *rule_name)
{
	unsigned minutes = (unsigned)(east_s < 0 ? -east_s : east_s) / 60;
	struct zone_table t = { 0 };
	char name[16] = "UTC";

	if (minutes)
		snprintf(name, sizeof(name), "%c%02u:%02u", east_s < 0 ? '-' : '+',
			 minutes / 60 % 24, minutes % 60);
	zone_table_rule(&t, east_s, slice_z(minutes ? rule_name : "UTC"));
	return finish_zone(name, &t);
}

struct zone *zone_new_from(const char *name, struct slice file, struct err *err)
{
	struct zone_table t = { 0 };

	if (zone_tzif(file, &t, err)) {
		zone_table_fini(&t);
		err_in(err, "time zone %s", name);
		return NULL;
	}
	return finish_zone(name, &t);
}

struct zone *zone_new(const char *name, struct err *err)
{
	const char *const end = name + strlen(name);
	struct buf file = { 0 };
	struct zone *z = NULL;
	int32_t east_s;

	if (strcmp(name, "UTC") == 0 || tm_east(name, end, &east_s) == end)
		return fixed(name[0] == 'U' ? 0 : east_s, "");
	if (zone_file(name, &file, err) == 0)
		z = zone_new_from(name, buf_slice(&file), err);
	buf_fini(&file);
	return z;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->name);
	free(z->span);
	zone_table_fini(&z->table);
	free(z);
}

/* ---- asking */

const char *zone_name(const struct zone *z)
{
	return z->name;
}

const struct zone_span *zone_find(const struct zone *z, int64_t local_us)
{
	size_t low = 0, high = z->n_spans - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (local_us < z->span[middle].to_us)
			high = middle;
		else
			low = middle + 1;
	}
	return &z->span[low];
}

const struct zone_rule *zone_rule_at(const struct zone *z, int64_t us)
{
	const struct zone_table *t = &z->table;
	size_t low = 0, high = t->n_shifts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (us < t->shift[middle].at_s * TM_S)
			high = middle;
		else
			low = middle + 1;
	}
	return &t->rule[low ? t->shift[low - 1].rule : t->first];
}
