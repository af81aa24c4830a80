/* The program: once, or on a terminal a screen that is painted anew each second until q. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "app/top.h"
#include "base/tm.h"
#include "io/loop.h"
#include "io/out.h"
#include "tool/prog.h"
#include "tool/terminal.h"

enum { LOOK_US = 3000000, LOOK_EVERY_US = 100000, SCREEN_US = 1000000 };

struct options {
	bool once, json, metrics;
};

static bool unsure(const struct top *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->pipe[i].unsure)
			return true;
	return false;
}

/* What lags may be catching up: that needs a second look, after another epoch was acknowledged. */
static int look_at_pages(struct top *t, struct err *err)
{
	struct top first;
	int64_t until = tm_mono_us() + LOOK_US;
	int rc;

	if (top_sample(&first, NULL, err))
		return -1;
	for (rc = top_sample(t, &first, err); rc == 0 && unsure(t) && tm_mono_us() < until;
	     rc = top_sample(t, &first, err)) {
		top_fini(t);
		poll(NULL, 0, LOOK_EVERY_US / 1000);
	}
	top_fini(&first);
	return rc;
}

static bool any_runs(const struct top *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->pipe[i].alive)
			return true;
	return false;
}

static int put_screen(struct buf *text, struct err *err)
{
	struct out *out = out_new(NULL, STDOUT_FILENO, 64 << 10);
	int rc = out_write(out, text->p, text->n, err) || out_flush(out, err) ? -1 : 0;

	out_free(out);
	text->n = 0;
	return rc;
}

/* Dead ones were printed: that says enough. */
static int tell_none(const struct top *t, struct err *err)
{
	if (t->n == 0)
		return err_set(err, EX_NO, "no pipeline in %s", prog_run_dir(NULL));
	err_clear(err);
	err->code = EX_NO;
	return -1;
}

static int once(const struct options *o, struct err *err)
{
	struct buf text = { 0 };
	struct top t;
	int rc;

	if (look_at_pages(&t, err))
		return -1;
	if (o->json)
		top_json(&t, &text);
	else if (o->metrics)
		top_metrics(&t, &text);
	else
		top_text(&t, NULL, isatty(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : 0,
			 terminal_utf8(), &text);
	rc = put_screen(&text, err);
	if (rc == 0 && !o->metrics && !any_runs(&t))
		rc = tell_none(&t, err);
	top_fini(&t);
	buf_fini(&text);
	return rc;
}

/* ---- the screen */

/* Rates are those since the paint before; whether a lag shrinks is told from a sample that is
 * PAINTS older, as acknowledgements come once an epoch. */
enum { PAINTS = 5 };

struct screen {
	struct loop *loop;
	bool over;
	unsigned paints;
	struct top now, before, earlier;
};

static void on_key(void *arg, int fd, short revents)
{
	struct screen *s = arg;
	char key[16];
	ssize_t n = read(fd, key, sizeof(key));

	(void)revents;
	if (n <= 0 || key[0] == 'q' || key[0] == 3)
		s->over = true;
}

static int paint(struct screen *s, bool utf8, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	if (s->paints++ % PAINTS == 0) {
		top_fini(&s->earlier);
		if (top_sample(&s->earlier, NULL, err))
			return -1;
	}
	top_fini(&s->before);
	s->before = s->now;
	s->now = (struct top){ 0 };
	if (top_sample(&s->now, &s->earlier, err))
		return -1;
	buf_addz(&text, "\033[H\033[2J");
	top_text(&s->now, &s->before, terminal_width(STDOUT_FILENO), utf8, &text);
	buf_addz(&text, s->now.n ? "\nq quits\n" : "no pipeline; q quits\n");
	rc = put_screen(&text, err);
	buf_fini(&text);
	return rc;
}

static int watch(struct screen *s, struct err *err)
{
	bool utf8 = terminal_utf8();
	int rc = top_sample(&s->now, NULL, err);

	while (rc == 0 && !s->over && !loop_signalled(s->loop)) {
		int64_t until = tm_mono_us() + SCREEN_US;

		rc = paint(s, utf8, err);
		while (rc == 0 && !s->over && !loop_signalled(s->loop) && tm_mono_us() < until)
			rc = loop_turn(s->loop, until, err) < 0 ? -1 : 0;
	}
	top_fini(&s->now);
	top_fini(&s->before);
	top_fini(&s->earlier);
	return rc;
}

static int screen(struct err *err)
{
	struct screen s = { .loop = loop_new() };
	struct termios was, raw;
	int rc;

	if (tcgetattr(STDIN_FILENO, &was)) {
		loop_free(s.loop);
		return err_errno(err, EX_IOERR, "terminal");
	}
	raw = was;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	loop_signals(s.loop, NULL, NULL, 0);
	loop_watch(s.loop, STDIN_FILENO, POLLIN, on_key, &s);
	rc = watch(&s, err);
	tcsetattr(STDIN_FILENO, TCSANOW, &was);
	loop_free(s.loop);
	return rc;
}

/* ---- options */

#define AT(member) .at = offsetof(struct options, member)
static const struct opt opts[] = {
	{ .letter = '1',
	  .name = "once",
	  .type = OPT_FLAG,
	  AT(once),
	  .help = "print once instead of a screen that is painted each second" },
	{ .name = "json",
	  .type = OPT_FLAG,
	  AT(json),
	  .help = "print once, a JSON object a pipeline" },
	{ .name = "metrics",
	  .type = OPT_FLAG,
	  AT(metrics),
	  .help = "print once, as Prometheus' text-file collector reads it" },
	OPT_END,
};

static int run_screen(void *self, struct err *err)
{
	const struct options *o = self;

	if (o->json && o->metrics)
		return err_set(err, EX_USAGE, "--json and --metrics exclude each other");
	if (o->once || o->json || o->metrics || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return once(o, err);
	return screen(err);
}

int top_main(int argc, char **argv)
{
	struct options o = { 0 };
	const struct prog prog = {
		.name = "hta-top",
		.summary = "show running pipelines, stage by stage",
		.synopsis = "[OPTIONS]",
		.opts = opts,
		.run = run_screen,
		.examples = "hta-top\nhta-top -1 || echo nothing runs\nhta-top --metrics "
			    ">/var/lib/prometheus/node-exporter/hta.prom",
	};

	return prog_main(&prog, &o, argc, argv);
}
