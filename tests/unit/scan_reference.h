/* The reference for every engine of the scanner: json_parse says of each line of a block whether it
 * is good and what its fields are. */
#ifndef TESTS_UNIT_SCAN_REFERENCE_H
#define TESTS_UNIT_SCAN_REFERENCE_H

#include "json/json.h"

#include "random.h"
#include "scan_engines.h"

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

static bool blank(struct slice line)
{
	for (size_t i = str_mark(line); i < line.n; i++)
		if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
			return false;
	return true;
}

static enum scan_status reference(struct json *j, struct slice line)
{
	if (blank(line))
		return SCAN_BLANK;
	return json_parse(j, line, NULL) == 0 && j->node[0].type == JSON_OBJECT ? SCAN_OK
										: SCAN_BAD;
}

static struct field reference_field(const struct json *j, const struct path *path)
{
	static const uint32_t types[] = {
		[JSON_NULL] = FIELD_NULL,     [JSON_FALSE] = FIELD_FALSE,
		[JSON_TRUE] = FIELD_TRUE,     [JSON_NUMBER] = FIELD_NUMBER,
		[JSON_STRING] = FIELD_STRING, [JSON_ARRAY] = FIELD_ARRAY,
		[JSON_OBJECT] = FIELD_OBJECT,
	};
	uint32_t at = 0;
	for (unsigned i = 0; i < path->n; i++) {
		char step[64];
		snprintf(step, sizeof step, "%.*s", (int)path->step[i].n, path->step[i].p);
		at = json_get(j, at, step);
		if (at == 0)
			return (struct field){ NULL, 0, FIELD_MISSING };
	}
	const struct json_node *node = &j->node[at];
	return (struct field){ node->text.p, (uint32_t)node->text.n,
			       node->escaped ? FIELD_ESCAPED : types[node->type] };
}

struct wanted {
	struct path *paths;
	size_t n;
	struct scan *scan[COUNT(engines)];
};

static bool same_fields(const struct json *j, const struct wanted *w, const struct field *row)
{
	for (size_t i = 0; i < w->n; i++) {
		struct field want = reference_field(j, &w->paths[i]);
		if (want.type != row[i].type ||
		    (want.type != FIELD_MISSING && (want.p != row[i].p || want.n != row[i].n)))
			return false;
	}
	return true;
}

/* The lines of a block by one engine; returns how many are right. */
static unsigned right_lines(const struct wanted *w, struct scan *s, const char *p, size_t n,
			    unsigned counts[3])
{
	struct json j = { 0 };
	struct scan_batch batch;
	unsigned right = 0;
	while (n > 0) {
		scan_lines(s, p, n, &batch);
		if (batch.lines == 0 || batch.used > n)
			break;
		for (unsigned i = 0; i < batch.lines; i++) {
			struct slice line = slice(batch.start[i], batch.length[i]);
			enum scan_status want = reference(&j, line);
			bool good = line.p == p && p[line.n] == '\n' &&
				    scan_status(&batch, i) == want;
			if (good && want == SCAN_OK)
				good = same_fields(&j, w, batch.field + i * w->n);
			if (good)
				right++;
			else
				printf("# %d, not %d: %.300s\n", scan_status(&batch, i), want,
				       line.p);
			counts[want]++;
			p += line.n + 1;
			n -= line.n + 1;
		}
	}
	json_fini(&j);
	return right;
}

static const char *const asked[][8] = {
	{ "ts", "endpoint", "status", "latency_ms" },
	{ "payload.price", "payload.a", "ts", "a.b.c", "a.b", "ts" },
	{ "a name with more than sixteen bytes, one", "a name with more than sixteen bytez, one",
	  "12345678", "123456789", "1234567890abcdef", "c", "1234567890abcdefg", "payload" },
	{ "customer" },
	{ "event_id", "order_id", "a name of exactly thirty-two char",
	  "a name with more than sixteen bytes, one", "" },
};

static void ask(struct wanted *w, const char *const *texts)
{
	for (w->n = 0; w->n < 8 && texts[w->n]; w->n++)
		;
	w->paths = mem_array(w->n, sizeof *w->paths);
	for (size_t k = 0; k < w->n; k++) {
		struct buf quoted = { 0 };
		buf_printf(&quoted,
			   strchr(texts[k], ' ') || texts[k][0] == '1' || !texts[k][0] ? ".\"%s\""
										       : "%s",
			   texts[k]);
		if (path_parse(&w->paths[k], buf_slice(&quoted), NULL))
			ok(false, "path %s", texts[k]);
		buf_fini(&quoted);
	}
	for (size_t e = 0; e < COUNT(engines); e++) {
		w->scan[e] = scan_new(w->paths, w->n, NULL);
		if (!scan_force(w->scan[e], engines[e].engine, engines[e].learn)) {
			scan_free(w->scan[e]);
			w->scan[e] = NULL;
		}
	}
}

static void unask(struct wanted *w)
{
	for (size_t e = 0; e < COUNT(engines); e++)
		scan_free(w->scan[e]);
	paths_free(w->paths, w->n);
}

/* Mostly from a fresh start: where little repeats, learning pauses and stays away for long. */
static void right_everywhere(const struct wanted *w, const struct buf *b, unsigned lines,
			     unsigned wrong[COUNT(engines)], unsigned counts[3])
{
	size_t off = below(64);
	bool fresh = below(4) > 0;
	char *room = padded(b, off);
	for (size_t e = 0; e < COUNT(engines); e++) {
		if (!w->scan[e])
			continue;
		if (fresh)
			scan_force(w->scan[e], engines[e].engine, engines[e].learn);
		wrong[e] += lines - right_lines(w, w->scan[e], room + off + SCAN_PAD, b->n, counts);
	}
	free(room);
}

#endif
