/* Forms of times and files of zones. The first byte chooses: a form and texts, a line each; a
 * TZif file, or its last line alone. What is kept from text to text changes nothing, and every
 * span of a zone is what its bounds say. */
#include "fuzz.h"

#include "base/timeform.h"
#include "base/tm.h"
#include "base/zone.h"

static void check_text(const struct timeform *f, struct timeform_memo *memo, struct slice text)
{
	struct timeform_memo empty = { 0 };
	struct tm_wall w = { 0 }, want = { 0 };
	int wanted = timeform_read(f, &empty, text, &want), rc = timeform_read(f, memo, text, &w);
	MUST(rc == wanted);
	timeform_guess(text);
	if (rc)
		return;
	MUST(w.us == want.us && w.has_east == want.has_east && w.east_s == want.east_s &&
	     slice_eq(w.zone, want.zone));
	MUST(w.east_s > -86400 && w.east_s < 86400 && (w.has_east || w.east_s == 0) &&
	     (w.zone.n == 0 || !w.has_east));
	MUST(!timeform_is_local(f) || (!w.has_east && w.zone.n == 0));
}

/* The canonical spelling is one. */
static void check_name(const struct timeform *f)
{
	struct timeform *again = timeform_new(timeform_name(f), NULL);
	MUST(again && strcmp(timeform_name(again), timeform_name(f)) == 0 &&
	     timeform_is_local(again) == timeform_is_local(f));
	timeform_free(again);
}

static void check_form(char *z)
{
	struct timeform_memo memo = { 0 };
	struct err err = ERR_INIT;
	char *text = strchr(z, '\n');
	if (text)
		*text++ = '\0';
	struct timeform *f = timeform_new(z, &err);
	if (!f) {
		MUST(err.code == EX_USAGE && err.msg[0]);
		return;
	}
	check_name(f);
	while (text) {
		char *end = strchr(text, '\n');
		check_text(f, &memo, end ? slice(text, (size_t)(end - text)) : slice_z(text));
		text = end ? end + 1 : NULL;
	}
	timeform_free(f);
}

static void check_zone(struct slice file)
{
	struct err err = ERR_INIT;
	struct zone *z = zone_new_from("x", file, &err);
	if (!z) {
		MUST((err.code == EX_CONFIG || err.code == EX_USAGE) && err.msg[0]);
		return;
	}
	int64_t at = INT64_MIN;
	for (;;) {
		const struct zone_span *s = zone_find(z, at);
		MUST(s->from_us == at && s->to_us > at && zone_find(z, s->to_us - 1) == s);
		MUST(!s->other == (s->kind == ZONE_ONCE) &&
		     strlen(s->rule->name) < ZONE_NAME_BYTES);
		MUST(s->kind != ZONE_TWICE || s->other->east_s < s->rule->east_s);
		MUST(s->kind != ZONE_SKIPPED || s->other->east_s > s->rule->east_s);
		if (s->to_us == INT64_MAX)
			break;
		at = s->to_us;
	}
	zone_free(z);
}

/* A file without shifts that ends in this line. */
static void check_rule(struct slice line)
{
	static const char head[44] = { 'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4 };
	static const char body[] = "\0\0\0\0\0\0LMT";
	struct buf b = { 0 };
	for (int i = 0; i < 2; i++) {
		buf_add(&b, head, sizeof(head));
		buf_add(&b, body, sizeof(body));
	}
	buf_addc(&b, '\n');
	buf_adds(&b, line);
	buf_addc(&b, '\n');
	check_zone(buf_slice(&b));
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice((const char *)data, n);
	unsigned way = fuzz_byte(&text);
	char *z = mem_dup(text.n ? text.p : "", text.n);
	switch (way % 4) {
	case 0:
	case 1:
		check_form(z);
		break;
	case 2:
		check_rule(text);
		break;
	default:
		check_zone(text);
		break;
	}
	free(z);
	return 0;
}
