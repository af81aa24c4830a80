/* A batch of lines goes by the quick way first, which says of most good ones that they are; what is
 * left is judged line by line on its tree, and that alone finds a line bad and says why. All files
 * are read and compiled at the start, those of --schemas too, so that a broken one is told before
 * the first record; they are not looked at again while the program runs. */
#include "app/validate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/rules_files.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/fd.h"
#include "json/json.h"
#include "schema/schema.h"
#include "tool/record_filter.h"

struct validator {
	const char *schema, *schemas, *type;
	int formats;
	const char **operand;
	size_t operands, cap;
	/* running */
	struct schema_set *set;
	struct schema_check *check;
	struct schema_scan *scan;
	struct buf scratch; /* a type with escapes, decoded */
};

/* ---- which schema */

static int fail_type(const struct validator *v, struct err *why, const char *reason)
{
	return err_set(why, EX_DATAERR, "%s %s", v->type, reason);
}

/* A name can be the name of a file in the folder. */
static bool is_file_name(struct slice name)
{
	return name.n && name.p[0] != '.' && !memchr(name.p, '/', name.n) &&
	       !memchr(name.p, '\0', name.n);
}

static int file_of_name(const struct validator *v, struct slice name, struct err *why)
{
	enum { SHOWN = 64 };
	int file = is_file_name(name) ? schema_set_find(v->set, name) : -1;
	struct buf quoted = { 0 };

	if (file >= 0)
		return file;
	if (name.n > SHOWN)
		name.n = SHOWN;
	while (name.n && !str_utf8(name.p, name.n))
		name.n--;
	json_quote(&quoted, name);
	err_set(why, EX_DATAERR,
		is_file_name(name) ? "no schema for the type %s"
				   : "the type %s is no name of a schema",
		buf_z(&quoted));
	buf_fini(&quoted);
	return -1;
}

/* The file whose schema judges the line; -1: why. */
static int file_of(struct validator *v, const struct field *field, struct err *why)
{
	if (!v->type)
		return 0;
	switch (field->type) {
	case FIELD_MISSING:
	case FIELD_NULL:
		return fail_type(v, why, "is missing, which names the schema");
	case FIELD_STRING:
		return file_of_name(v, slice(field->p, field->n), why);
	case FIELD_ESCAPED:
		v->scratch.n = 0;
		if (json_unescape(slice(field->p, field->n), &v->scratch))
			return fail_type(v, why, "has half of a surrogate pair");
		return file_of_name(v, buf_slice(&v->scratch), why);
	default:
		return fail_type(v, why, "is not a string");
	}
}

/* ---- a record */

static void judge_quickly(void *self, const struct scan_batch *batch, size_t width, uint64_t *pass,
			  uint64_t *drop)
{
	struct validator *v = self;

	(void)drop;
	for (uint64_t left = batch->valid; left; left &= left - 1) {
		unsigned line = (unsigned)__builtin_ctzll(left);
		const struct field *field = batch->field + line * width;
		int file = file_of(v, field, NULL);

		if (file >= 0 && schema_scan_has(v->scan, file) &&
		    schema_scan_line(v->scan, file, field, v->check))
			*pass |= (uint64_t)1 << line;
	}
}

static enum record_verdict judge_record(void *self, const struct record *r, struct buf *replace,
					struct err *why)
{
	struct validator *v = self;
	int file = file_of(v, r->field, why);

	(void)replace;
	return file >= 0 && schema_check_text(v->check, file, r->line, why) ? RECORD_PASS
									    : RECORD_DEAD;
}

/* ---- the start */

static int add_schema(void *self, const char *path, struct slice text, struct err *err)
{
	struct validator *v = self;
	const char *slash = strrchr(path, '/');

	return schema_set_add(v->set, slash ? slash + 1 : path, text, err);
}

static int read_schema(struct validator *v, struct err *err)
{
	struct buf text = { 0 };
	int fd = fd_open(v->schema, err), rc;

	if (fd < 0)
		return -1;
	rc = rules_files_read(fd, v->schema, &text, err);
	close(fd);
	if (rc == 0)
		rc = add_schema(v, v->schema, buf_slice(&text), err);
	buf_fini(&text);
	return rc;
}

