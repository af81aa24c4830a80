#include "text/clf_time.h"

enum { MINUTE = 17, SECONDS = 17, ZONE = 20, ZONE_BYTES = 6 };

void clf_time_fini(struct clf_time *t)
{
	timeform_free(t->form);
}

/* A minute that is known, and seconds that no other minute has. */
static bool is_known(const struct clf_time *t, struct slice text)
{
	const char *p = text.p;

	return text.n == CLF_TIME_BYTES && memcmp(p, t->minute, MINUTE) == 0 &&
	       memcmp(p + ZONE, t->zone, ZONE_BYTES) == 0 && p[SECONDS] == ':' &&
	       (unsigned char)(p[SECONDS + 1] - '0') < 6 &&
	       (unsigned char)(p[SECONDS + 2] - '0') < 10;
}

static bool read_time(struct clf_time *t, struct slice text, int64_t *us)
{
	struct tm_wall w;

	if (!t->form)
		t->form = timeform_new("clf", NULL);
	if (timeform_read(t->form, &t->memo, text, &w))
		return false;
	*us = w.us - w.east_s * TM_S;
	return *us >= TM_MIN_US && *us < TM_MAX_US;
}

static void remember(struct clf_time *t, struct slice text, const char *out)
{
	if (text.n != CLF_TIME_BYTES || text.p[SECONDS] != ':' || text.p[ZONE] != ' ' ||
	    text.p[SECONDS + 1] == '6')
		return;
	memcpy(t->minute, text.p, MINUTE);
	memcpy(t->zone, text.p + ZONE, ZONE_BYTES);
	memcpy(t->text, out, MINUTE);
}

bool clf_time_put(struct clf_time *t, struct slice text, struct text_out *out)
{
	char utc[TM_TEXT_BYTES];
	int64_t us;

	if (is_known(t, text)) {
		text_add(out, t->text, MINUTE);
		text_add(out, text.p + SECONDS + 1, 2);
		*out->p++ = 'Z';
		return true;
	}
	if (!read_time(t, text, &us))
		return false;
	text_add(out, utc, tm_text(us, utc));
	remember(t, text, utc);
	return true;
}
