/* The sink framework over a store that answers as it is told (fake_sink.h). Each run is the whole
 * program, sink_main, in a process of its own with pipes around it; what the store holds outlives
 * the process, so that a second run is a restart. */
#ifndef TESTS_UNIT_SINK_RUN_H
#define TESTS_UNIT_SINK_RUN_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_sink.h"
#include "sink/sink.h"
#include "tap.h"

#define INC "0123456789abcdef"
#define GEN "fedcba9876543210"
#define CTL "{\"$hta\":\"" INC "\",\"k\":"

#define HELLO_WITH(cfg, more)                                                                      \
	"{\"$hta\":\"hello\",\"v\":1,\"inc\":\"" INC "\",\"job\":\"web\",\"group\":\"g\","         \
	"\"unit\":\"record\",\"ack\":\"/no\",\"stages\":[{\"s\":\"hta-window\",\"version\":"       \
	"\"0\",\"pid\":1,\"cfg\":\"0000000000000000\",\"metrics\":[{\"name\":\"m\",\"cfg\":\"" cfg \
	"\",\"def\":{},\"every_us\":60000000" more "}],\"lateness_us\":7}]}\n"
#define HELLO_OF(cfg) HELLO_WITH(cfg, "")
#define HELLO HELLO_OF("00000000000000aa")
#define PROBE CTL "\"probe\",\"n\":1,\"job\":\"web\",\"claim\":[],\"sinks\":[]}\n"
#define INIT(to, act, gen, partition)                                                       \
	CTL "\"init\",\"to\":" to ",\"act\":\"" act "\",\"gen\":\"" gen "\",\"now\":false," \
	    "\"pos\":[{\"t\":\"a\",\"p\":" partition ",\"o\":0}]}\n"
#define ADOPT INIT("null", "adopt", GEN, "0")
#define ROW_OF(op)                                                                       \
	"{\"op\":\"" op "\",\"metric\":\"m\",\"window_start\":\"2026-01-01T00:00:00Z\"," \
	"\"window_end\":\"2026-01-01T00:01:00Z\",\"dims\":{},\"dims_hash\":"             \
	"\"00112233445566778899aabbccddeeff\",\"count\":5}\n"
#define ROW ROW_OF("add")
#define PLAIN_ROW ROW_OF("set")
#define DEAD                                                                           \
	CTL "\"dead\",\"s\":\"hta-window\",\"t\":\"a\",\"p\":0,\"o\":3,\"why\":\"w\"," \
	    "\"size\":1,\"enc\":\"utf8\",\"rec\":\"x\"}\n"
#define BAR_AFTER(account, from, to)                                                      \
	CTL "\"bar\",\"e\":1,\"gen\":\"" GEN "\",\"r\":[{\"t\":\"a\",\"p\":0,\"f\":" from \
	    ",\"to\":" to ",\"idle\":false}],\"acct\":[" account "]}\n"
#define BAR(from, to) \
	BAR_AFTER("{\"s\":\"hta-window\",\"in\":0,\"out\":0,\"wm\":[[\"a\",0,90000000]]}", from, to)
#define EPOCH ROW DEAD BAR("0", "10")
#define END CTL "\"end\",\"reason\":\"stop\"}\n"

#define ELSEWHERE "--positions=there"

static const char whole[] = HELLO PROBE ADOPT PROBE EPOCH END;

/* ---- a run */

static char wrote[1 << 16], said[1 << 16];
static bool exact; /* lines are counted: without --foreign */

static inline void read_all(int fd, char *to)
{
	size_t n = 0;
	ssize_t k;

	while ((k = read(fd, to + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)k;
	to[n] = 0;
	close(fd);
}

_Noreturn static inline void child(const struct sink_program *program, const int in[2],
				   const int back[2], const int words[2], char **argv)
{
	int argc = 0;

	dup2(in[0], 0);
	dup2(back[1], 1);
	dup2(words[1], 2);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(back[i]);
		close(words[i]);
	}
	while (argv[argc])
		argc++;
	_exit(sink_main(program, argc, argv));
}

/* Of --positions: the fake that keeps them, whatever the place is called. */
static inline const struct sink_driver *fake_positions(const char *where, struct err *err)
{
	(void)where, (void)err;
	return &fake_driver;
}

/* The program over this input, which fits a pipe: its exit code; `wrote` and `said` are what came
 * of it. more: an option, or NULL. */
static inline int run_over(const struct sink_driver *driver, const char *positions,
			   const char *input, const char *more)
{
	const struct sink_program program = { .name = "hta-sink-fake",
					      .summary = "a fake",
					      .synopsis = "[OPTIONS]",
					      .driver = driver,
					      .positions = fake_positions };
	char *argv[] = { mem_strdup("hta-sink-fake"),
			 mem_strdup("--retry-for=150ms"),
			 mem_strdup(exact ? "-v" : "--foreign"),
			 NULL,
			 NULL,
			 NULL };
	int in[2], back[2], words[2], status;
	pid_t pid;

	argv[3] = more ? mem_strdup(more) : NULL;
	argv[more ? 4 : 3] = positions ? mem_strdup(positions) : NULL;
	if (pipe(in) || pipe(back) || pipe(words))
		return -1;
	pid = fork();
	if (pid == 0)
		child(&program, in, back, words, argv);
	close(in[0]);
	close(back[1]);
	close(words[1]);
	ok(write(in[1], input, strlen(input)) == (ssize_t)strlen(input), "the input fits");
	close(in[1]);
	read_all(back[0], wrote);
	read_all(words[0], said);
	waitpid(pid, &status, 0);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int run(const char *input)
{
	return run_over(&fake_driver, NULL, input, NULL);
}

static inline void plan(enum fake_call c, enum sink_result answer, unsigned times, bool lost)
{
	fake->plan[c].answer = answer;
	fake->plan[c].times = times;
	fake->plan[c].lost = lost;
}

static inline void check_stored(const char *name, uint64_t count, int64_t next)
{
	bool pass = fake->count == count && (fake->n_pos ? fake->pos[0].next : -1) == next;

	if (!ok(pass, "%s: count %llu, position %lld", name, (unsigned long long)count,
		(long long)next))
		printf("#  got %llu, %lld\n# said %s\n", (unsigned long long)fake->count,
		       (long long)(fake->n_pos ? fake->pos[0].next : -1), said);
}

static char pages_dir[] = "/tmp/hta-unit-sink.XXXXXX";

static inline int make_pages(void)
{
	return mkdtemp(pages_dir) ? setenv("HTA_RUN", pages_dir, 1) : -1;
}

/* The counters pages of runs that failed stay for hta-top. */
static inline void remove_pages(void)
{
	DIR *pages = opendir(pages_dir);
	struct dirent *e;

	while (pages && (e = readdir(pages)))
		unlinkat(dirfd(pages), e->d_name, 0);
	closedir(pages);
	is_int(rmdir(pages_dir), 0, "nothing is left behind");
}

#endif
