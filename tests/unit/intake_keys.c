/* The file of keys, and rates. */
#include "tap.h"

#include "intake/keys.h"
#include "random.h"

#define H "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddee"

static void test_file(void)
{
	static const char text[] = "# who\n\n"
				   "web " H "01 write rate=5k/s topics=a,b # the page\r\n"
				   "\tops\t" H "02\tread,metrics,reset\n"
				   "bulk " H "FF write,rules rate=10/s burst=100 bytes=1m/s";
	struct err err = ERR_INIT;
	struct keys *k = keys_new("keys", slice_z(text), &err);
	uint8_t hash[KEY_HASH_BYTES];

	ok(k, "a file is read: %s", err.msg);
	if (!k)
		return;
	str_unhex(slice(&H "02"[7], 64), hash, sizeof(hash));
	struct key *ops = keys_find(k, hash), *web = keys_at(k, 0), *bulk = keys_at(k, 2);
	ok(ops && slice_is(ops->id, "ops") && ops->scopes == (KEY_READ | KEY_METRICS | KEY_RESET),
	   "a key is found by its hash");
	hash[0] ^= 1;
	ok(!keys_find(k, hash), "no other is");
	ok(web->events_limit.per_s == 5000 && web->events_limit.burst == 20000 &&
		   web->bytes_limit.per_s == 0,
	   "a rate, its burst is four seconds");
	ok(bulk->events_limit.burst == 100 && bulk->bytes_limit.per_s == 1048576 &&
		   bulk->bytes_limit.burst == 4194304,
	   "a burst, and bytes");
	ok(key_may_write(web, slice_z("b")) && !key_may_write(web, slice_z("a,b")) &&
		   !key_may_write(web, slice_z("c")),
	   "topics");
	ok(key_may_write(bulk, slice_z("c")) && !key_may_write(ops, slice_z("c")), "scopes");
	ok(!keys_at(k, 3), "three keys");
	rate_take(&web->events_limit, &web->events, 7, 5);
	struct keys *again = keys_new("keys", slice_z(text), &err);
	keys_inherit(again, k);
	is_int(rate_left(&web->events_limit, &keys_at(again, 0)->events, 5), 19993,
	       "a reload keeps the levels");
	keys_free(again);
	keys_free(k);
}

static void test_cert(void)
{
	static const uint8_t zeros[KEY_HASH_BYTES];
	struct err err = ERR_INIT;
	struct keys *k = keys_new("keys", slice_z("a cert write\nb cert read\nc " H "01 write"),
				  &err);

	ok(k, "keys without a text: %s", err.msg);
	if (!k)
		return;
	ok(keys_named(k, slice_z("b")) == keys_at(k, 1) && keys_named(k, slice_z("c")),
	   "they are found by their ids, and others are");
	ok(!keys_named(k, slice_z("d")) && !keys_named(k, slice(NULL, 0)), "no other id is");
	ok(!keys_find(k, zeros), "they have no hash");
	keys_free(k);
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "", "keys: there is no key in it" },
	{ "# nothing\n", "keys: there is no key in it" },
	{ "\na/b " H "01 write", "keys:2: an id is 1 to 64 letters, digits, _ . -" },
	{ "a", "keys:1: sha256: and 64 hex digits are expected behind the id" },
	{ "a " H "0 write", "keys:1: sha256: and 64 hex digits are expected behind the id" },
	{ "a " H "01", "keys:1: the key has no scope" },
	{ "a cert", "keys:1: the key has no scope" },
	{ "a certs write", "keys:1: sha256: and 64 hex digits are expected behind the id" },
	{ "a " H "01 ,", "keys:1: the key has no scope" },
	{ "a " H "01 write,wrote",
	  "keys:1: unknown scope \"wrote\" (write, read, rules, reset, metrics)" },
	{ "a " H "01 write rate=5", "keys:1: \"5\" is not a rate (5000/s)" },
	{ "a " H "01 write rate=x/s", "keys:1: \"x\" is not a number from 1 to 1000000000000" },
	{ "a " H "01 write rate=0/s", "keys:1: \"0\" is not a number from 1 to 1000000000000" },
	{ "a " H "01 write burst=5", "keys:1: a burst without a rate" },
	{ "a " H "01 write speed=5",
	  "keys:1: \"speed=5\" is none of rate=N/s, burst=N, bytes=N/s, topics=T,T" },
	{ "a " H "01 write\na " H "02 read", "keys:2: the id a stands twice" },
	{ "a " H "01 write\nb " H "01 read", "keys:2: b has the key of a" },
};

static void test_wrong(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct err err = ERR_INIT;

		ok(!keys_new("keys", slice_z(wrong[i].text), &err) && err.code == EX_CONFIG,
		   "refused");
		is_str(err.msg, wrong[i].message, "with the reason");
	}
	ok(!keys_new("keys", slice("a\0b", 3), NULL), "a NUL is refused");
}

/* ---- rates */

static void test_rate(void)
{
	struct rate_limit l = { .per_s = 10, .burst = 20 }, none = { 0 };
	struct rate r = { 0 };
	int64_t now_us = 1000;

	ok(rate_wait_us(&none, &r, RATE_MOST, now_us) == 0 && r.at_us == 0, "no limit, no wait");
	is_int(rate_wait_us(&l, &r, 20, now_us), 0, "a bucket is full at first");
	rate_take(&l, &r, 15, now_us);
	is_int(rate_left(&l, &r, now_us), 5, "some are left");
	is_int(rate_full_us(&l, &r, now_us), 1500000, "until it is full");
	is_int(rate_wait_us(&l, &r, 6, now_us), 100000, "one is missing, a tenth of a second");
	is_int(rate_wait_us(&l, &r, 6, now_us + 99999), 1, "not quite");
	is_int(rate_wait_us(&l, &r, 6, now_us + 100000), 0, "now");
	now_us += 10 * 1000000;
	is_int(rate_wait_us(&l, &r, 1000, now_us), 0, "more than the burst passes when it is full");
	rate_take(&l, &r, 1000, now_us);
	is_int(rate_wait_us(&l, &r, 1, now_us), 98100000, "and leaves a debt");
	is_int(rate_left(&l, &r, now_us), 0, "of which nothing is left");
	is_int(rate_wait_us(&l, &r, 1, now_us - 5), 98100000,
	       "a clock that goes back gives nothing");
	l.burst = 5;
	is_int(rate_left(&l, &r, INT64_MAX / 2), 5, "a long time fills it, no more");
}

/* What passes over a long time is the rate and the burst, whatever is asked for and when. */
static void test_long(void)
{
	struct rate_limit l = { .per_s = 1000, .burst = 500 };
	struct rate r = { 0 };
	uint64_t taken = 0, largest = 0;
	int64_t now_us = 1, begun_us = now_us;

	state = 5;
	for (int i = 0; i < 200000; i++) {
		uint64_t n = 1 + below(below(50) ? 10 : 1000);

		now_us += below(5000);
		if (rate_wait_us(&l, &r, n, now_us) == 0) {
			rate_take(&l, &r, n, now_us);
			taken += n;
			largest = n > largest ? n : largest;
		}
	}
	uint64_t due = l.burst + (uint64_t)(now_us - begun_us) / 1000;
	ok(taken <= due + largest && taken >= due - l.burst - largest, "%llu of %llu passed",
	   (unsigned long long)taken, (unsigned long long)due);
}

int main(void)
{
	test_file();
	test_cert();
	test_wrong();
	test_rate();
	test_long();
	return done();
}
