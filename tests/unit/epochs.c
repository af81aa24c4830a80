/* When an epoch is cut and what it covers; which partition is read next where sinks differ. */
#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "job/epochs.h"
#include "job/catchup.h"

#define S 1000000LL
static const struct epochs_conf conf = {
	.epoch_us = S,
	.records = 1000000,
	.rows = 20000,
	.in_flight = 4,
};

static struct epochs *begin(int partitions, bool idle)
{
	struct epochs *e = epochs_new(&conf);
	struct ranges start = { 0 };

	for (int p = 0; p < partitions; p++) {
		ranges_add(&start, slice_z("t"), p)->from = 100 * p;
		start.v[p].idle = idle;
	}
	epochs_assign(e, &start);
	ranges_fini(&start);
	return e;
}

static struct pos_last last(int64_t offset)
{
	return (struct pos_last){ .offset = offset, .time_us = 7, .hash = (uint64_t)offset * 3 };
}

static void ack(struct epochs *e, uint64_t number, uint64_t rows)
{
	struct err err;

	ok(epochs_acked(e, number, rows, &err) != NULL, "epoch %llu is acknowledged",
	   (unsigned long long)number);
}

static void ranges(void)
{
	struct epochs *e = begin(2, false);
	struct pos_last l = last(104);
	const struct ranges *r;
	struct err err;
	uint64_t n;

	ok(!epochs_changed(e) && !epochs_due(e, 100 * S), "nothing was read: nothing is due, ever");
	is_int(epochs_deadline_us(e), INT64_MAX, "... no deadline");
	epochs_read(e, 1, 5, 105, &l, false, 10 * S);
	epochs_read(e, 1, 0, 107, NULL, true, 10 * S + 5);
	ok(!epochs_due(e, 11 * S - 1), "not due before --epoch is over");
	is_int(epochs_deadline_us(e), 11 * S, "the deadline counts from the first change");
	ok(epochs_due(e, 11 * S), "due then");
	r = epochs_cut(e, &n);
	is_int(n, 1, "the first epoch is 1");
	is_int(r->n, 1, "a partition that did not change is left out");
	is_int(r->v[0].from, 100, "from where it was");
	is_int(r->v[0].to, 107, "to behind the offsets without a record");
	is_int(r->v[0].last.offset, 104, "the last record");
	is_int(r->v[0].last.hash, 312, "... its hash");
	ok(r->v[0].idle, "at the log's end");
	ok(!epochs_changed(e), "the next one is empty");
	epochs_read(e, 1, 0, 107, NULL, true, 12 * S);
	ok(!epochs_changed(e) && epochs_deadline_us(e) == INT64_MAX, "idle as before is no change");
	epochs_read(e, 0, 0, 0, NULL, true, 12 * S);
	ok(epochs_changed(e), "idleness alone is one");
	epochs_read(e, 0, 0, 0, NULL, false, 12 * S);
	ok(!epochs_changed(e) && epochs_deadline_us(e) == INT64_MAX,
	   "... and none when it is taken back");
	epochs_read(e, 0, 0, 0, NULL, true, 13 * S);
	r = epochs_cut(e, &n);
	ok(r->n == 1 && r->v[0].from == 0 && r->v[0].to == 0 && r->v[0].idle &&
		   r->v[0].last.offset == -1,
	   "its range is empty and has no last record");
	ok(!epochs_acked(e, 2, 0, &err) && err.code == EX_PROTOCOL,
	   "epochs are acknowledged in their order");
	ack(e, 1, 0);
	ack(e, 2, 0);
	ok(!epochs_acked(e, 3, 0, &err), "nothing in flight: nothing to acknowledge");
	epochs_free(e);
}

/* Reads and cuts one epoch of n records; returns what it left. */
static uint64_t epoch(struct epochs *e, uint64_t n, int64_t *position)
{
	struct pos_last l = last(*position);
	uint64_t number, room;

	*position += (int64_t)n;
	epochs_read(e, 0, n, *position, &l, false, S);
	room = epochs_room(e);
	epochs_cut(e, &number);
	return room;
}

static void sizes(void)
{
	struct epochs *e = begin(1, false);
	struct pos_last l = last(1);
	int64_t position = 0;
	uint64_t number, first = epochs_room(e);

	ok(first > 0 && first <= 20000, "the first epoch is small: %llu",
	   (unsigned long long)first);
	epochs_read(e, 0, first, position = (int64_t)first, &l, false, S);
	is_int(epochs_room(e), 0, "full");
	ok(epochs_due(e, S), "full is due, whatever the time");
	epochs_cut(e, &number);
	ack(e, 1, first);
	is_int(epochs_room(e), 20000, "a row a record: 20,000 records");
	epoch(e, 20000, &position);
	ack(e, 2, 200);
	is_int(epochs_room(e), 160000, "a hundredth: believed for eight times its size");
	epoch(e, 160000, &position);
	ack(e, 3, 200);
	is_int(epochs_room(e), 1000000, "never beyond --epoch-records");
	epoch(e, 1000, &position);
	ack(e, 4, 1000);
	is_int(epochs_room(e), 1000000, "a small epoch teaches nothing");
	epoch(e, 10000, &position);
	ack(e, 5, 200000);
	is_int(epochs_room(e), 1000, "many rows: fewer records");
	epoch(e, 1000, &position);
	ack(e, 6, 0);
	is_int(epochs_room(e), 8000, "no rows at all: grows");
	epochs_free(e);
}

