/* A day and a time of day that stand in two places are put together, and read as one text of a form
 * that is put together likewise. The readers of event times do the rest (scan/value.h). */
#include "text/pattern_internal.h"

#include <stdlib.h>

#include "text/number.h"

enum { JOINED_MOST = 256 };

static bool is_epoch(const char *form, enum value_unit *unit)
{
	if (!form)
		return false;
	*unit = strcmp(form, "%s") == 0   ? VALUE_S
		: strcmp(form, "%f") == 0 ? VALUE_US
		: strcmp(form, "%*") == 0 ? VALUE_MS
					  : VALUE_RFC3339;
	return *unit != VALUE_RFC3339;
}

static int add_form(struct pattern_time *t, const char *text, struct err *err)
{
	t->form[t->n] = timeform_new(text, err);
	if (!t->form[t->n])
		return -1;
	t->when[t->n] = (struct value_when){ .form = t->form[t->n] };
	t->n++;
	return 0;
}

static int add_joined(struct pattern_time *t, const char *date, const char *between,
		      const char *time, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	buf_printf(&text, "%s%s%s", date, between, time);
	rc = add_form(t, buf_z(&text), err);
	buf_fini(&text);
	return rc;
}

static int forms_of_two(struct pattern_time *t, bool with_time, const struct pattern_times *given,
			struct err *err)
{
	const char *time = !with_time ? "" : given->time ? given->time : "%H:%M:%S";
	const char *between = with_time ? " " : "";

	if (given->date)
		return add_joined(t, given->date, between, time, err);
	if (add_joined(t, "%d/%b/%Y", between, time, err))
		return -1;
	return add_joined(t, "%Y-%m-%d", between, time, err);
}

static int forms_of_one(struct pattern_time *t, const struct pattern_times *given, struct err *err)
{
	const char *one = given->both ? given->both : given->date ? given->date : given->time;
	enum value_unit unit;

	if (!one) {
		t->when[t->n++] = (struct value_when){ .unit = VALUE_RFC3339 };
		return add_form(t, "clf", err);
	}
	if (is_epoch(one, &unit)) {
		t->when[t->n++] = (struct value_when){ .unit = unit };
		return 0;
	}
	if (!given->both && given->date && given->time)
		return add_joined(t, given->date, "", given->time, err);
	return add_form(t, one, err);
}

int pattern_time_init(struct pattern_time *t, bool both, bool with_time,
		      const struct pattern_times *given, struct err *err)
{
	int rc = both ? forms_of_one(t, given, err) : forms_of_two(t, with_time, given, err);

	if (rc)
		return -1;
	t->zone = zone_new(given->zone ? given->zone : "UTC", err);
	for (size_t i = 0; i < t->n; i++)
		t->when[i].zone = t->zone;
	return t->zone ? 0 : -1;
}

void pattern_time_fini(struct pattern_time *t)
{
	for (size_t i = 0; i < PATTERN_FORMS; i++)
		timeform_free(t->form[i]);
	zone_free(t->zone);
	buf_fini(&t->joined);
}

static struct slice join(struct pattern_time *t, struct slice day, struct slice time)
{
	size_t n = day.n + 1 + time.n;

	t->joined.n = 0;
	memset(buf_room(&t->joined, n + 2 * SCAN_PAD), 0, SCAN_PAD);
	t->joined.n = SCAN_PAD;
	buf_adds(&t->joined, day);
	buf_addc(&t->joined, ' ');
	buf_adds(&t->joined, time);
	memset(buf_room(&t->joined, SCAN_PAD), 0, SCAN_PAD);
	return slice(t->joined.p + SCAN_PAD, n);
}

bool pattern_time_put(struct pattern_time *t, struct slice day, struct slice time,
		      struct text_out *out)
{
	char utc[TM_TEXT_BYTES];
	struct field field = { .type = FIELD_STRING };
	bool epoch = t->when[0].unit != VALUE_RFC3339;
	int64_t us;

	if (day.n + time.n > JOINED_MOST)
		return false;
	if (epoch && !text_is_number(day))
		return false;
	if (epoch)
		field.type = FIELD_NUMBER;
	if (time.p)
		day = join(t, day, time);
	field.p = day.p;
	field.n = (uint32_t)day.n;
	for (size_t i = 0; i < t->n; i++) {
		enum value_time_result r = value_time(&t->clock[i], field, &t->when[i], &us);

		if (r > VALUE_TIME_SKIPPED)
			continue;
		text_add(out, utc, tm_text(us, utc));
		return true;
	}
	return false;
}
