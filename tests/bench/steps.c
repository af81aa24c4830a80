/* Where an event's time goes: steps t1|t2 FILE, and what the machine allows: steps limits FILE.
 * Both print one JSON object.
 *
 * t1, t2: hta-window's own rooms are run over the file as its engine runs them, batch by batch,
 * on one thread, with the processor's counter read between the steps: about eight readings for
 * 64 lines, below half a nanosecond an event. Each step is the median of ROUNDS passes, in
 * nanoseconds an event. They are scaled to the processor time of their pass: what others take
 * meanwhile hits all steps alike. The hash is computed once more than needed, and taken off the
 * table's time. Ends with 65 if the groups do not hold every line.
 *
 * limits: gigabytes a second of what no program can do without: reading the cached file, passing
 * it through a pipe of 1 MiB (two processes, elapsed time; a second time with pages lent),
 * reading and copying memory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "agg/emit.h"
#include "agg/key.h"
#include "agg/plan.h"
#include "base/hash.h"
#include "io/pipe_zerocopy.h"
#include "io/lines.h"
#include "io/out.h"
#include "scan/scan_internal.h"
#include "scan/value.h"

enum { ROUNDS = 5, BLOCK = 256 << 10, PIPE = 1 << 20, MEMORY = 512 << 20 };
enum step { READ, NEWLINES, EXTRACT, TIME, NUMBER, UNIQ, KEYS, HASH, TABLE, WRITE, STEPS };

static const char *const names[STEPS] = { "read", "newline scan", "extraction and validation",
					  "time", "number",       "unique's hash",
					  "keys", "key's hash",   "table",
					  "write" };
static uint64_t spent[STEPS];

static void die(const char *what)
{
	fprintf(stderr, "steps: %s\n", what);
	exit(EX_DATAERR);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t ticks(void)
{
#ifdef __x86_64__
	return __rdtsc();
#else
	return now_ns(CLOCK_MONOTONIC);
#endif
}

/* Books what passed since *at, and goes on from there. */
static inline void book(enum step step, uint64_t *at)
{
	uint64_t t = ticks();
	spent[step] += t - *at;
	*at = t;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof *v, by_size);
	return v[ROUNDS / 2];
}

/* ---- the engine, step by step */

struct engine {
	struct plan *plan;
	struct scan *scan;
	struct metric_state *state;
	struct scan_batch batch;
	struct value_clock clock;
	struct key_scratch scratch;
	int64_t us[SCAN_BATCH];
	dec value[SCAN_BATCH];
	uint64_t window[SCAN_BATCH], uniq[SCAN_BATCH];
	struct buf keys;
	const char *key[SCAN_BATCH];
	uint8_t line[SCAN_BATCH];
	uint64_t lines;
};

static const struct scan_ops *real_ops;

/* Cutting is a step inside of scan_lines. */
static unsigned timed_cut(const char *p, size_t n, unsigned max, const char **start,
			  uint32_t *length)
{
	uint64_t at = ticks();
	unsigned lines = real_ops->cut(p, n, max, start, length);
	book(NEWLINES, &at);
	return lines;
}

static struct scan *timed_scan(const struct plan *plan)
{
	static struct scan_ops ops;
	struct scan *s = scan_new(plan->path, plan->n_fields, NULL);
	real_ops = s->ops;
	ops = *real_ops;
	ops.cut = timed_cut;
	s->ops = &ops;
	return s;
}

static const struct field *field_of(const struct engine *e, unsigned line, unsigned field)
{
	return &e->batch.field[line * e->plan->n_fields + field];
}

static struct value_column column_of(const struct engine *e, unsigned field)
{
	return (struct value_column){ field_of(e, 0, field), e->plan->n_fields };
}

static void read_fields(struct engine *e, const char *p, size_t n)
{
	uint64_t at = ticks(), cut = spent[NEWLINES];
	scan_lines(e->scan, p, n, &e->batch);
	book(EXTRACT, &at);
	spent[EXTRACT] -= spent[NEWLINES] - cut;
	for (unsigned i = 0; i < e->batch.lines; i++)
		if (scan_status(&e->batch, i) != SCAN_OK)
			die("a line is not valid");
}

static void read_columns(struct engine *e, const struct plan_metric *m)
{
	uint64_t at = ticks();
	struct value_column times = column_of(e, e->plan->time_field);
	const struct value_when *when = &e->plan->common.when;
	if (value_times(&e->clock, times, e->batch.valid, when, e->us).good != e->batch.valid)
		die("a line has no time");
	book(TIME, &at);
	if (value_decs(column_of(e, e->plan->value_field[0]), e->batch.valid, e->value).exact !=
	    e->batch.valid)
		die("a line has no value");
	book(NUMBER, &at);
	for (unsigned i = 0; i < e->batch.lines && m->uniq >= 0; i++) {
		struct slice text;
		if (key_text(field_of(e, i, e->plan->uniq_field[0]), &e->scratch, &text))
			die("a line has nothing unique");
		e->uniq[i] = hash_murmur64a(text.p, text.n);
	}
	book(UNIQ, &at);
}

