/* A record goes through the condition first, a batch at a time, then through the program. What a
 * program gives back unchanged, as select does, is written byte for byte as it came. Outputs of one
 * record are gathered before any of them is written, so that an error behind the first output
 * makes the whole record a dead letter. */
#include "app/filter.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/fd.h"
#include "tool/record_filter.h"
#include "xform/condition.h"
#include "xform/jq_program.h"

enum { PROGRAM_BYTES_MAX = 1 << 20 };

struct filter_program {
	const char *where, *from_file;
	const char **operand;
	size_t operands, cap;
	/* running */
	struct condition *condition; /* NULL: all records */
	struct jq_program *program;  /* NULL: what the condition passes */
	const struct scan_batch *batch;
	size_t width;
	uint64_t wrong; /* lines of the batch on which the condition failed */
};

/* ---- a record */

static void judge_batch(void *self, const struct scan_batch *batch, size_t width, uint64_t *pass,
			uint64_t *drop)
{
	struct filter_program *f = self;
	struct predicate_sets sets = condition_run(f->condition, batch, width, batch->valid);

	f->batch = batch;
	f->width = width;
	f->wrong = sets.wrong;
	*drop = batch->valid & ~sets.holds & ~sets.wrong;
	if (!f->program)
		*pass = sets.holds;
}

struct outputs {
	const struct record *record;
	struct buf *text;
	size_t n, unchanged;
};

static int take_output(void *arg, struct slice json, struct err *err)
{
	struct outputs *o = arg;

	if (json.p != o->record->line.p && (!json.n || json.p[0] != '{'))
		return err_set(err, EX_DATAERR, "an output is no object: %.*s",
			       (int)(json.n > 60 ? 60 : json.n), json.p);
	o->n++;
	o->unchanged += json.p == o->record->line.p;
	buf_adds(o->text, json);
	buf_addc(o->text, '\n');
	return 0;
}

static enum record_verdict run_program(struct filter_program *f, const struct record *r,
				       struct buf *replace, struct err *why)
{
	struct outputs o = { .record = r, .text = replace };

	if (jq_program_run(f->program, r->line, take_output, &o, why))
		return RECORD_DEAD;
	return o.n == 1 && o.unchanged ? RECORD_PASS : RECORD_REPLACE;
}

static enum record_verdict filter_record(void *self, const struct record *r, struct buf *replace,
					 struct err *why)
{
	struct filter_program *f = self;

	err_clear(why);
	if (f->wrong >> r->line_of_batch & 1) {
		condition_why(f->condition, f->batch, f->width, r->line_of_batch, why);
		return RECORD_DEAD;
	}
	return run_program(f, r, replace, why);
}

/* ---- the start */

/* The text of --from-file, as jq's. */
static int read_program(const char *path, struct buf *out, struct err *err)
{
	int fd = fd_open(path, err);
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, buf_room(out, 4096), 4096);
		out->n += n > 0 ? (size_t)n : 0;
	} while (n > 0 && out->n <= PROGRAM_BYTES_MAX);
	if (n < 0)
		err_errno(err, EX_IOERR, "%s", path);
	else if (n > 0)
		err_set(err, EX_CONFIG, "%s: more than 1 MiB is no program", path);
	close(fd);
	return n ? -1 : 0;
}

/* The program: --from-file, or the first operand, which then is no file. *files: where the files
 * begin. */
static int make_program(struct filter_program *f, size_t *files, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (f->from_file) {
		rc = read_program(f->from_file, &text, err);
	} else if (!f->where) {
		if (!f->operands)
			return err_set(err, EX_USAGE,
				       "a program is missing: hta-filter 'select(.status >= 500)'");
		buf_addz(&text, f->operand[(*files)++]);
	}
	if (rc == 0 && text.n) {
		f->program = jq_program_new(buf_slice(&text), err);
		rc = f->program ? 0 : -1;
	}
	buf_fini(&text);
	return rc;
}

static int make_condition(struct filter_program *f, struct err *err)
{
	if (!f->where)
		return 0;
	f->condition = condition_new(slice_z(f->where), err);
	return f->condition ? 0 : err_in(err, "--where");
}

/* The paths of the condition's fields, as texts; NULL behind the last. */
static char **list_paths(const struct filter_program *f)
{
	size_t n = f->condition ? condition_fields(f->condition) : 0;
	char **path = mem_array(n + 1, sizeof(*path));

	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };

		path_canonical(condition_field(f->condition, i), &text);
		path[i] = mem_strdup(buf_z(&text));
		buf_fini(&text);
	}
	path[n] = NULL;
	return path;
}

static void free_paths(char **path)
{
	for (size_t i = 0; path[i]; i++)
		free(path[i]);
	free(path);
}

static int run_filter(void *self, struct err *err)
{
	struct filter_program *f = self;
	size_t files = 0;
	int rc = make_condition(f, err) || make_program(f, &files, err) ? -1 : 0;

	if (rc == 0) {
		char **paths = list_paths(f);
		const struct record_filter filter = {
			.paths = (const char *const *)paths,
			.objects = true,
			.multiplies = f->program != NULL,
			.judge = f->condition ? judge_batch : NULL,
			.record = filter_record,
		};

		rc = record_filter_run(&filter, f, f->operand + files, f->operands - files, err);
		free_paths(paths);
	}
	condition_free(f->condition);
	jq_program_free(f->program);
	return rc;
}

static int take_operand(void *self, const char *operand, struct err *err)
{
	struct filter_program *f = self;

	(void)err;
	mem_reserve(&f->operand, &f->cap, f->operands + 1, sizeof(*f->operand));
	f->operand[f->operands++] = operand;
	return 0;
}

#define AT(member) offsetof(struct filter_program, member)

static const struct opt opts[] = {
	{ .name = "where",
	  .type = OPT_TEXT,
	  .at = AT(where),
	  .arg = "PREDICATE",
	  .help = "only records for which this holds, such as '.status >= 500'; operands are "
		  "files then" },
	{ .letter = 'f',
	  .name = "from-file",
	  .type = OPT_TEXT,
	  .at = AT(from_file),
	  .arg = "FILE",
	  .help = "read the program from a file; operands are files then" },
	OPT_END,
};

int filter_main(int argc, char **argv)
{
	struct filter_program f = { 0 };
	const struct prog prog = {
		.name = "hta-filter",
		.summary = "filter and reshape records with a jq program",
		.synopsis = "[OPTIONS] PROGRAM|--where PREDICATE [FILE...]",
		.opts = opts,
		.more = stage_opts_dead,
		.more_self = stage_options(),
		.operand = take_operand,
		.run = run_filter,
		.failed = stage_failed,
		.examples = "hta-filter --where '.status >= 500' events.ndjson\n"
			    "hta-filter 'select(.user_id) | del(.payload)' events.ndjson\n"
			    "hta-consume -b kafka:9092 -t events -g items | hta-filter '{ts} + "
			    ".items[]' | hta-window --by product_id | hta-sink-pg --init "
			    "service=rollups | hta-commit",
	};
	int code = prog_main(&prog, &f, argc, argv);

	free(f.operand);
	return code;
}
