/* Many an `at` differs from the one before in its offset only: where a filter leaves single lines
 * out there may be one every few lines. A form is the text of such a line around its offset: one
 * of it is written and told without building or reading JSON. Nothing but speed hangs on it:
 * what a form does not know is written and read as ctl.h has it. */
#ifndef PROTO_CTL_AT_FORM_H
#define PROTO_CTL_AT_FORM_H

#include "base/str.h"

/* {0}: it knows no line. */
struct ctl_at_form {
	struct buf text; /* a line without its offset */
	size_t head;     /* the bytes of it that stand before the offset */
};

void ctl_at_form_fini(struct ctl_at_form *f);
void ctl_at_form_clear(struct ctl_at_form *f);
/* Takes the form of a line, without its \n, whose offset is `offset`; one in which that is not
 * plain to see clears it. */
void ctl_at_form_learn(struct ctl_at_form *f, struct slice line, int64_t offset);
/* Whether a line is of the form; *offset is its own then. */
bool ctl_at_form_read(const struct ctl_at_form *f, struct slice line, int64_t *offset);
/* Appends a line of the form. False, and nothing is appended: there is none with that offset. */
bool ctl_at_form_write(const struct ctl_at_form *f, int64_t offset, struct buf *out);

#endif
