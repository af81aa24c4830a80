/* Where a value belongs, and what stands for a bucket.
 *
 * A value is an integer m of 1e-9, so it lies above base^i where m > 1e9 * 2^(i/64). Going up by
 * 64 buckets doubles that bound: shifted to the left until their top bit is bit 127, all bounds are
 * one of 64 numbers, and m, shifted likewise, is compared with those. `bound` has them, rounded
 * down: an integer is above a bound just where it is above the bound rounded down. Bounds are more
 * than 1/128 apart, so the seven bits behind the top one leave one of them in doubt. Zero, extremes
 * and what exceeds 64 bits need no case of their own.
 *
 * The middle of bucket i is 2^((2i + 1)/128): one of 64 doubles, scaled by a power of two, which
 * is exact. Its six digits are those of the true middle for every bucket.
 *
 * The tables were computed with Python's decimal at 140 digits; tests/sketches.py computes every
 * bound and every middle again. */
#include <math.h>
#include <stdio.h>

#include "sketch/logbucket.h"

__extension__ typedef unsigned __int128 magnitude;

enum {
	BASE_LOG = 64, /* buckets a power of two */
	FIRST = 1914,  /* the bucket of 1e-9 is -FIRST */
};

/* 1e9 * 2^((k - 1913)/64) * 2^127; the last is above all */
static const struct {
	uint64_t high, low;
} bound[BASE_LOG + 1] = {
	{ 0x80992abb83a534a2, 0x8a7d2d01862a1564 },
	{ 0x81ffa7a9549ca6e3, 0x6a4db36ab260d138 },
	{ 0x836a0bee9d9d5401, 0xe3a01d9ba7660ab5 },
	{ 0x84d8626d3118d396, 0xc0f1b94da5252916 },
	{ 0x864ab625376b7b77, 0x59e437aad9b7f19b },
	{ 0x87c11235836d16a3, 0xa0d2cee719e462d7 },
	{ 0x893b81dbe7ed5966, 0x481fa9b777bc2a20 },
	{ 0x8aba10758e1ea3cf, 0xde5ad88afd4d63bf },
	{ 0x8c3cc97f4cf1aadd, 0xaff8a1ee8355f0bd },
	{ 0x8dc3b8960164a7d9, 0x1fb0e40933995ed0 },
	{ 0x8f4ee976e7c8b4cc, 0x33704140d6fff937 },
	{ 0x90de67fff600044c, 0x83351ba558f3c2a5 },
	{ 0x9272403036b7aa56, 0xc219b0e607b08c6c },
	{ 0x940a7e28259fb382, 0xf99c2899df25fd8a },
	{ 0x95a72e2a0ca44f7c, 0x7dff69a7463f1e36 },
	{ 0x97485c9a622adb60, 0xdb1844e1caa18402 },
	{ 0x98ee16002855a076, 0xb659cb48f6da0f01 },
	{ 0x9a9867054d512391, 0x2176c41f0b583fb2 },
	{ 0x9c475c770cade96d, 0x5519ab8f82a808d4 },
	{ 0x9dfb034651c99c68, 0x8255fc11bdf39b0a },
	{ 0x9fb368881b4a8811, 0x9985359ada83efdb },
	{ 0xa1709975dfb06757, 0xcce5512d7ab3654c },
	{ 0xa332a36df2fd8a6a, 0x73d8eac173ee5855 },
	{ 0xa4f993f3ed7b61ca, 0x091fc53aeac21af9 },
	{ 0xa6c578b1139d848c, 0x8b7737c30c67d7ac },
	{ 0xa8965f74bf065071, 0xce38cb7902918dc9 },
	{ 0xaa6c5634c8b04b16, 0x88e36bd41d69dd3b },
	{ 0xac476b0df43f745f, 0x73dafccb5f4ec4e0 },
	{ 0xae27ac445c7dc318, 0xc1a73d54939b13d3 },
	{ 0xb00d2843e1060dc2, 0x0ae643c80798abbc },
	{ 0xb1f7eda09520aa93, 0x950fbd615802e0d5 },
	{ 0xb3e80b172fd51af7, 0xfedc0eff9774772b },
	{ 0xb5dd8f8d7d341ffd, 0x1737c401084e7986 },
	{ 0xb7d88a12d0dd9ea0, 0x3c775bb73092aa69 },
	{ 0xb9d909e079c5c456, 0x611f587bd5a44195 },
	{ 0xbbdf1e5a373ce5c6, 0x02ef583b8434df25 },
	{ 0xbdead70eaf3d9b5a, 0x49a71267d659fc0e },
	{ 0xbffc43b7e604a922, 0x6fb0e805d6f9d0d7 },
	{ 0xc213743bb6f64957, 0xd2ce7a3a06238bee },
	{ 0xc43078ac4ed47ae7, 0xe231a472cd053425 },
	{ 0xc6536148a749ff7d, 0xdf0ca4672c29e126 },
	{ 0xc87c3e7d03cdbec3, 0x5a631784f06e52d1 },
	{ 0xcaab20e36fe24ee5, 0xd5678dde03f0cf52 },
	{ 0xcce019443eb56ce4, 0x3876cc3876010089 },
	{ 0xcf1b38968c2339b8, 0x48281620d87796bb },
	{ 0xd15c9000bf211c1f, 0x292eaa8e5c0a5795 },
	{ 0xd3a430d90d943190, 0xb50c27616fa813ce },
	{ 0xd5f22ca6019743e0, 0x2ddadf7bbfc2d0a1 },
	{ 0xd846951f0034440a, 0x1aaed867362987e5 },
	{ 0xdaa17c2cd19555db, 0x150a96f41eea9aaf },
	{ 0xdd02f3ea2ab18362, 0x686d1503f916af28 },
	{ 0xdf6b0ea438793a89, 0xedc237e8cdb26082 },
	{ 0xe1d9dedb2c86c2b2, 0xdd229dc1f403c747 },
	{ 0xe44f7742cb56e3dd, 0xc16a9f8f0a37e256 },
	{ 0xe6cbeac2fc0e04aa, 0xa451f3f3b745a612 },
	{ 0xe94f4c7859ce1066, 0x495e1b17dc90b69b },
	{ 0xebd9afb4c6a18262, 0x3dceae7e30c4e615 },
	{ 0xee6b280000000000, 0x0000000000000000 },
	{ 0xf103c91834f0f723, 0xe73c309022674917 },
	{ 0xf3a3a6f29dd0c333, 0x2417d7729359dcde },
	{ 0xf64ad5bc15bce751, 0x88d7c7bab8b66fcc },
	{ 0xf8f969d9b5abf948, 0x29963a5a01b93f6b },
	{ 0xfbaf77e97135e555, 0xae98af75acd0807f },
	{ 0xfe6d14c2b5114024, 0xcb3f8befc42aa7e8 },
	{ UINT64_MAX, UINT64_MAX },
};

