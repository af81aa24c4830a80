/* libjq, held to what a rule may do. It has no switch for that, so each program is compiled behind
 * a line of definitions that hide what must not be reached:
 *
 *   def env: {}; {} as $ENV | def now: error("..."); .. PROGRAM
 *
 * Nothing has to be closed behind it, so a program cannot break out; and `import`, `include` and
 * `module`, which stand first or nowhere, are syntax errors. (They would abort: libjq asserts that
 * its embedder has set a search path.) The definitions cost nothing in programs that do not use
 * them: jq drops what is not referred to.
 *
 * The same line mends what the data alone would do in 1.6: a number that is no time aborts in
 * strftime, the index of an empty string loops, and memory leaks of the index in an array and of
 * ltrimstr where there is no string.
 *
 * libjq reads ~/.jq, whatever is asked for, and its definitions would hide jq's own. The only way
 * around it is another HOME while compiling. It is set only where there is one, so the environment
 * keeps its shape: another thread that reads it finds the old text or the new.
 *
 * A text is parsed as a whole, into reference-counted values that die with each record. Cost: some
 * microseconds a record, about 1 us of them for the start of a program. */
#include "xform/jq_program.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <jq.h>

#include "base/mem.h"

struct jq_program {
	jq_state *jq;
	struct buf message; /* of the compiler: the first one */
};

static const char hidden[] =
	"def env: {}; {} as $ENV | "
	"def _indices($i): indices($i); "
	"def indices($i): "
	"if type == \"array\" then (if $i | type == \"array\" then $i else [$i] end) as $s | "
	"[range(length - ($s | length) + 1) as $at | select($s != []) "
	"| select(.[$at:$at + ($s | length)] == $s) | $at] "
	"elif $i == \"\" then null "
	"else _indices($i) end; "
	"def index($i): indices($i) | .[0]; "
	"def rindex($i): indices($i) | .[-1:][0]; "
	"def _strftime(f): strftime(f); "
	"def strftime(f): (if type == \"number\" then gmtime else . end) | _strftime(f); "
	"def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\"); "
	"def todate: todateiso8601; "
	"def _ltrimstr($x): ltrimstr($x); "
	"def ltrimstr($x): if type == \"string\" and ($x | type) == \"string\" then _ltrimstr($x) "
	"else . end; "
	"def _rtrimstr($x): rtrimstr($x); "
	"def rtrimstr($x): if type == \"string\" and ($x | type) == \"string\" then _rtrimstr($x) "
	"else . end; ";

static const char *const refused[] = {
	"debug",
	"halt",
	"halt_error",
	"halt_error(f)",
	"input",
	"input_filename",
	"input_line_number",
	"inputs",
	"localtime",
	"modulemeta",
	"now",
	"stderr",
	"strflocaltime(f)",
	NULL,
};

/* ---- compiling ---- */

static void cut_at(struct buf *b, const char *text)
{
	const char *found = b->n ? memmem(b->p, b->n, text, strlen(text)) : NULL;
	if (found)
		b->n = (size_t)(found - b->p);
}

