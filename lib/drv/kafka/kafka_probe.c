/* Is all there that hta-consume will ask for? The cluster, the topics, their records, the group. A
 * record of each topic is read, past the group: that Describe is allowed says nothing of Read. */
#include "drv/kafka/kafka_probe.h"

#include <poll.h>
#include <string.h>

#include "base/tm.h"

enum { READ_US = 10000000, LOOK_US = 100000 };

static void count_records(const struct ranges *parts, const char *topic, size_t *n,
			  int64_t *records, const struct range **full)
{
	*n = 0;
	*records = 0;
	*full = NULL;
	for (size_t i = 0; i < parts->n; i++) {
		const struct range *r = &parts->v[i];

		if (strcmp(r->topic, topic) != 0)
			continue;
		++*n;
		*records += r->to - r->from;
		if (r->to > r->from)
			*full = r;
	}
}

/* Reads from the partition's last record on until one comes. */
static int read_record(struct input *log, const struct range *from, struct loop *loop, bool *came,
		       struct err *err)
{
	int64_t until_us = tm_mono_us() + READ_US;
	struct ranges start = { 0 };
	struct input_batch batch = { 0 };
	int fd, rc;

	*came = false;
	ranges_add(&start, slice_z(from->topic), from->partition)->from = from->to - 1;
	rc = log->ops->assign(log->self, &start, err);
	while (rc == 0 && !*came && tm_mono_us() < until_us) {
		rc = log->ops->read(log->self, &batch, &fd, err);
		*came = rc == 0 && batch.part && (batch.n || batch.end);
		if (rc == 0 && !*came && fd >= 0)
			rc = loop_wait(loop, fd, POLLIN, tm_mono_us() + LOOK_US, err) < 0 ? -1 : 0;
	}
	ranges_fini(&start);
	return rc;
}

static int probe_topic(struct input *log, const struct ranges *parts, const char *topic,
		       struct loop *loop, const struct probe *probe, struct err *err)
{
	const struct range *full;
	int64_t records;
	size_t n;
	bool came;

	count_records(parts, topic, &n, &records, &full);
	probe_say(probe, records ? PROBE_GOOD : PROBE_WARNING, "topic %s: %zu partitions, %lld %s",
		  topic, n, (long long)records, records ? "records" : "records: nothing comes yet");
	if (!full)
		return 0;
	if (read_record(log, full, loop, &came, err))
		return err_in(err, "topic %s", topic);
	if (!came)
		probe_say(probe, PROBE_WARNING, "topic %s: no record came within %d s", topic,
			  READ_US / 1000000);
	return 0;
}

/* How far the group is, if it has committed anything. */
static int probe_group(struct input *log, const struct ranges *ends, const char *group,
		       const struct probe *probe, struct err *err)
{
	struct ranges parts = { 0 };
	struct buf job = { 0 };
	int64_t lag = 0;
	size_t committed = 0;
	int rc;

	for (size_t i = 0; i < ends->n; i++)
		ranges_add(&parts, slice_z(ends->v[i].topic), ends->v[i].partition);
	rc = log->ops->committed(log->self, &parts, &job, err);
	for (size_t i = 0; i < parts.n && rc == 0; i++) {
		const struct range *end = ranges_find(ends, slice_z(parts.v[i].topic),
						      parts.v[i].partition);

		committed += parts.v[i].from >= 0;
		lag += parts.v[i].from >= 0 && end ? end->to - parts.v[i].from : 0;
	}
	if (rc == 0 && committed)
		probe_say(probe, PROBE_GOOD,
			  "group %s: %zu partitions committed, %lld records to go", group,
			  committed, (long long)lag);
	else if (rc == 0)
		probe_say(probe, PROBE_GOOD, "group %s: nothing committed, it begins anew", group);
	ranges_fini(&parts);
	buf_fini(&job);
	return rc;
}

int kafka_probe_input(const struct consume_conf *c, struct input *log, struct loop *loop,
		      const struct probe *probe, struct err *err)
{
	struct partitions parts = { 0 };
	struct ranges ends = { 0 };
	int rc = log->ops->open(log->self, loop, err) ||
				 log->ops->partitions(log->self, &parts, err)
			 ? -1
			 : 0;

	for (size_t i = 0; i < parts.n && rc == 0; i++)
		ranges_add(&ends, slice_z(parts.v[i].topic), parts.v[i].partition);
	ranges_sort(&ends);
	if (rc == 0)
		rc = log->ops->ends(log->self, &ends, err);
	for (size_t i = 0; i < c->topics.n && rc == 0; i++)
		rc = probe_topic(log, &ends, c->topics.v[i], loop, probe, err);
	if (rc == 0 && c->group)
		rc = probe_group(log, &ends, c->group, probe, err);
	log->ops->close(log->self);
	partitions_fini(&parts);
	ranges_fini(&ends);
	return rc;
}