static void add_lines(struct engine *e, const struct plan_metric *m)
{
	unsigned n = e->batch.lines;
	uint64_t all = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX, at = ticks(), hash[SCAN_BATCH],
		 hashing;
	uint32_t bytes[SCAN_BATCH];
	struct err err = ERR_INIT;
	const struct metric *def = &m->def->m;
	def->window.kind->ids(&def->window, e->us, all, e->window);
	char *out = buf_room(&e->keys, key_room(SCAN_BATCH, e->batch.used, def->n_dims));
	if (key_build_lines(e->batch.field, e->plan->n_fields, all, m->dim_field, def->n_dims,
			    e->window, &e->scratch, out, e->key) != all)
		die("a line has no key");
	for (unsigned i = 0; i < n; i++)
		bytes[i] = key_bytes(e->key[i]);
	book(KEYS, &at);
	hashing = spent[HASH];
	hash_64_each(e->key, bytes, n, hash);
	book(HASH, &at);
	hashing = spent[HASH] - hashing;
	struct table_batch b = {
		.n = n,
		.line = e->line,
		.key = e->key,
		.has_value = all,
		.value = e->value,
	};
	if (m->uniq >= 0)
		b.has_uniq = all, b.uniq = e->uniq;
	if (table_add(e->state->table, &b, &err))
		die(err.msg);
	book(TABLE, &at);
	spent[TABLE] -= hashing;
	e->lines += n;
}

static int write_rows(void *arg, struct slice lines, uint64_t rows, struct err *err)
{
	(void)rows;
	return write(*(int *)arg, lines.p, lines.n) == (ssize_t)lines.n
		       ? 0
		       : err_set(err, EX_IOERR, "cannot write");
}

static void write_all(struct engine *e, int null)
{
	struct err err = ERR_INIT;
	uint64_t at = ticks(), counted = 0;
	struct table *t = e->state->table;
	struct emit *out = emit_new(false, true, &(struct emit_threads){ 0 }, write_rows, &null);
	if (emit_table(out, e->state, &err) || emit_flush(out, &err))
		die(err.msg);
	emit_free(out);
	book(WRITE, &at);
	for (struct group *g = table_first(t); g; g = table_next(t, g))
		counted += table_counts(t, g).count;
	if (counted != e->lines)
		die("groups and lines differ");
}

static void pass(struct engine *e, int fd, int null)
{
	struct lines *in = lines_new(NULL, fd, 1 << 20);
	struct err err = ERR_INIT;
	struct slice block;
	uint64_t at = ticks();
	lseek(fd, 0, SEEK_SET);
	metric_state_clear(e->state);
	e->lines = 0;
	while (lines_next(in, -1, &block, &err) == LINES_BLOCK) {
		book(READ, &at);
		for (size_t from = 0; from < block.n; from += e->batch.used) {
			read_fields(e, block.p + from, block.n - from);
			read_columns(e, &e->plan->metric[0]);
			add_lines(e, &e->plan->metric[0]);
		}
		at = ticks();
	}
	lines_free(in);
	write_all(e, null);
}

static struct plan *plan_of(const char *by, const char *value, const char *uniq)
{
	struct plan_builder *b = plan_builder_new();
	struct err err = ERR_INIT;
	if (plan_by(b, by, &err) || plan_value(b, value, &err) || plan_uniq(b, uniq, &err))
		die(err.msg);
	struct plan *plan = plan_finish(b, "ts", VALUE_RFC3339, false, &err);
	if (!plan)
		die(err.msg);
	plan_builder_free(b);
	return plan;
}

static int run_steps(bool t2, int fd)
{
	struct engine e = { .plan = t2 ? plan_of("customer", "payload.price", "user_id")
				       : plan_of("endpoint,status", "latency_ms", "") };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double ns[STEPS][ROUNDS];
	e.scan = timed_scan(e.plan);
	e.state = metric_state_new(e.plan->metric[0].def, false);
	for (unsigned i = 0; i < SCAN_BATCH; i++)
		e.line[i] = (uint8_t)i;
	for (int round = -1; round < ROUNDS; round++) {
		uint64_t from = ticks(), from_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
		memset(spent, 0, sizeof spent);
		pass(&e, fd, null);
		double scale = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - from_ns) /
			       (double)(ticks() - from) / (double)e.lines;
		for (unsigned i = 0; i < STEPS && round >= 0; i++)
			ns[i][round] = (double)spent[i] * scale;
	}
	printf("{\"events\":%llu", (unsigned long long)e.lines);
	for (unsigned i = 0; i < STEPS; i++)
		printf(",\"%s\":%.3f", names[i], median(ns[i]));
	puts("}");
	metric_state_free(e.state);
	scan_free(e.scan);
	plan_free(e.plan);
	key_scratch_fini(&e.scratch);
	return 0;
}

