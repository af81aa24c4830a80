/* Topics, offsets and transactions for the tests: what Kafka's own tools do in three seconds of
 * Java, in twenty milliseconds. Shares no code with the programs under test.
 *
 * 	kadm -b BROKERS [-X prop=value]... VERB ...
 * 	create TOPIC PARTITIONS [key=value]...	the topic's settings; waits for every leader
 * 	delete TOPIC
 * 	grow TOPIC PARTITIONS				to that many
 * 	trim TOPIC PARTITION OFFSET			deletes the records below
 * 	ends TOPIC					lines "PARTITION LOW HIGH"
 * 	committed GROUP TOPIC			lines "PARTITION OFFSET METADATA", "-" for none
 * 	commit GROUP TOPIC PARTITION OFFSET [METADATA]	for a group without members
 * 	deny USER topic|group NAME		all that USER could do; "allow" takes it back
 * 	txn commit|abort TOPIC PARTITION	the lines of standard input in one transaction;
 * 					waits until readers see how it ended
 * 	stamp TOPIC PARTITION			lines "MS TEXT" of standard input: records TEXT
 * Exit 0, 64 for wrong usage, 69 with the broker's reason. */
#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, ASK_MS = 2000, POLL_MS = 20 };

static void fail(const char *what, const char *why) __attribute__((noreturn));

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "kadm: %s: %s\n", what, why);
	exit(EX_UNAVAILABLE);
}

static void check(rd_kafka_resp_err_t code, const char *what)
{
	if (code)
		fail(what, rd_kafka_err2str(code));
}

static void check_error(rd_kafka_error_t *error, const char *what)
{
	if (error)
		fail(what, rd_kafka_error_string(error));
}

static void usage(void) __attribute__((noreturn));

static void usage(void)
{
	fputs("usage: kadm -b BROKERS [-X prop=value]... "
	      "create|delete|grow|trim|ends|committed|commit|deny|allow|stamp|txn ...\n",
	      stderr);
	exit(EX_USAGE);
}

static int64_t number(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (end == text || *end)
		usage();
	return n;
}

static void set(rd_kafka_conf_t *conf, const char *prop, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, prop, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		fail(prop, why);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char why[512];
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));

	if (!rk)
		fail("client", why);
	return rk;
}

/* ---- metadata ---- */

/* The number of partitions that have a leader, 0 for an unknown topic. */
static int led_partitions(rd_kafka_t *rk, const char *name)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	const struct rd_kafka_metadata *meta;
	int led = 0;

	check(rd_kafka_metadata(rk, 0, topic, &meta, TIMEOUT_MS), name);
	for (int i = 0; meta->topic_cnt == 1 && i < meta->topics[0].partition_cnt; i++)
		led += meta->topics[0].partitions[i].leader >= 0;
	rd_kafka_metadata_destroy(meta);
	rd_kafka_topic_destroy(topic);
	return led;
}

static void await_leaders(rd_kafka_t *rk, const char *name, int partitions)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	for (int waited_ms = 0; led_partitions(rk, name) < partitions; waited_ms += POLL_MS) {
		if (waited_ms > TIMEOUT_MS)
			fail(name, "partitions without a leader");
		nanosleep(&pause, NULL);
	}
}

static int known_partitions(rd_kafka_t *rk, const char *name)
{
	int n = led_partitions(rk, name);

	if (n == 0)
		fail(name, "unknown topic");
	return n;
}

/* ---- topics: requests of the admin interface, one at a time ---- */

static void check_topics(const rd_kafka_topic_result_t *const *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_topic_result_error(results[i]))
			fail(rd_kafka_topic_result_name(results[i]),
			     rd_kafka_topic_result_error_string(results[i]));
}

/* Waits for the answer on queue and ends the program on a refusal. */
static void answered(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(queue, TIMEOUT_MS);
	const rd_kafka_topic_result_t **topics = NULL;
	size_t n = 0;

	if (!ev)
		fail("request", "no answer");
	if (rd_kafka_event_error(ev))
		fail("request", rd_kafka_event_error_string(ev));
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_CREATETOPICS_RESULT)
		topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev),
							     &n);
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DELETETOPICS_RESULT)
		topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(ev),
							     &n);
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT)
		topics = rd_kafka_CreatePartitions_result_topics(
			rd_kafka_event_CreatePartitions_result(ev), &n);
	check_topics(topics, n);
	rd_kafka_event_destroy(ev);
}

static void topic_create(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *topic;
	char why[512];

	if (argc < 3)
		usage();
	topic = rd_kafka_NewTopic_new(argv[1], (int)number(argv[2]), -1, why, sizeof(why));
	if (!topic)
		fail(argv[1], why);
	for (int i = 3; i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (!eq)
			usage();
		*eq = '\0';
		check(rd_kafka_NewTopic_set_config(topic, argv[i], eq + 1), argv[i]);
	}
	rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
	answered(queue);
	await_leaders(rk, argv[1], (int)number(argv[2]));
	rd_kafka_NewTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
}