/* How many bounds are below (128 + x) / 128. */
static const uint8_t bounds_below[128] = {
	0,  1,  2,  2,  3,  4,  4,  5,  6,  6,  7,  8,  8,  9,  10, 10, 11, 12, 12, 13, 13, 14,
	15, 15, 16, 17, 17, 18, 18, 19, 20, 20, 21, 21, 22, 22, 23, 24, 24, 25, 25, 26, 26, 27,
	27, 28, 28, 29, 29, 30, 31, 31, 32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37, 37, 38, 38,
	38, 39, 39, 40, 40, 41, 41, 42, 42, 43, 43, 44, 44, 44, 45, 45, 46, 46, 47, 47, 48, 48,
	48, 49, 49, 50, 50, 50, 51, 51, 52, 52, 53, 53, 53, 54, 54, 55, 55, 55, 56, 56, 57, 57,
	57, 58, 58, 58, 59, 59, 60, 60, 60, 61, 61, 62, 62, 62, 63, 63, 63, 64,
};

/* 2^((2j + 1)/128) */
static const double middle[BASE_LOG] = {
	0x1.0163da9fb3335p+0, 0x1.04315e86e7f85p+0, 0x1.0706b29ddf6dep+0, 0x1.09e3ecac6f383p+0,
	0x1.0cc922b7247f7p+0, 0x1.0fb66affed31bp+0, 0x1.12abdc06c31ccp+0, 0x1.15a98c8a58e51p+0,
	0x1.18af9388c8deap+0, 0x1.1bbe084045cd4p+0, 0x1.1ed5022fcd91dp+0, 0x1.21f49917ddc96p+0,
	0x1.251ce4fb2a63fp+0, 0x1.284dfe1f56381p+0, 0x1.2b87fd0dad990p+0, 0x1.2ecafa93e2f56p+0,
	0x1.32170fc4cd831p+0, 0x1.356c55f929ff1p+0, 0x1.38cae6d05d866p+0, 0x1.3c32dc313a8e5p+0,
	0x1.3fa4504ac801cp+0, 0x1.431f5d950a897p+0, 0x1.46a41ed1d0057p+0, 0x1.4a32af0d7d3dep+0,
	0x1.4dcb299fddd0dp+0, 0x1.516daa2cf6642p+0, 0x1.551a4ca5d920fp+0, 0x1.58d12d497c7fdp+0,
	0x1.5c9268a5946b7p+0, 0x1.605e1b976dc09p+0, 0x1.6434634ccc320p+0, 0x1.68155d44ca973p+0,
	0x1.6c012750bdabfp+0, 0x1.6ff7df9519484p+0, 0x1.73f9a48a58174p+0, 0x1.780694fde5d3fp+0,
	0x1.7c1ed0130c132p+0, 0x1.80427543e1a12p+0, 0x1.8471a4623c7adp+0, 0x1.88ac7d98a6699p+0,
	0x1.8cf3216b5448cp+0, 0x1.9145b0b91ffc6p+0, 0x1.95a44cbc8520fp+0, 0x1.9a0f170ca07bap+0,
	0x1.9e86319e32323p+0, 0x1.a309bec4a2d33p+0, 0x1.a799e1330b358p+0, 0x1.ac36bbfd3f37ap+0,
	0x1.b0e07298db666p+0, 0x1.b59728de5593ap+0, 0x1.ba5b030a1064ap+0, 0x1.bf2c25bd71e09p+0,
	0x1.c40ab5fffd07ap+0, 0x1.c8f6d9406e7b5p+0, 0x1.cdf0b555dc3fap+0, 0x1.d2f87080d89f2p+0,
	0x1.d80e316c98398p+0, 0x1.dd321f301b460p+0, 0x1.e264614f5a129p+0, 0x1.e7a51fbc74c83p+0,
	0x1.ecf482d8e67f1p+0, 0x1.f252b376bba97p+0, 0x1.f7bfdad9cbe14p+0, 0x1.fd3c22b8f71f1p+0,
};

