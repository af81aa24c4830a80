/* Transactions that overlap, for tests of what a reader may see.
 *
 * 	kmix -b BROKERS [-X prop=value]... TOPIC PARTITIONS SEED TURNS
 *
 * Three transactional producers and a plain one take random turns. In its turn each writes a few
 * records to random partitions and waits until the broker has them, so that the log of a partition
 * has them in the order of N; then it may commit or abort. At the end all are ended, and readers
 * see how. Prints, partition by partition and in the order of the log, what a reader of committed
 * records has to see. Record N is {"ts":"2026-01-01T00:00:00Z","i":N}. Exit 0, 64, or 69 with the
 * broker's reason. */
#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define RECORD "{\"ts\":\"2026-01-01T00:00:00Z\",\"i\":%" PRId64 "}"

enum { PRODUCERS = 4, TIMEOUT_MS = 60000, RECORDS_MOST = 1 << 20, VALUE_BYTES = 64 };

/* Producer 0 has no transactions. */
struct writer {
	rd_kafka_t *rk;
	bool open;
	int64_t first; /* of its records since the transaction began */
};

/* What became of record n. */
struct fate {
	int partition, writer;
	bool visible;
};

static struct fate *fates;
static int64_t records;
static uint64_t state;

static void fail(const char *what, const char *why) __attribute__((noreturn));

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "kmix: %s: %s\n", what, why);
	exit(EX_UNAVAILABLE);
}

static void check_error(rd_kafka_error_t *error, const char *what)
{
	if (error)
		fail(what, rd_kafka_error_string(error));
}

/* Knuth's MMIX. */
static int draw(int n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (int)((state >> 33) % (uint64_t)n);
}

static void set(rd_kafka_conf_t *conf, const char *prop, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, prop, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		fail(prop, why);
}

static struct writer writer_new(const rd_kafka_conf_t *conf, int i)
{
	rd_kafka_conf_t *own = rd_kafka_conf_dup(conf);
	struct writer w = { NULL };
	char why[512], id[64];

	snprintf(id, sizeof(id), "kmix-%d-%d", (int)getpid(), i);
	if (i)
		set(own, "transactional.id", id);
	w.rk = rd_kafka_new(RD_KAFKA_PRODUCER, own, why, sizeof(why));
	if (!w.rk)
		fail("client", why);
	if (i)
		check_error(rd_kafka_init_transactions(w.rk, TIMEOUT_MS), "init");
	return w;
}

static void write_some(struct writer *w, int i, const char *topic, int partitions)
{
	if (i && !w->open) {
		check_error(rd_kafka_begin_transaction(w->rk), "begin");
		w->first = records;
	}
	w->open = i;
	for (int n = 1 + draw(8); n && records < RECORDS_MOST; n--) {
		struct fate *f = &fates[records];
		char value[VALUE_BYTES];
		int bytes = snprintf(value, sizeof(value), RECORD, records);
		rd_kafka_resp_err_t code;

		*f = (struct fate){ .partition = draw(partitions), .writer = i, .visible = !i };
		code = rd_kafka_producev(w->rk, RD_KAFKA_V_TOPIC(topic),
					 RD_KAFKA_V_PARTITION(f->partition),
					 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
					 RD_KAFKA_V_VALUE(value, (size_t)bytes), RD_KAFKA_V_END);
		if (code)
			fail(topic, rd_kafka_err2str(code));
		records++;
	}
	if (rd_kafka_flush(w->rk, TIMEOUT_MS))
		fail(topic, "not flushed");
}

static void end_transaction(struct writer *w, int i, bool commit)
{
	if (commit)
		check_error(rd_kafka_commit_transaction(w->rk, TIMEOUT_MS), "commit");
	else
		check_error(rd_kafka_abort_transaction(w->rk, TIMEOUT_MS), "abort");
	for (int64_t n = w->first; n < records; n++)
		if (fates[n].writer == i)
			fates[n].visible = commit;
	w->open = false;
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct writer writer[PRODUCERS];

	for (int c; (c = getopt(argc, argv, "b:X:")) != -1;) {
		char *eq = c == 'X' ? strchr(optarg, '=') : NULL;

		if (c == '?' || (c == 'X' && !eq))
			return EX_USAGE;
		if (eq)
			*eq = '\0';
		set(conf, eq ? optarg : "bootstrap.servers", eq ? eq + 1 : optarg);
	}
	if (argc - optind != 4)
		return EX_USAGE;
	state = strtoull(argv[optind + 2], NULL, 10);
	fates = calloc(RECORDS_MOST, sizeof(*fates));
	for (int i = 0; i < PRODUCERS; i++)
		writer[i] = writer_new(conf, i);
	for (int turns = atoi(argv[optind + 3]); turns; turns--) {
		int i = draw(PRODUCERS);

		write_some(&writer[i], i, argv[optind], atoi(argv[optind + 1]));
		if (writer[i].open && draw(3) == 0)
			end_transaction(&writer[i], i, draw(2));
	}
	for (int i = 0; i < PRODUCERS; i++) {
		if (writer[i].open)
			end_transaction(&writer[i], i, draw(2));
		/* a broker answers before its markers are in the partitions; who begins anew under
		 * the same id waits for them */
		if (i)
			rd_kafka_destroy(writer_new(conf, i).rk);
		rd_kafka_destroy(writer[i].rk);
	}
	for (int p = 0; p < atoi(argv[optind + 1]); p++)
		for (int64_t n = 0; n < records; n++)
			if (fates[n].partition == p && fates[n].visible)
				printf(RECORD "\n", n);
	free(fates);
	rd_kafka_conf_destroy(conf);
	return EX_OK;
}