static void topic_delete(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *topic;

	if (argc != 2)
		usage();
	topic = rd_kafka_DeleteTopic_new(argv[1]);
	rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
	answered(queue);
	rd_kafka_DeleteTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
}

static void topic_grow(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewPartitions_t *more;
	char why[512];

	if (argc != 3)
		usage();
	more = rd_kafka_NewPartitions_new(argv[1], (size_t)number(argv[2]), why, sizeof(why));
	if (!more)
		fail(argv[1], why);
	rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
	answered(queue);
	await_leaders(rk, argv[1], (int)number(argv[2]));
	rd_kafka_NewPartitions_destroy(more);
	rd_kafka_queue_destroy(queue);
}

static void topic_trim(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *below = rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *records;
	const rd_kafka_topic_partition_list_t *done;
	rd_kafka_event_t *ev;

	if (argc != 4)
		usage();
	rd_kafka_topic_partition_list_add(below, argv[1], (int32_t)number(argv[2]))
		->offset = number(argv[3]);
	records = rd_kafka_DeleteRecords_new(below);
	rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
	ev = rd_kafka_queue_poll(queue, TIMEOUT_MS);
	if (!ev || rd_kafka_event_error(ev))
		fail(argv[1], ev ? rd_kafka_event_error_string(ev) : "no answer");
	done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(ev));
	check(done->elems[0].err, argv[1]);
	rd_kafka_event_destroy(ev);
	rd_kafka_DeleteRecords_destroy(records);
	rd_kafka_topic_partition_list_destroy(below);
	rd_kafka_queue_destroy(queue);
}

/* ---- rights ---- */

/* "deny" or "allow". Each broker hears of it a little later. */
static void acl(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_ResourceType_t type = RD_KAFKA_RESOURCE_TOPIC;
	rd_kafka_AclBinding_t *rule;
	char user[128], why[512];

	if (argc != 4 || (strcmp(argv[2], "topic") != 0 && strcmp(argv[2], "group") != 0))
		usage();
	if (strcmp(argv[2], "group") == 0)
		type = RD_KAFKA_RESOURCE_GROUP;
	snprintf(user, sizeof(user), "User:%s", argv[1]);
	rule = (strcmp(argv[0], "deny") == 0 ? rd_kafka_AclBinding_new
					     : rd_kafka_AclBindingFilter_new)(
		type, argv[3], RD_KAFKA_RESOURCE_PATTERN_LITERAL, user, "*",
		RD_KAFKA_ACL_OPERATION_ALL, RD_KAFKA_ACL_PERMISSION_TYPE_DENY, why, sizeof(why));
	if (!rule)
		fail(argv[3], why);
	if (strcmp(argv[0], "deny") == 0)
		rd_kafka_CreateAcls(rk, &rule, 1, NULL, queue);
	else
		rd_kafka_DeleteAcls(rk, &rule, 1, NULL, queue);
	answered(queue);
	rd_kafka_AclBinding_destroy(rule);
	rd_kafka_queue_destroy(queue);
}

/* ---- offsets ---- */

/* The first or next offset of every partition of the list. Asked again as leaders move;
 * rd_kafka_query_watermark_offsets of librdkafka 2.0.2 waits for ever for the answer of a leader
 * that died. */
static void query_offsets(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int64_t which)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

	for (int tries = 0; code && tries < TIMEOUT_MS / ASK_MS; tries++) {
		for (int i = 0; i < list->cnt; i++)
			list->elems[i].offset = which;
		code = rd_kafka_offsets_for_times(rk, list, ASK_MS);
		for (int i = 0; !code && i < list->cnt; i++)
			code = list->elems[i].err;
	}
	check(code, list->elems[0].topic);
}

static void print_ends(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_topic_partition_list_t *low = rd_kafka_topic_partition_list_new(1), *high;

	if (argc != 2)
		usage();
	rd_kafka_topic_partition_list_add_range(low, argv[1], 0, known_partitions(rk, argv[1]) - 1);
	high = rd_kafka_topic_partition_list_copy(low);
	query_offsets(rk, low, RD_KAFKA_OFFSET_BEGINNING);
	query_offsets(rk, high, RD_KAFKA_OFFSET_END);
	for (int i = 0; i < low->cnt; i++)
		printf("%d %" PRId64 " %" PRId64 "\n", (int)low->elems[i].partition,
		       low->elems[i].offset, high->elems[i].offset);
	rd_kafka_topic_partition_list_destroy(high);
	rd_kafka_topic_partition_list_destroy(low);
}

static void print_committed(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	if (argc != 3)
		usage();
	rd_kafka_topic_partition_list_add_range(list, argv[2], 0,
						known_partitions(rk, argv[2]) - 1);
	check(rd_kafka_committed(rk, list, TIMEOUT_MS), argv[1]);
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *at = &list->elems[i];

		check(at->err, argv[1]);
		if (at->offset < 0)
			printf("%d - -\n", (int)at->partition);
		else
			printf("%d %" PRId64 " %.*s\n", (int)at->partition, at->offset,
			       at->metadata_size ? (int)at->metadata_size : 1,
			       at->metadata_size ? (const char *)at->metadata : "-");
	}
	rd_kafka_topic_partition_list_destroy(list);
}