/* ---- limits: each does its work once and returns the bytes that it went over */

struct limits {
	int fd;
	char *memory;
	uint64_t sum;
};

static size_t read_file(struct limits *l)
{
	size_t total = 0;
	lseek(l->fd, 0, SEEK_SET);
	for (ssize_t n; (n = read(l->fd, l->memory, BLOCK)) > 0;)
		total += (size_t)n;
	return total;
}

/* One block that stays in the cache, as a filter's output does. */
static bool copy_blocks(const struct limits *l, int fd)
{
	for (size_t at = 0; at < MEMORY; at += BLOCK)
		if (write(fd, l->memory + MEMORY, BLOCK) != BLOCK)
			return false;
	return true;
}

static bool pipe_zerocopy_blocks(int fd)
{
	struct out *o = out_new(NULL, fd, BLOCK);
	struct err err = ERR_INIT;
	for (size_t at = 0; at < MEMORY; at += BLOCK) {
		if (!out_room(o, BLOCK, &err))
			return false;
		out_used(o, BLOCK);
	}
	return out_flush(o, &err) == 0;
}

static size_t through_pipe(struct limits *l, bool lend)
{
	int fd[2];
	size_t total = 0;
	if (pipe(fd) || fcntl(fd[1], F_SETPIPE_SZ, PIPE) < 0)
		die("no pipe of 1 MiB");
	pid_t pid = fork();
	if (pid == 0)
		_exit(!(lend ? pipe_zerocopy_blocks(fd[1]) : copy_blocks(l, fd[1])));
	close(fd[1]);
	if (lend)
		/* now: a lock goes with the first descriptor of the pipe that is closed */
		pipe_zerocopy_read(fd[0]);
	for (ssize_t n; (n = read(fd[0], l->memory, BLOCK)) > 0;)
		total += (size_t)n;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return total;
}

static size_t copied_pipe(struct limits *l)
{
	return through_pipe(l, false);
}

static size_t lent_pipe(struct limits *l)
{
	return through_pipe(l, true);
}

static size_t read_memory(struct limits *l)
{
	const uint64_t *p = (const void *)l->memory;
	uint64_t sum[8] = { 0 };
	for (size_t i = 0; i < MEMORY / sizeof *p; i += 8)
		for (unsigned k = 0; k < 8; k++)
			sum[k] += p[i + k];
	for (unsigned k = 0; k < 8; k++)
		l->sum += sum[k];
	return MEMORY;
}

static size_t copy_memory(struct limits *l)
{
	memcpy(l->memory, l->memory + MEMORY / 2, MEMORY / 2);
	return MEMORY / 2;
}

static int run_limits(int fd)
{
	static const struct {
		const char *name;
		size_t (*run)(struct limits *l);
		clockid_t clock;
	} kinds[] = {
		{ "read of the cached file", read_file, CLOCK_THREAD_CPUTIME_ID },
		{ "pipe of 1 MiB", copied_pipe, CLOCK_MONOTONIC },
		{ "the same, pages lent", lent_pipe, CLOCK_MONOTONIC },
		{ "memory, read", read_memory, CLOCK_THREAD_CPUTIME_ID },
		{ "memory, copied", copy_memory, CLOCK_THREAD_CPUTIME_ID },
	};
	struct limits l = { .fd = fd };
	l.memory = mmap(NULL, MEMORY + BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (l.memory == MAP_FAILED)
		die("no memory");
	memset(l.memory, 1, MEMORY + BLOCK);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		double gb_s[ROUNDS];
		for (int round = 0; round < ROUNDS; round++) {
			uint64_t from = now_ns(kinds[i].clock);
			size_t n = kinds[i].run(&l);
			gb_s[round] = (double)n / (double)(now_ns(kinds[i].clock) - from);
		}
		printf("%s\"%s\":%.3f", i ? "," : "{", kinds[i].name, median(gb_s));
	}
	printf(",\"sum\":%llu}\n", (unsigned long long)l.sum);
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0 && strcmp(argv[1], "limits") == 0)
		return run_limits(fd);
	if (fd >= 0 && (strcmp(argv[1], "t1") == 0 || strcmp(argv[1], "t2") == 0))
		return run_steps(argv[1][1] == '2', fd);
	fprintf(stderr, "steps: usage: steps t1|t2|limits FILE\n");
	return EX_USAGE;
}
