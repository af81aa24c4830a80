/* Places and middles of buckets: computed by hand from the header. The digest of all middles: that
 * of the texts that tests/sketches.py has computed and found equal. */
#include "logbucket_values.h"

#include "base/hash.h"

enum { POSITIVE = 10044, NEGATIVE = 6214 };

static void places(void)
{
	static const struct {
		const char *value;
		unsigned place;
	} cases[] = {
		{ "0", 8129 },
		{ "0.000000001", POSITIVE - 1914 },
		{ "0.000000002", POSITIVE - 1850 },
		{ "1", POSITIVE - 1 },
		{ "1.000000001", POSITIVE },
		{ "0.999999999", POSITIVE - 1 },
		{ "1.010889286", POSITIVE },
		{ "1.010889287", POSITIVE + 1 },
		{ "-1", NEGATIVE + 1 },
		{ "-1.000000001", NEGATIVE },
		{ "-0.000000001", NEGATIVE + 1914 },
		{ "100000000000000000000", POSITIVE + 4252 },
		{ "-100000000000000000000", NEGATIVE - 4252 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		dec v;
		dec_parse(slice_z(cases[i].value), &v);
		is_int(logbucket_place(v), cases[i].place, cases[i].value);
	}
	is_int(logbucket_place(DEC_MAX), LOGBUCKET_PLACES - 1, "the largest of all");
	is_int(logbucket_place(-DEC_MAX - 1), 0, "the smallest of all");
	is_int(logbucket_place(-DEC_MAX), 0, "the smallest but one");
}

/* Whole powers of the base are the only bounds that values can hit. */
static void powers_of_two(void)
{
	unsigned wrong = 0;
	for (int power = -9; power <= 97; power++) {
		dec v = power < 0 ? WHOLE >> -power : WHOLE << power;
		unsigned place = (unsigned)(POSITIVE + 64 * power);
		wrong += logbucket_place(v) != place - 1;
		wrong += logbucket_place(v + 1) != place;
		wrong += logbucket_place(-v) != 2 * LOGBUCKET_ZERO - (place - 1);
	}
	is_int(wrong, 0, "powers of two belong to the bucket below");
}

static void place_order(void)
{
	unsigned wrong = 0;
	uint64_t place[2];
	for (int i = 0; i < 100000; i++) {
		dec v[2] = { random_dec(127), random_dec(127) };
		v[0] = i & 1 ? v[0] : -v[0];
		v[1] = i & 2 ? v[1] : v[0] + (dec)(next_random() % 3);
		logbucket_places(v, 2, place);
		wrong += v[0] < v[1] ? place[0] > place[1] : place[0] < place[1];
		wrong += logbucket_place(-v[0]) != 2u * LOGBUCKET_ZERO - place[0];
	}
	is_int(wrong, 0, "places stand in the order of their values");
}

static void middles(void)
{
	static const struct {
		unsigned place;
		const char *text;
	} cases[] = {
		{ 0, "-170013000000000000000000000000" },
		{ LOGBUCKET_PLACES - 1, "170013000000000000000000000000" },
		{ LOGBUCKET_ZERO, "0" },
		{ LOGBUCKET_ZERO + 1, "0.000000000999248" },
		{ POSITIVE, "1.00543" },
		{ POSITIVE - 1, "0.994599" },
		{ NEGATIVE, "-1.00543" },
	};
	struct buf all = { 0 }, hex = { 0 };
	unsigned char digest[16];
	for (size_t i = 0; i < COUNT(cases); i++) {
		all.n = 0;
		logbucket_middle(cases[i].place, &all);
		is_str(buf_z(&all), cases[i].text, "a middle");
	}
	all.n = 0;
	for (unsigned place = 0; place < LOGBUCKET_PLACES; place++) {
		logbucket_middle(place, &all);
		buf_addc(&all, '\n');
	}
	hash_128(all.p, all.n, digest);
	buf_hex(&hex, digest, sizeof digest);
	is_str(buf_z(&hex), "9de8f77d52abe638fab335ee212f3453", "all middles");
	buf_fini(&all);
	buf_fini(&hex);
}

int main(void)
{
	places();
	powers_of_two();
	place_order();
	middles();
	return done();
}
