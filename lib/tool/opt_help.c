/* Two columns as GNU tools have them:
 *
 * 	  -b, --brokers LIST     where the cluster answers
 * 	      --epoch DUR        ... (default 1s)
 *
 * The second begins behind the longest option that is not too long; it wraps at the terminal's
 * width, at 80 elsewhere. */
#include "tool/opt.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "tool/opt_internal.h"

enum { WIDTH = 80, WIDTH_LEAST = 40, WIDTH_MOST = 120, LEFT_MOST = 28, GAP = 2 };

static size_t width(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 ||
	    ws.ws_col < WIDTH_LEAST)
		return WIDTH;
	return ws.ws_col < WIDTH_MOST ? ws.ws_col : WIDTH_MOST;
}

static void left_text(const struct opt_group *groups, size_t n, const struct opt *o,
		      struct buf *out)
{
	char letter = opt_letter(groups, n, o);

	if (letter)
		buf_printf(out, "  -%c, --%s", letter, o->name);
	else
		buf_printf(out, "      --%s", o->name);
	if (opt_takes_value(o)) {
		buf_addc(out, ' ');
		opt_arg(o, out);
	}
}

static size_t help_column(const struct opt_group *groups, size_t n)
{
	struct opt_at at = { 0 };
	struct buf left = { 0 };
	const struct opt *o;
	size_t most = 0;
	void *self;

	while ((o = opt_each(groups, n, &at, &self))) {
		left.n = 0;
		left_text(groups, n, o, &left);
		if (left.n > most && left.n <= LEFT_MOST)
			most = left.n;
	}
	buf_fini(&left);
	return most + GAP;
}

static void spaces(struct buf *out, size_t n)
{
	while (n--)
		buf_addc(out, ' ');
}

/* Adds the words of text from column `at` on, which the cursor is in. */
static void wrap(const char *text, size_t at, size_t right, struct buf *out)
{
	size_t used = at;

	while (*text) {
		size_t n = strcspn(text, " ");
		if (used > at && used + 1 + n > right) {
			buf_addc(out, '\n');
			spaces(out, at);
			used = at;
		} else if (used > at) {
			buf_addc(out, ' ');
			used++;
		}
		buf_add(out, text, n);
		used += n;
		text += n + strspn(text + n, " ");
	}
	buf_addc(out, '\n');
}

void opt_help(const struct opt_group *groups, size_t n, struct buf *out)
{
	struct opt_at at = { 0 };
	struct buf text = { 0 };
	const struct opt *o;
	size_t col = help_column(groups, n), right = width() - 1, group = 0, start = out->n;
	void *self;

	while ((o = opt_each(groups, n, &at, &self))) {
		size_t line = out->n;
		if (at.group != group && line > start && !groups[at.group].joined)
			buf_addc(out, '\n');
		group = at.group;
		line = out->n;
		left_text(groups, n, o, out);
		if (out->n - line + GAP > col) {
			buf_addc(out, '\n');
			line = out->n;
		}
		spaces(out, col - (out->n - line));
		text.n = 0;
		buf_addz(&text, o->help);
		if (o->def)
			buf_printf(&text, " (default %s)", o->def);
		wrap(buf_z(&text), col, right, out);
	}
	buf_fini(&text);
}
