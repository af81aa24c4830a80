/* hta-sink-folder DIR: the smallest store that needs claimed epochs. An epoch is a file named by
 * its claim, which appears whole or not at all (link(2)). An empty file of that name makes the
 * claim useless: whoever comes later finds the name taken. Records, dead ones too, stand in it as
 * they came. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "bin/stores.h"
#include "sink/sink.h"

static void *folder_open(const struct sink_conf *conf, struct err *err)
{
	const struct sink_conf **d = mem_zalloc(sizeof(*d));

	(void)err;
	*d = conf;
	return d;
}

static const char *folder_of(const void *d)
{
	return (*(const struct sink_conf *const *)d)->where;
}

static enum sink_result folder_failed(const char *path, struct err *err)
{
	err_errno(err, EX_IOERR, "%s", path);
	return SINK_FATAL;
}

static enum sink_result folder_connect(void *d, struct err *err)
{
	return mkdir(folder_of(d), 0700) && errno != EEXIST ? folder_failed(folder_of(d), err)
							    : SINK_OK;
}

static void folder_disconnect(void *d)
{
	(void)d;
}

static int write_lines(const char *path, const struct sink_batch *batch)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -1;
	fprintf(f, "epoch %s\n", batch->name);
	for (size_t i = 0; i < batch->records; i++)
		fprintf(f, "%.*s\n", (int)batch->record[i].line.n, batch->record[i].line.p);
	for (size_t i = 0; i < batch->n_dead; i++)
		fprintf(f, "%.*s\n", (int)batch->dead[i].record.n, batch->dead[i].record.p);
	return fclose(f);
}

/* The name is taken: by these records, or by who has settled the claim. */
static enum sink_result name_taken(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return folder_failed(path, err);
	if (st.st_size)
		return SINK_OK;
	err_set(err, EX_TEMPFAIL, "%s was settled by another pipeline; start again", path);
	return SINK_CONFLICT;
}

static enum sink_result folder_write(void *d, const struct sink_batch *batch,
				     struct sink_counts *counts, struct err *err)
{
	char *path = mem_printf("%s/%s", folder_of(d), batch->name),
	     *draft = mem_printf("%s.%d", path, (int)getpid());
	enum sink_result r = SINK_OK;

	(void)counts;
	if (write_lines(draft, batch))
		r = folder_failed(draft, err);
	crash_at(CRASH_SINK_INSIDE);
	if (r == SINK_OK && link(draft, path))
		r = errno == EEXIST ? name_taken(path, err) : folder_failed(path, err);
	crash_at(CRASH_SINK_SENT);
	unlink(draft);
	free(draft);
	free(path);
	return r;
}

static enum sink_result folder_settle(void *d, const char *id, struct slice what, bool *stored,
				      struct err *err)
{
	char *path = mem_printf("%s/%s", folder_of(d), id);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st = { .st_size = 0 };
	enum sink_result r = SINK_OK;

	(void)what;
	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST || stat(path, &st))
		r = folder_failed(path, err);
	*stored = st.st_size > 0;
	free(path);
	return r;
}

static enum sink_result folder_holds(void *d, const char *id, struct slice what, bool *holds,
				     struct err *err)
{
	char *path = mem_printf("%s/%s", folder_of(d), id);
	struct stat st;

	(void)what, (void)err;
	*holds = stat(path, &st) == 0 && st.st_size > 0;
	free(path);
	return SINK_OK;
}

static const struct opt folder_opts[] = { SINK_PLACE_OPT("place", "folder", "in the sink's name"),
					  OPT_END };

int main(int argc, char **argv)
{
	static const struct sink_driver driver = {
		.kind = "folder",
		.takes = SINK_RECORDS | SINK_DEAD,
		.delivery = SINK_CLAIMED,
		.opts = folder_opts,
		.conf_bytes = sizeof(struct sink_conf),
		.open = folder_open,
		.close = free,
		.connect = folder_connect,
		.disconnect = folder_disconnect,
		.write = folder_write,
		.settle = folder_settle,
		.holds = folder_holds,
	};
	static const struct sink_program program = {
		.name = "hta-sink-folder",
		.summary = "store records in a folder, a file an epoch (for tests)",
		.synopsis = "[OPTIONS] DIR",
		.driver = &driver,
		.positions = stores_keeper,
		.needs_where = true,
	};

	return sink_main(&program, argc, argv);
}