/* "jq: error: REASON (Unix shell quoting issues?) at <top-level>, line 1:\nPROGRAM" -> REASON */
static void keep_message(void *arg, jv message)
{
	static const char prefix[] = "jq: error: ";
	struct buf *b = arg;
	if (b->n == 0 && jv_get_kind(message) == JV_KIND_STRING) {
		const char *text = jv_string_value(message);
		text += strncmp(text, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
		buf_addz(b, text);
		cut_at(b, " (Unix shell quoting");
		cut_at(b, " at <top-level>");
		cut_at(b, "\n");
	}
	jv_free(message);
}

static void ignore_message(void *arg, jv message)
{
	(void)arg;
	jv_free(message);
}

static void add_definitions(struct buf *b)
{
	buf_addz(b, hidden);
	for (const char *const *name = refused; *name; name++)
		buf_printf(b, "def %s: error(\"%.*s is not for rules\"); ", *name,
			   (int)strcspn(*name, "("), *name);
}

static bool compile_text(struct jq_program *p, const char *text)
{
	const char *home = getenv("HOME");
	char *saved = home ? mem_strdup(home) : NULL;
	if (saved)
		setenv("HOME", "/dev/null", 1);
	jq_set_error_cb(p->jq, keep_message, &p->message);
	bool good = jq_compile(p->jq, text);
	jq_set_error_cb(p->jq, ignore_message, NULL);
	if (saved)
		setenv("HOME", saved, 1);
	free(saved);
	return good;
}

struct jq_program *jq_program_new(struct slice text, struct err *err)
{
	struct jq_program *p = mem_zalloc(sizeof(*p));
	struct buf all = { 0 };
	if (text.n && memchr(text.p, 0, text.n)) {
		err_set(err, EX_USAGE, "jq: a NUL in the program");
		goto free_program;
	}
	p->jq = jq_init();
	if (!p->jq) {
		err_set(err, EX_TEMPFAIL, "jq: out of memory");
		goto free_program;
	}
	add_definitions(&all);
	buf_adds(&all, text);
	bool good = compile_text(p, buf_z(&all));
	buf_fini(&all);
	if (good)
		return p;
	err_set(err, EX_USAGE, "jq: %s", p->message.n ? buf_z(&p->message) : "does not compile");
free_program:
	jq_program_free(p);
	return NULL;
}

void jq_program_free(struct jq_program *p)
{
	if (!p)
		return;
	if (p->jq)
		jq_teardown(&p->jq);
	buf_fini(&p->message);
	free(p);
}

/* ---- running ---- */

/* The message of an invalid value, which is freed, as err. */
static void tell_message(jv invalid, struct err *err)
{
	jv message = jv_invalid_get_msg(invalid);
	bool text = jv_get_kind(message) == JV_KIND_STRING;
	if (!text)
		message = jv_dump_string(message, 0);
	const char *p = jv_string_value(message), *end = strstr(p, " (while parsing ");
	err_set(err, EX_DATAERR, "%.*s%s",
		(int)(end ? end - p : jv_string_length_bytes(jv_copy(message))), p,
		text ? "" : " (not a string)");
	jv_free(message);
}

/* Parses the record and starts. False: err says why. same: the record, to be freed; NULL: nobody
 * asks. */
static bool start_record(struct jq_program *p, struct slice json, jv *same, struct err *err)
{
	if (json.n > INT_MAX) {
		err_set(err, EX_DATAERR, "a record of more than 2 GiB");
		return false;
	}
	jv record = jv_parse_sized(json.p, (int)json.n);
	if (!jv_is_valid(record)) {
		tell_message(record, err);
		return false;
	}
	if (same)
		*same = jv_copy(record);
	jq_start(p->jq, record, 0);
	return true;
}

/* The end of the outputs: 0, or -1 where it is an error. */
static int end_record(jv last, struct err *err)
{
	if (jv_invalid_has_msg(jv_copy(last))) {
		tell_message(last, err);
		return -1;
	}
	jv_free(last);
	return 0;
}

enum jq_verdict jq_program_judge(struct jq_program *p, struct slice json, struct err *err)
{
	if (!start_record(p, json, NULL, err))
		return JQ_WRONG;
	for (;;) {
		jv output = jq_next(p->jq);
		jv_kind kind = jv_get_kind(output);
		if (kind == JV_KIND_INVALID)
			return end_record(output, err) ? JQ_WRONG : JQ_HOLDS_NOT;
		jv_free(output);
		if (kind != JV_KIND_NULL && kind != JV_KIND_FALSE)
			return JQ_HOLDS;
	}
}

static int hand_over(jv value, jq_output_fn *output, void *arg, struct err *err)
{
	jv text = jv_dump_string(value, 0);
	int result = output(
		arg, slice(jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))),
		err);
	jv_free(text);
	return result;
}

int jq_program_run(struct jq_program *p, struct slice json, jq_output_fn *output, void *arg,
		   struct err *err)
{
	int result = 0;
	jv record;
	if (!start_record(p, json, &record, err))
		return -1;
	while (result == 0) {
		jv value = jq_next(p->jq);
		if (!jv_is_valid(value)) {
			result = end_record(value, err);
			break;
		}
		if (jv_identical(jv_copy(value), jv_copy(record))) {
			jv_free(value);
			result = output(arg, json, err);
		} else {
			result = hand_over(value, output, arg, err);
		}
	}
	jv_free(record);
	return result;
}
