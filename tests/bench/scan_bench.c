/* Nanoseconds a line of the scanner alone: scan_bench FILE PATH,PATH... [ENGINE...] ENGINE is
 * portable, avx2 or auto, with -learn behind it for learned order; none: all that the processor
 * has. The file is read in blocks as the line reader does; only the scanning is timed. Five
 * rounds, engines in turn, medians. A checksum over all fields and the count of good lines must
 * be the same for every engine, else it ends with 1. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "scan/scan.h"

enum { BLOCK = 256 << 10, ROUNDS = 5, ENGINES = 6 };

static const struct engine {
	const char *name;
	enum scan_engine engine;
	bool learn;
} engines[] = {
	{ "portable", SCAN_PORTABLE, false }, { "portable-learn", SCAN_PORTABLE, true },
	{ "avx2", SCAN_AVX2, false },         { "avx2-learn", SCAN_AVX2, true },
	{ "auto", SCAN_AUTO, false },         { "auto-learn", SCAN_AUTO, true },
};

struct run {
	double ns[ROUNDS];
	uint64_t lines, good, sum;
};

static struct path paths[SCAN_FIELDS];
static size_t n_paths;

static uint64_t cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void add_up(const struct scan_batch *batch, struct run *run)
{
	for (unsigned i = 0; i < batch->lines; i++) {
		run->good += scan_status(batch, i) == SCAN_OK;
		for (size_t f = 0; f < n_paths && scan_status(batch, i) == SCAN_OK; f++) {
			const struct field *field = &batch->field[i * n_paths + f];
			for (uint32_t at = 0; at < field->n; at += 7)
				run->sum = run->sum * 31 + (unsigned char)field->p[at];
			run->sum = run->sum * 31 + field->n * 16 + field->type;
		}
	}
	run->lines += batch->lines;
}

/* The whole blocks of one read. Returns the nanoseconds of scanning. check: fields are summed
 * instead of timed. */
static uint64_t block(struct scan *s, const char *p, size_t n, struct run *run, bool check)
{
	struct scan_batch batch;
	uint64_t start = cpu_ns();
	while (n > 0) {
		scan_lines(s, p, n, &batch);
		if (check)
			add_up(&batch, run);
		p += batch.used;
		n -= batch.used;
	}
	return cpu_ns() - start;
}

static double file(struct scan *s, int fd, struct run *run, bool check)
{
	char *buf = calloc(1, BLOCK + 2 * SCAN_PAD);
	size_t have = 0;
	uint64_t ns = 0;
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(fd, buf + SCAN_PAD + have, BLOCK - have, at);
		if (n <= 0)
			break;
		at += n;
		have += (size_t)n;
		const char *last = memrchr(buf + SCAN_PAD, '\n', have);
		if (!last)
			break;
		size_t whole = (size_t)(last + 1 - (buf + SCAN_PAD));
		ns += block(s, buf + SCAN_PAD, whole, run, check);
		memmove(buf + SCAN_PAD, last + 1, have -= whole);
	}
	free(buf);
	return (double)ns /
	       (double)(run->lines ? run->lines : 1); /* the lines of the first, checking pass */
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc <= 3 && strncmp(name, "auto", 4) != 0;
}

static int by_ns(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void read_paths(char *list)
{
	struct err err = ERR_INIT;
	for (char *p = strtok(list, ","); p && n_paths < SCAN_FIELDS; p = strtok(NULL, ","))
		if (path_parse(&paths[n_paths++], slice_z(p), &err)) {
			fprintf(stderr, "scan_bench: %s\n", err.msg);
			exit(EX_USAGE);
		}
}

int main(int argc, char **argv)
{
	int fd = argc > 2 ? open(argv[1], O_RDONLY) : -1, code = 0;
	struct run run[ENGINES] = { 0 }, *first = NULL;
	if (fd < 0) {
		fprintf(stderr, "scan_bench: usage: scan_bench FILE PATH,PATH... [ENGINE...]\n");
		return EX_USAGE;
	}
	read_paths(argv[2]);
	struct scan *s = scan_new(paths, n_paths, NULL);
	for (int round = -1; round < ROUNDS; round++)
		for (int e = 0; e < ENGINES; e++) {
			if (!wanted(engines[e].name, argc, argv) ||
			    !scan_force(s, engines[e].engine, engines[e].learn))
				continue;
			double ns = file(s, fd, &run[e], round < 0);
			if (round >= 0)
				run[e].ns[round] = ns;
		}
	for (int e = 0; e < ENGINES; e++) {
		if (!run[e].lines)
			continue;
		qsort(run[e].ns, ROUNDS, sizeof *run[e].ns, by_ns);
		first = first ? first : &run[e];
		code |= first->sum != run[e].sum || first->good != run[e].good;
		printf("%-16s %7.1f ns/line (best %.1f), %llu lines, %llu good, sum %016llx\n",
		       engines[e].name, run[e].ns[ROUNDS / 2], run[e].ns[0],
		       (unsigned long long)run[e].lines, (unsigned long long)run[e].good,
		       (unsigned long long)run[e].sum);
	}
	scan_free(s);
	return code;
}
