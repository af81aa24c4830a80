/* PCRE2 backtracks, and its own limit is one for each place where a match may begin: a text of
 * n bytes may cost n times as much, and a step of the limit up to n again. So there are two ways:
 *
 *   quick     compiled to machine code, texts up to QUICK_BYTES, a limit that is shared among the
 *             places. Nearly every text ends here, by a match or by none.
 *   counted   what reached that limit, or is longer: interpreted with a call at every item of the
 *             expression, which adds up items and bytes passed and ends the match where that
 *             is more than a bound, or the fuel is used up.
 *
 * The second is compiled when it is first needed. */
#include "schema/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
	QUICK_BYTES = 2048,
	QUICK_STEPS = 2000,  /* of a text: shared among the places where a match may begin */
	QUICK_STEPS_MIN = 8, /* of a place */
	QUICK_COST = 50,     /* what a quick search is counted as, beside the bytes */
	/* items and bytes that a counted search may pass: so many, and so many for each byte of
	 * the text */
	COUNTED_STEPS = 200000,
	COUNTED_STEPS_A_BYTE = 8,
};

struct regex {
	char *text; /* in PCRE2's syntax */
	size_t bytes;
	bool anchored;
	pcre2_code *quick, *counted; /* counted: NULL until needed */
	pcre2_match_data *match;
	pcre2_match_context *quick_context, *counted_context;
};

/* What the calls of a counted match add up. */
struct meter {
	uint64_t fuel;
	size_t at;
};

static pcre2_code *compile_pattern(const struct regex *p, uint32_t more, int *code,
				   PCRE2_SIZE *offset)
{
	return pcre2_compile((PCRE2_SPTR)p->text, p->bytes,
			     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
				     PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C | more,
			     code, offset, NULL);
}

static int fail_compile(struct slice ecma, int code, struct err *err)
{
	enum { SHOWN = 100 };
	char message[256];

	pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof(message));
	return err_set(err, EX_CONFIG, "pattern \"%.*s\": %s", ecma.n < SHOWN ? (int)ecma.n : SHOWN,
		       ecma.n ? ecma.p : "", message);
}

struct regex *regex_new(struct slice ecma, struct err *err)
{
	struct regex *p = mem_zalloc(sizeof(*p));
	struct buf text = { 0 };
	uint32_t options = 0;
	PCRE2_SIZE offset;
	int code;

	buf_room(&text, 1);
	if (regex_translate(ecma, &text, err)) {
		buf_fini(&text);
		regex_free(p);
		return NULL;
	}
	p->text = text.p;
	p->bytes = text.n;
	p->quick = compile_pattern(p, 0, &code, &offset);
	if (!p->quick) {
		fail_compile(ecma, code, err);
		regex_free(p);
		return NULL;
	}
	pcre2_jit_compile(p->quick, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
	pcre2_pattern_info(p->quick, PCRE2_INFO_ALLOPTIONS, &options);
	p->anchored = options & PCRE2_ANCHORED;
	p->match = pcre2_match_data_create(1, NULL);
	p->quick_context = pcre2_match_context_create(NULL);
	p->counted_context = pcre2_match_context_create(NULL);
	if (!p->match || !p->quick_context || !p->counted_context)
		BUG("no memory for a pattern");
	return p;
}

void regex_free(struct regex *p)
{
	if (!p)
		return;
	pcre2_code_free(p->quick);
	pcre2_code_free(p->counted);
	pcre2_match_data_free(p->match);
	pcre2_match_context_free(p->quick_context);
	pcre2_match_context_free(p->counted_context);
	free(p->text);
	free(p);
}

static int count_item(pcre2_callout_block *block, void *data)
{
	struct meter *m = data;
	size_t at = block->current_position;
	uint64_t cost = 1 + (at > m->at ? at - m->at : m->at - at);

	m->at = at;
	if (cost > m->fuel)
		return PCRE2_ERROR_CALLOUT;
	m->fuel -= cost;
	return 0;
}

static int run_pattern(struct regex *p, const pcre2_code *code, struct slice text,
		       pcre2_match_context *context)
{
	return pcre2_match(code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, PCRE2_NO_UTF_CHECK,
			   p->match, context);
}

static enum regex_result find_counted(struct regex *p, struct slice text, uint64_t *fuel)
{
	uint64_t most = COUNTED_STEPS + COUNTED_STEPS_A_BYTE * (uint64_t)text.n,
		 lent = *fuel < most ? *fuel : most;
	struct meter m = { .fuel = lent };
	PCRE2_SIZE offset;
	int rc;

	if (!p->counted)
		p->counted = compile_pattern(p, PCRE2_AUTO_CALLOUT, &rc, &offset);
	if (!p->counted)
		BUG("a pattern that cannot be compiled again: %d", rc);
	pcre2_set_callout(p->counted_context, count_item, &m);
	pcre2_set_match_limit(p->counted_context, UINT32_MAX);
	rc = run_pattern(p, p->counted, text, p->counted_context);
	*fuel -= lent - m.fuel;
	if (rc >= 0)
		return REGEX_YES;
	return rc == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_COSTLY;
}

enum regex_result regex_find(struct regex *p, struct slice text, uint64_t *fuel)
{
	size_t places = p->anchored ? 1 : text.n + 1;
	uint64_t cost = QUICK_COST + text.n;
	int rc;

	if (cost > *fuel)
		return REGEX_COSTLY;
	*fuel -= cost;
	if (text.n > QUICK_BYTES)
		return find_counted(p, text, fuel);
	pcre2_set_match_limit(p->quick_context, places < QUICK_STEPS / QUICK_STEPS_MIN
							? (uint32_t)(QUICK_STEPS / places)
							: QUICK_STEPS_MIN);
	rc = run_pattern(p, p->quick, text, p->quick_context);
	if (rc >= 0)
		return REGEX_YES;
	return rc == PCRE2_ERROR_NOMATCH ? REGEX_NO : find_counted(p, text, fuel);
}