unsigned logbucket_place(dec v)
{
	magnitude m = v < 0 ? -(magnitude)v : (magnitude)v;
	if (m == 0)
		return LOGBUCKET_ZERO;
	uint64_t high = (uint64_t)(m >> 64);
	unsigned top; /* the highest bit's number */
	top = high ? 127 - (unsigned)__builtin_clzll(high)
		   : 63 - (unsigned)__builtin_clzll((uint64_t)m);
	m <<= 127 - top;
	unsigned k = bounds_below[m >> 120 & 127];
	k += m > ((magnitude)bound[k].high << 64 | bound[k].low);
	unsigned above_zero = BASE_LOG * top + k + 1;
	return v < 0 ? LOGBUCKET_ZERO - above_zero : LOGBUCKET_ZERO + above_zero;
}

/* Of a positive value of 64 bits: the same with half of the bits. Its lower half is zero, so it is
 * above a bound just where its upper half is. */
static inline unsigned place_short(uint64_t m)
{
	unsigned top = 63 - (unsigned)__builtin_clzll(m), k;

	m <<= 63 - top;
	k = bounds_below[m >> 56 & 127];
	k += m > bound[k].high;
	return LOGBUCKET_ZERO + BASE_LOG * top + k + 1;
}

void logbucket_places(const dec *v, size_t n, uint64_t *place)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t low = (uint64_t)v[i], high = (uint64_t)(v[i] >> 64);

		place[i] = high == 0 && low ? place_short(low) : logbucket_place(v[i]);
	}
}

/* d.ddddd x 10^exponent, without an exponent. */
static void put_digits(const char digit[6], int exponent, struct buf *out)
{
	int n = 6;
	while (n > 1 && digit[n - 1] == '0')
		n--;
	if (exponent < 0) {
		buf_addz(out, "0.");
		for (int i = -1; i > exponent; i--)
			buf_addc(out, '0');
		buf_add(out, digit, (size_t)n);
		return;
	}
	for (int i = 0; i <= exponent || i < n; i++) {
		if (i == exponent + 1)
			buf_addc(out, '.');
		buf_addc(out, i < n ? digit[i] : '0');
	}
}

void logbucket_middle(unsigned place, struct buf *out)
{
	if (place == LOGBUCKET_ZERO) {
		buf_addc(out, '0');
		return;
	}
	bool negative = place < LOGBUCKET_ZERO;
	unsigned above_zero = negative ? LOGBUCKET_ZERO - place : place - LOGBUCKET_ZERO;
	/* of the bucket's number: + 30 * 64, and it is not negative */
	unsigned i = above_zero - 1 - FIRST + 30 * BASE_LOG;
	char text[32]; /* d.ddddde+dd; the point may be another character */
	snprintf(text, sizeof text, "%.5e", ldexp(middle[i % BASE_LOG], (int)(i / BASE_LOG) - 30));
	int exponent = (text[8] == '-' ? -1 : 1) * ((text[9] - '0') * 10 + text[10] - '0');
	if (negative)
		buf_addc(out, '-');
	memmove(text + 1, text + 2, 5);
	put_digits(text, exponent, out);
}