static void in_flight(void)
{
	struct epochs *e = begin(1, false);
	struct pos_last l = last(1);
	int64_t position = 0;
	uint64_t number;

	for (int i = 0; i < 4; i++)
		epoch(e, 10, &position);
	is_int(epochs_in_flight(e), 4, "four in flight");
	epochs_read(e, 0, 10, position += 10, &l, false, S);
	ok(!epochs_due(e, 100 * S), "the fifth stays open beyond --epoch");
	is_int(epochs_deadline_us(e), INT64_MAX, "... without a deadline");
	ok(epochs_room(e) > 0, "... and is read on");
	epochs_read(e, 0, epochs_room(e), position += (int64_t)epochs_room(e), &l, false, S);
	ok(epochs_room(e) == 0 && !epochs_due(e, 100 * S), "full: the source stops reading");
	ack(e, 1, 10);
	ok(epochs_due(e, S), "an ack makes room");
	epochs_cut(e, &number);
	is_int(number, 5, "... for it");
	epochs_free(e);
}

static void views(void)
{
	struct ctl_sink_state sink[2] = { { .name = (char *)(uintptr_t) "a" },
					  { .name = (char *)(uintptr_t) "b" } };
	struct partitions parts = { 0 };
	struct ranges start = { 0 }, sent = { 0 };
	struct catchup v = { 0 };

	for (int p = 0; p < 2; p++) {
		partitions_add(&parts, slice_z("t"), p);
		positions_add(&sink[0].pos, slice_z("t"), p)->next = 50;
		positions_add(&sink[1].pos, slice_z("t"), p)->next = p ? 20 : 50;
		sink[0].pos.v[p].idle = true;
		sink[1].pos.v[p].idle = p == 0;
		sink[0].pos.v[p].watermark_us = 7;
		sink[1].pos.v[p].watermark_us = 5;
	}
	catchup_probed(&v, sink, 2, &parts);
	ok(v.v[0].idle && !v.v[1].idle, "idle where all sinks have it so");
	ok(v.v[0].watermark_us == 5 && v.v[1].watermark_us == 5,
	   "the watermark of who stands lowest, the lower one of two");
	ok(catchup_step(&v, &start), "sinks differ");
	is_int(start.n, 1, "one partition alone");
	ok(start.v[0].partition == 1 && start.v[0].from == 20 && start.v[0].to == 50,
	   "from the lowest to the next position");
	is_int(start.v[0].watermark_us, 5, "with what is known of it there");
	ranges_add(&sent, slice_z("t"), 1)->to = 35;
	catchup_sent(&v, &sent);
	ok(catchup_step(&v, &start) && start.v[0].from == 35 && start.v[0].to == 50,
	   "an epoch on the way moves only who is behind");
	sent.v[0].to = 50;
	catchup_sent(&v, &sent);
	ok(!catchup_step(&v, &start), "all agree");
	ok(start.n == 2 && start.v[0].from == 50 && start.v[1].from == 50 &&
		   start.v[1].to == INT64_MAX,
	   "everything, without a bound");
	catchup_fini(&v);
	catchup_started(&v, &start);
	ok(v.sinks == 1 && !catchup_step(&v, &start) && start.v[1].from == 50,
	   "no sink with positions: the given starts");
	catchup_fini(&v);
	ranges_fini(&start);
	ranges_fini(&sent);
	positions_fini(&sink[0].pos);
	positions_fini(&sink[1].pos);
	partitions_fini(&parts);
}

/* Offsets that are times: a range ends at its watermark. */
static void times(void)
{
	struct epochs_conf timed = conf;
	struct epochs *e;
	struct ranges start = { 0 };
	const struct ranges *r;
	uint64_t n;

	timed.times = true;
	e = epochs_new(&timed);
	ranges_add(&start, slice_z("m"), 0)->from = 60 * S;
	epochs_assign(e, &start);
	epochs_read(e, 0, 3, 180 * S, NULL, false, S);
	r = epochs_cut(e, &n);
	ok(r->n == 1 && r->v[0].from == 60 * S && r->v[0].watermark_us == 180 * S,
	   "the end of a range of times is its watermark");
	epochs_free(e);
	ranges_fini(&start);
	e = begin(1, false);
	epochs_read(e, 0, 3, 180, NULL, false, S);
	ok(epochs_cut(e, &n)->v[0].watermark_us == POS_NONE, "other offsets are none");
	epochs_free(e);
}

int main(void)
{
	ranges();
	times();
	sizes();
	in_flight();
	views();
	return done();
}