static void commit_one(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *at;

	if (argc < 5 || argc > 6)
		usage();
	at = rd_kafka_topic_partition_list_add(list, argv[2], (int32_t)number(argv[3]));
	at->offset = number(argv[4]);
	if (argc == 6) {
		at->metadata = strdup(argv[5]);
		at->metadata_size = strlen(argv[5]);
	}
	check(rd_kafka_commit(rk, list, 0), argv[1]);
	check(at->err, argv[1]);
	rd_kafka_topic_partition_list_destroy(list);
}

/* ---- transactions ---- */

/* A broker answers that a transaction has ended before its markers are in the partitions. Who
 * begins anew under its id has to wait for them. */
static void await_markers(rd_kafka_t *rk)
{
	rd_kafka_t *next = client(RD_KAFKA_PRODUCER, rd_kafka_conf_dup(rd_kafka_conf(rk)));

	check_error(rd_kafka_init_transactions(next, TIMEOUT_MS), "markers");
	rd_kafka_destroy(next);
}

static void transaction(rd_kafka_t *rk, int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (argc != 4 || (strcmp(argv[1], "commit") != 0 && strcmp(argv[1], "abort") != 0))
		usage();
	check_error(rd_kafka_init_transactions(rk, TIMEOUT_MS), "init");
	check_error(rd_kafka_begin_transaction(rk), "begin");
	while ((len = getline(&line, &room, stdin)) > 0)
		check(rd_kafka_producev(
			      rk, RD_KAFKA_V_TOPIC(argv[2]),
			      RD_KAFKA_V_PARTITION((int32_t)number(argv[3])),
			      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK),
			      RD_KAFKA_V_VALUE(line, (size_t)len - (line[len - 1] == '\n')),
			      RD_KAFKA_V_END),
		      argv[2]);
	free(line);
	/* an abort would purge what is still in the queue, and the log would hold no aborted
	 * record */
	check(rd_kafka_flush(rk, TIMEOUT_MS), "flush");
	if (strcmp(argv[1], "abort") == 0)
		check_error(rd_kafka_abort_transaction(rk, TIMEOUT_MS), "abort");
	else
		check_error(rd_kafka_commit_transaction(rk, TIMEOUT_MS), "commit");
	await_markers(rk);
}

/* ---- records of a given timestamp ---- */

static void produce_stamped(rd_kafka_t *rk, int argc, char **argv)
{
	char *line = NULL, *text;
	size_t room = 0;

	if (argc != 3)
		usage();
	while (getline(&line, &room, stdin) > 0) {
		int64_t ms = strtoll(line, &text, 10);

		if (*text++ != ' ')
			usage();
		text[strcspn(text, "\n")] = '\0';
		check(rd_kafka_producev(
			      rk, RD_KAFKA_V_TOPIC(argv[1]),
			      RD_KAFKA_V_PARTITION((int32_t)number(argv[2])),
			      RD_KAFKA_V_TIMESTAMP(ms),
			      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK),
			      RD_KAFKA_V_VALUE(text, strlen(text)), RD_KAFKA_V_END),
		      argv[1]);
	}
	free(line);
	check(rd_kafka_flush(rk, TIMEOUT_MS), "flush");
}

/* ---- verbs ---- */

static const struct verb {
	const char *name;
	void (*run)(rd_kafka_t *rk, int argc, char **argv);
	enum { PLAIN, GROUP, PRODUCER, TRANSACTION } kind; /* GROUP: its first operand names one */
} verbs[] = {
	{ "allow", acl, PLAIN },
	{ "commit", commit_one, GROUP },
	{ "committed", print_committed, GROUP },
	{ "create", topic_create, PLAIN },
	{ "delete", topic_delete, PLAIN },
	{ "deny", acl, PLAIN },
	{ "ends", print_ends, PLAIN },
	{ "grow", topic_grow, PLAIN },
	{ "stamp", produce_stamped, PRODUCER },
	{ "trim", topic_trim, PLAIN },
	{ "txn", transaction, TRANSACTION },
};

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	usage();
}

static rd_kafka_conf_t *options(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	for (int c; (c = getopt(argc, argv, "+b:X:")) != -1;) {
		char *eq = c == 'X' ? strchr(optarg, '=') : NULL;

		if (c == 'b')
			set(conf, "bootstrap.servers", optarg);
		else if (!eq)
			usage();
		else {
			*eq = '\0';
			set(conf, optarg, eq + 1);
		}
	}
	if (optind + 1 >= argc)
		usage();
	return conf;
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = options(argc, argv);
	const struct verb *verb = verb_find(argv[optind]);
	char id[32];
	rd_kafka_t *rk;

	snprintf(id, sizeof(id), "kadm-%d", (int)getpid());
	if (verb->kind == GROUP)
		set(conf, "group.id", argv[optind + 1]);
	if (verb->kind == TRANSACTION)
		set(conf, "transactional.id", id);
	rk = client(verb->kind >= PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf);
	verb->run(rk, argc - optind, argv + optind);
	rd_kafka_destroy(rk);
	return EX_OK;
}
