/* XXH3 values: xxhsum 0.8.1. MurmurHash64A: a python rendering of the published source, which a
 * Redis server confirmed. */
#include "base/hash.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "tap.h"

/* Inputs of n bytes: byte i is 31 i i + 7 i + n. */
static const struct {
	size_t n;
	const char *xxh128;
	uint64_t xxh64, murmur;
} cases[] = {
	{ 0, "99aa06d3014798d86001c324468d497f", 0x2d06800538d394c2, 0xd8dfea6585bc9732 },
	{ 1, "51025a4491835505e12ef9d2eb86ceeb", 0xe12ef9d2eb86ceeb, 0x3265b8e3539ca506 },
	{ 2, "a639ba98d1eff006a33e1c7fc1a42992", 0xa33e1c7fc1a42992, 0x08cc525cac5801ea },
	{ 3, "86e7dba8d8de1e21b7391e018153d37a", 0xb7391e018153d37a, 0xc9343367543d029b },
	{ 4, "66791ffeb2bf0be105d9604804cbcf1b", 0x43de45b7450a6563, 0x422cbeebc80bbfda },
	{ 7, "19f93343fc71a344e2ce0a51e48490c0", 0xfb8ff72eae9e7ad3, 0xd6ea9691a8a28954 },
	{ 8, "ea75c8b063d9c473cd5f1f5929ac162f", 0xbcb3564ea273195d, 0xebd5e723589488e1 },
	{ 9, "914327a8883e34ab39329d924108274d", 0x388f1dab6e174f79, 0x919ee39845c82d6a },
	{ 15, "8e15129d0238faec3c9c5b0826e2fc18", 0x6169cd0961ed52e2, 0x5b3d7d92525f0a82 },
	{ 16, "c6631f542570ccc04a43084c69eb7d88", 0x9a9a7c8af11cb0d1, 0xd0569d683caff39f },
	{ 17, "eb9ec83d311dd7b9f93b0dc5a4c7b5ca", 0x6331a7347274566f, 0xead5e655b935725c },
	{ 64, "64c62386042b2a8991cc1a0df75aa4f6", 0xc385ca247153fb3a, 0x17be5419bdd92ef5 },
	{ 128, "4adc242fca0dd57043bf6c2dd0ebc38d", 0x4388a1a31a919c42, 0xbff3004a0eeb6f5e },
	{ 129, "f733a22c53d6dc891fe4dc1117a27928", 0x619dc1115e4d15ad, 0xaf3ca572184a1f92 },
	{ 240, "56ff1d158ba3c8736c008b716a0a3e3e", 0x880604936179a23b, 0x28383a88ba26871c },
	{ 241, "606fcedabb00503df6eccceb68535f08", 0xf6eccceb68535f08, 0x3e744b1ec3bbc4f4 },
	{ 1024, "001103a186177873df9de2ebc1670ac5", 0xdf9de2ebc1670ac5, 0x11430463a05c6dca },
	{ 1025, "f2179dadb0d65b35f14ff968d7318f7f", 0xf14ff968d7318f7f, 0x5abb4581ff750a2e },
	{ 4096, "56006c47b599c388070a88f23e47edf7", 0x070a88f23e47edf7, 0x14984e683a75ed12 },
	{ 10000, "feaef8c54de453cd402b0b9140b9bd0b", 0x402b0b9140b9bd0b, 0x10e5ac41a15f5ae8 },
};

/* Texts of so many 'a'. */
static void test_sha256(void)
{
	static const struct {
		size_t n;
		const char *hex;
	} sums[] = {
		{ 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ 1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" },
		{ 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318" },
		{ 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a" },
		{ 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb" },
		{ 119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb" },
		{ 120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c" },
		{ 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3" },
	};
	char text[1000];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		uint8_t out[SHA256_BYTES];
		struct buf hex = { 0 };

		sha256(text, sums[i].n, out);
		buf_hex(&hex, out, sizeof(out));
		is_str(buf_z(&hex), sums[i].hex, "SHA-256");
		buf_fini(&hex);
	}
}

int main(void)
{
	test_sha256();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = cases[i].n;
		unsigned char *p = mem_alloc(n), h[16];
		struct buf hex = { 0 };
		for (size_t k = 0; k < n; k++)
			p[k] = (unsigned char)(31 * k * k + 7 * k + n);
		hash_128(p, n, h);
		buf_hex(&hex, h, sizeof h);
		is_str(buf_z(&hex), cases[i].xxh128, "XXH3-128");
		ok(hash_64(p, n) == cases[i].xxh64, "XXH3-64 of %zu bytes is %016" PRIx64, n,
		   hash_64(p, n));
		ok(hash_murmur64a(p, n) == cases[i].murmur,
		   "MurmurHash64A of %zu bytes is %016" PRIx64, n, hash_murmur64a(p, n));
		buf_fini(&hex);
		free(p);
	}
	uint64_t a[3] = { 0 }, b[3] = { 0 };
	hash_random(a, sizeof a - 1);
	hash_random(b, sizeof b - 1);
	ok(a[0] != b[0] && a[0] != a[1] && a[2] >> 56 == 0, "random bytes differ, and stay inside");
	return done();
}
