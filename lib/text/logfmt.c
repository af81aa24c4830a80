/* All words of a line are found before any is written, since a later one may replace an earlier
 * one. Keys are compared by pairs, their length and first bytes in one word: a line has some
 * twenty. */
#include "text/logfmt.h"

#include <stdlib.h>

#include "base/mem.h"
#include "text/number.h"

struct logfmt_word {
	struct slice key, value; /* value.p NULL: a word alone */
	uint64_t look;           /* of the key, unequal where keys are unequal in what it holds */
	bool is_quoted, is_late; /* is_late: an equal key comes later */
};

struct cursor {
	const char *start, *p, *end;
	struct err *why;
};

void logfmt_fini(struct logfmt *l)
{
	free(l->word);
}

static bool misfit(const struct cursor *c, const char *what, const char *at)
{
	err_set(c->why, EX_DATAERR, "%s (byte %zu)", what, (size_t)(at - c->start) + 1);
	return false;
}

/* ---- words */

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ';
}

static uint64_t look_of(struct slice key)
{
	uint64_t v = 0;

	memcpy(&v, key.p, key.n < 7 ? key.n : 7);
	return v ^ (uint64_t)key.n << 56;
}

static bool take_key(struct cursor *c, struct logfmt_word *w)
{
	const char *from = c->p;

	for (; c->p < c->end && !is_blank(*c->p) && *c->p != '='; c->p++)
		if (*c->p == '"')
			return misfit(c, "a quote in a key", c->p);
	if (c->p == from)
		return misfit(c, "no key in front of =", from);
	w->key = slice(from, (size_t)(c->p - from));
	w->look = look_of(w->key);
	return true;
}

static bool take_value(struct cursor *c, struct logfmt_word *w)
{
	const char *from = c->p, *close;

	if (c->p < c->end && *c->p == '"') {
		close = text_closing(from + 1, c->end, '"');
		if (!close)
			return misfit(c, "a quote that is not closed", from);
		if (close + 1 < c->end && !is_blank(close[1]))
			return misfit(c, "text behind a value in quotes", close + 1);
		w->is_quoted = true;
		w->value = slice(from + 1, (size_t)(close - from - 1));
		c->p = close + 1;
		return true;
	}
	while (c->p < c->end && !is_blank(*c->p))
		c->p++;
	w->value = slice(from, (size_t)(c->p - from));
	return true;
}

static bool take_word(struct logfmt *l, struct cursor *c)
{
	struct logfmt_word *w;

	if (l->words == LOGFMT_WORDS)
		return misfit(c, "too many words in a line", c->p);
	mem_reserve(&l->word, &l->cap, l->words + 1, sizeof(*l->word));
	w = &l->word[l->words++];
	*w = (struct logfmt_word){ 0 };
	if (!take_key(c, w))
		return false;
	if (c->p == c->end || *c->p != '=')
		return true;
	c->p++;
	return take_value(c, w);
}

static bool take_words(struct logfmt *l, struct cursor *c)
{
	bool any = false;

	l->words = 0;
	for (;;) {
		while (c->p < c->end && is_blank(*c->p))
			c->p++;
		if (c->p == c->end)
			break;
		if (!take_word(l, c))
			return false;
		any |= l->word[l->words - 1].value.p != NULL;
	}
	return any || misfit(c, "no KEY=VALUE in the line", c->start);
}

/* ---- the record */

static void find_late(struct logfmt *l)
{
	for (size_t i = 0; i < l->words; i++) {
		struct logfmt_word *w = &l->word[i];

		for (size_t k = i + 1; k < l->words && !w->is_late; k++)
			w->is_late = l->word[k].look == w->look && slice_eq(l->word[k].key, w->key);
	}
}

static void put_word(struct text_out *out, const struct logfmt_word *w)
{
	TEXT_ADD(out, ",\"");
	text_put(out, w->key, TEXT_RAW);
	TEXT_ADD(out, "\":");
	if (!w->value.p) {
		TEXT_ADD(out, "true");
	} else if (!w->is_quoted && text_is_number(w->value)) {
		text_add(out, w->value.p, w->value.n);
	} else {
		*out->p++ = '"';
		text_put(out, w->value, w->is_quoted ? TEXT_JSON : TEXT_RAW);
		*out->p++ = '"';
	}
}

int logfmt_line(struct logfmt *l, struct slice line, struct buf *buf, struct err *why)
{
	struct cursor c = { line.p, line.p, line.p + line.n, why };
	struct text_out out = { 0 };
	char *start;

	if (!take_words(l, &c))
		return -1;
	find_late(l);
	start = out.p = buf_room(buf, line.n * TEXT_GROWS + 16 * l->words + TEXT_PAD);
	for (size_t i = 0; i < l->words; i++)
		if (!l->word[i].is_late)
			put_word(&out, &l->word[i]);
	if (out.bad) {
		misfit(&c, "not UTF-8", out.bad);
		return -1;
	}
	TEXT_ADD(&out, "}\n");
	*start = '{'; /* in place of the first member's comma */
	buf->n += (size_t)(out.p - start);
	return 0;
}