static int check_options(const struct validator *v, struct err *err)
{
	if (!v->schema == !v->schemas)
		return err_set(err, EX_USAGE,
			       "give --schema FILE, or --schemas DIR and --type PATH");
	if (!v->type != !v->schemas)
		return err_set(err, EX_USAGE, "--schemas DIR and --type PATH go together");
	return 0;
}

static void tell_way(const struct validator *v, int file)
{
	const char *name = schema_set_name(v->set, file);
	struct buf why = { 0 };

	if (schema_scan_has(v->scan, file)) {
		log_each(LOG_INFO, "%s: good records are told by their fields", name);
		return;
	}
	schema_scan_why_not(v->scan, file, &why);
	log_each(LOG_INFO, "%s: good records are told by a tree of them, because of %.*s", name,
		 why.n > 300 ? 300 : (int)why.n, why.p);
	buf_fini(&why);
}

static int make_schemas(struct validator *v, struct err *err)
{
	v->set = schema_set_new(v->formats == 0);
	if (v->schema ? read_schema(v, err) : rules_files_each(v->schemas, add_schema, v, err))
		return -1;
	if (schema_set_compile(v->set, err))
		return -1;
	v->check = schema_check_new(v->set);
	v->scan = schema_scan_new(v->set, v->type);
	for (int i = 0; schema_set_name(v->set, i); i++)
		tell_way(v, i);
	return 0;
}

static int run_validator(void *self, struct err *err)
{
	struct validator *v = self;
	int rc = check_options(v, err) || make_schemas(v, err) ? -1 : 0;

	if (rc == 0) {
		const struct record_filter filter = {
			.paths = schema_scan_paths(v->scan),
			.objects = true,
			.judge = judge_quickly,
			.record = judge_record,
		};

		rc = record_filter_run(&filter, v, v->operand, v->operands, err);
	}
	schema_scan_free(v->scan);
	schema_check_free(v->check);
	schema_set_free(v->set);
	buf_fini(&v->scratch);
	return rc;
}

static int take_operand(void *self, const char *operand, struct err *err)
{
	struct validator *v = self;

	(void)err;
	mem_reserve(&v->operand, &v->cap, v->operands + 1, sizeof(*v->operand));
	v->operand[v->operands++] = operand;
	return 0;
}

#define AT(member) offsetof(struct validator, member)

static const char *const formats[] = { "assert", "annotate", NULL };

static const struct opt opts[] = {
	{ .name = "schema",
	  .type = OPT_TEXT,
	  .at = AT(schema),
	  .arg = "FILE",
	  .help = "the schema of all records" },
	{ .name = "schemas",
	  .type = OPT_TEXT,
	  .at = AT(schemas),
	  .arg = "DIR",
	  .help = "a folder of schemas, TYPE.json for records of a type" },
	{ .name = "type",
	  .type = OPT_TEXT,
	  .at = AT(type),
	  .arg = "PATH",
	  .help = "with --schemas: the field that has a record's type" },
	{ .name = "formats",
	  .type = OPT_CHOICE,
	  .at = AT(formats),
	  .arg = "assert|annotate",
	  .def = "assert",
	  .choices = formats,
	  .help = "whether a text that is not of its format is bad" },
	OPT_END,
};

int validate_main(int argc, char **argv)
{
	struct validator v = { 0 };
	const struct prog prog = {
		.name = "hta-validate",
		.summary = "pass records that a JSON Schema takes",
		.synopsis = "[OPTIONS] --schema FILE|--schemas DIR --type PATH [FILE...]",
		.opts = opts,
		.more = stage_opts_dead,
		.more_self = stage_options(),
		.operand = take_operand,
		.run = run_validator,
		.failed = stage_failed,
		.examples = "hta-validate --schema event.json --dead bad.ndjson events.ndjson\n"
			    "hta-consume -b kafka:9092 -t events -g clean | hta-validate "
			    "--schemas schemas --type event_type | hta-window --by event_type | "
			    "hta-sink-pg --init service=rollups | hta-commit",
	};
	int code = prog_main(&prog, &v, argc, argv);

	free(v.operand);
	return code;
}
