#include "base/num.h"

#include "tap.h"

static const struct {
	const char *text;
	int result;
	uint64_t want;
} counts[] = {
	{ "0", 0, 0 }, { "12", 0, 12 }, { "64k", 0, 64000 }, { "2M", 0, 2000000 },
	{ "1e6", 0, 1000000 }, { "3G", 0, 3000000000 },
	{ "1T", 0, 1000000000000 }, { "1.5k", 0, 1500 }, { "010", 0, 10 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "1E3K", 0, 1000000 }, { "2e+2", 0, 200 }, { "1500e-2", 0, 15 },
	{ "18446744073709551616", -1, 0 }, { "1e20T", -1, 0 }, { "1e999", -1, 0 },
	{ "-1", -1, 0 }, { "+1", -1, 0 }, { "", -1, 0 },
	{ "k", -1, 0 }, { "1.5", -1, 0 }, { "1.0000000001k", -1, 0 }, { "1kk", -1, 0 },
	{ "1 k", -1, 0 }, { " 1", -1, 0 },
	{ "1x", -1, 0 }, { "0x10", -1, 0 }, { "1.", -1, 0 }, { ".5k", -1, 0 }, { "1..5k", -1, 0 },
	{ "1e", -1, 0 }, { "nan", -1, 0 },
}, bytes[] = {
	{ "512", 0, 512 }, { "64k", 0, 65536 }, { "1MiB", 0, 1048576 }, { "1m", 0, 1048576 },
	{ "1MB", 0, 1048576 }, { "1g", 0, 1 << 30 },
	{ "0.5k", 0, 512 }, { "7b", 0, 7 }, { "1t", 0, 1ull << 40 }, { "2KIB", 0, 2048 },
	{ "1i", -1, 0 }, { "1ki", -1, 0 }, { "1kbb", -1, 0 }, { "1.3", -1, 0 }, { "", -1, 0 },
	{ "17179869184G", -1, 0 },
}, durations[] = {
	{ "0", 0, 0 }, { "0s", 0, 0 }, { "250us", 0, 250 }, { "10ms", 0, 10000 },
	{ "1s", 0, 1000000 }, { "1.5s", 0, 1500000 },
	{ "5m", 0, 300000000 }, { "2h", 0, 7200000000 }, { "7d", 0, 604800000000 },
	{ "1h30m", 0, 5400000000 },
	{ "1h05m", 0, 3900000000 }, { "1d2h3m4s5ms6us", 0, 93784005006 }, { "0.000001s", 0, 1 },
	{ "106751991d", 0, 9223372022400000000 },
	{ "106751992d", -1, 0 }, { "106751991d24h", -1, 0 }, { "10", -1, 0 }, { "1.5us", -1, 0 },
	{ "10x", -1, 0 }, { "30m1h", -1, 0 },
	{ "1h1h", -1, 0 }, { "-5s", -1, 0 }, { "s", -1, 0 }, { "", -1, 0 }, { "1h ", -1, 0 },
	{ "1h30", -1, 0 }, { "1hh", -1, 0 },
	{ "0.0000001s", -1, 0 }, { "00", -1, 0 }, { "1e3s", -1, 0 },
};

static const struct {
	const char *text;
	int result;
	double want;
} probabilities[] = {
	{ "0", 0, 0 }, { "1", 0, 1 }, { "0.2", 0, 0.2 }, { "20%", 0, 0.2 }, { "100%", 0, 1 },
	{ ".5", 0, 0.5 }, { "1e-3", 0, 0.001 },
	{ "1.01", -1, 0 }, { "101%", -1, 0 }, { "-0.1", -1, 0 }, { "%", -1, 0 }, { "", -1, 0 },
	{ "nan", -1, 0 }, { "0x1", -1, 0 },
	{ "0.5 ", -1, 0 }, { "50%%", -1, 0 },
}, reals[] = {
	{ "2", 0, 2 }, { "-0.5", 0, -0.5 }, { "1e3", 0, 1000 }, { "+4", 0, 4 },
	{ "inf", -1, 0 }, { "1e999", -1, 0 }, { "", -1, 0 }, { "1 ", -1, 0 }, { " 1", -1, 0 },
	{ "0x1p3", -1, 0 }, { "e", -1, 0 }, { "1-", -1, 0 },
};

static const struct {
	int64_t us;
	const char *want;
} texts[] = {
	{ 0, "0s" },
	{ 1, "1us" },
	{ 60000000, "1m" },
	{ 90000000, "90s" },
	{ 1500000, "1500ms" },
	{ 86400000000, "1d" },
	{ 3600000000, "1h" },
	{ 604800000000, "7d" },
	{ -5000, "-5ms" },
	{ INT64_MAX, "9223372036854775807us" },
	{ INT64_MIN, "-9223372036854775808us" },
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Nothing is written where the answer is no. */
#define EACH(cases, type, call, name)                                                        \
	for (size_t i = 0; i < COUNT(cases); i++) {                                          \
		struct err err = ERR_INIT;                                                   \
		type got = 77;                                                               \
		int result = call(cases[i].text, &got, &err);                                \
		bool same = got == (cases[i].result ? (type)77 : (type)cases[i].want);       \
		ok(result == cases[i].result && same && err.code == (result ? EX_USAGE : 0), \
		   name " \"%s\"", cases[i].text);                                           \
	}

int main(void)
{
	EACH(counts, uint64_t, num_count, "count")
	EACH(bytes, uint64_t, num_bytes, "bytes")
	EACH(durations, int64_t, num_duration, "duration")
	EACH(probabilities, double, num_probability, "probability")
	EACH(reals, double, num_real, "real")
	struct err err = ERR_INIT;
	int64_t us;
	num_duration("10x", &us, &err);
	is_str(err.msg, "\"10x\" is not a duration (10ms, 30s, 5m, 2h, 7d)",
	       "the message repeats the text");
	for (size_t i = 0; i < COUNT(texts); i++) {
		char out[32];
		int n = num_duration_text(texts[i].us, out);
		is_bytes(out, (size_t)n, texts[i].want, "duration text");
	}
	return done();
}
