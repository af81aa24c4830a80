/* Signatures against those of others: the suite of signing tests that AWS publishes for those who
 * write signers (the requests whose paths need no "." or ".." taken out), and the examples of the
 * manual of S3, which have keys, times and fields of their own. */
#include "net/sigv4.h"

#include "base/sha256_internal.h"
#include "base/tm.h"
#include "tap.h"

enum { PAIRS = 6 };

struct pair {
	const char *name, *value;
};

struct suite_case {
	const char *name, *method, *path;
	struct pair query[PAIRS], field[PAIRS];
	const char *body, *want;
};

static const struct suite_case suite[] = {
	{ .name = "get-header-key-duplicate",
	  .method = "GET",
	  .path = "/",
	  .field = { { "My-Header1", "value2" },
		     { "My-Header1", "value2" },
		     { "My-Header1", "value1" } },
	  .want = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a51"
		  "38ea" },
	{ .name = "get-header-value-multiline",
	  .method = "GET",
	  .path = "/",
	  .field = { { "My-Header1", "value1 value2 value3" } },
	  .want = "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575"
		  "eefd" },
	{ .name = "get-header-value-order",
	  .method = "GET",
	  .path = "/",
	  .field = { { "My-Header1", "value4" },
		     { "My-Header1", "value1" },
		     { "My-Header1", "value3" },
		     { "My-Header1", "value2" } },
	  .want = "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c75"
		  "5c01" },
	{ .name = "get-header-value-trim",
	  .method = "GET",
	  .path = "/",
	  .field = { { "My-Header1", " value1" }, { "My-Header2", " \042a   b   c\042" } },
	  .want = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9"
		  "c736" },
	{ .name = "get-relative-relative-unnormalized",
	  .method = "GET",
	  .path = "/example1/example2/../..",
	  .want = "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613"
		  "003b" },
	{ .name = "get-relative-unnormalized",
	  .method = "GET",
	  .path = "/example/..",
	  .want = "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff"
		  "9282" },
	{ .name = "get-slash-dot-slash-unnormalized",
	  .method = "GET",
	  .path = "/./",
	  .want = "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a13469"
		  "5145" },
	{ .name = "get-slash-pointless-dot-unnormalized",
	  .method = "GET",
	  .path = "/./example",
	  .want = "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e1"
		  "4cff" },
	{ .name = "get-slash-unnormalized",
	  .method = "GET",
	  .path = "//",
	  .want = "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5"
		  "b76e" },
	{ .name = "get-slashes-unnormalized",
	  .method = "GET",
	  .path = "//example//",
	  .want = "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623"
		  "c7e5" },
	{ .name = "get-space",
	  .method = "GET",
	  .path = "/example space/",
	  .want = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec136"
		  "6741" },
	{ .name = "get-space-unnormalized",
	  .method = "GET",
	  .path = "/example space/",
	  .want = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec136"
		  "6741" },
	{ .name = "get-unreserved",
	  .method = "GET",
	  .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
		  "tuvwxyz",
	  .want = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5"
		  "f24f" },
	{ .name = "get-utf8",
	  .method = "GET",
	  .path = "/\341\210\264",
	  .want = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be"
		  "5d85" },
	{ .name = "get-vanilla",
	  .method = "GET",
	  .path = "/",
	  .want = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763f"
		  "bf31" },
	{ .name = "get-vanilla-empty-query-key",
	  .method = "GET",
	  .path = "/",
	  .query = { { "Param1", "value1" } },
	  .want = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b"
		  "9aeb" },
	{ .name = "get-vanilla-query",
	  .method = "GET",
	  .path = "/",
	  .want = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763f"
		  "bf31" },
	{ .name = "get-vanilla-query-order-encoded",
	  .method = "GET",
	  .path = "/",
	  .query = { { "Param-3", "Value3" }, { "Param", "Value2" }, { "\341\210\264", "Value1" } },
	  .want = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648"
		  "fcac" },
	{ .name = "get-vanilla-query-order-key-case",
	  .method = "GET",
	  .path = "/",
	  .query = { { "Param2", "value2" }, { "Param1", "value1" } },
	  .want = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf"
		  "2500" },
	{ .name = "get-vanilla-query-unreserved",
	  .method = "GET",
	  .path = "/",
	  .query = { { "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
		       "uvwxyz",
		       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
		       "uvwxyz" } },
	  .want = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a4"
		  "0197" },
	{ .name = "get-vanilla-utf8-query",
	  .method = "GET",
	  .path = "/",
	  .query = { { "\341\210\264", "bar" } },
	  .want = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818"
		  "dd04" },
	{ .name = "get-vanilla-with-session-token",
	  .method = "GET",
	  .path = "/",
	  .field = { { "X-Amz-Security-Token",
		       "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf19"
		       "4267" } },
	  .want = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74"
		  "e7f8" },
	{ .name = "post-header-key-case",
	  .method = "POST",
	  .path = "/",
	  .want = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe"
		  "5d6b" },
	{ .name = "post-header-key-sort",
	  .method = "POST",
	  .path = "/",
	  .field = { { "My-Header1", "value1" } },
	  .want = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18"
		  "852c" },
	{ .name = "post-header-value-case",
	  .method = "POST",
	  .path = "/",
	  .field = { { "My-Header1", "VALUE1" } },
	  .want = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b97"
		  "4b7d" },
	{ .name = "post-sts-header-after",
	  .method = "POST",
	  .path = "/",
	  .want = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe"
		  "5d6b" },
	{ .name = "post-sts-header-before",
	  .method = "POST",
	  .path = "/",
	  .field = { { "X-Amz-Security-Token",
		       "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4"
		       "FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI"
		       "/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
		       "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT"
		       "38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9K"
		       "SYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==" } },
	  .want = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be0"
		  "5ead" },
	{ .name = "post-vanilla",
	  .method = "POST",
	  .path = "/",
	  .want = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe"
		  "5d6b" },
	{ .name = "post-vanilla-empty-query-value",
	  .method = "POST",
	  .path = "/",
	  .query = { { "Param1", "value1" } },
	  .want = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af"
		  "7f11" },
	{ .name = "post-vanilla-query",
	  .method = "POST",
	  .path = "/",
	  .query = { { "Param1", "value1" } },
	  .want = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af"
		  "7f11" },
	{ .name = "post-x-www-form-urlencoded",
	  .method = "POST",
	  .path = "/",
	  .field = { { "Content-Type", "application/x-www-form-urlencoded" },
		     { "Content-Length", "13" },
		     { "x-amz-content-sha256",
		       "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d"
		       "0b6e" } },
	  .body = "Param1=value1",
	  .want = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f2"
		  "0e0b" },
	{ .name = "post-x-www-form-urlencoded-parameters",
	  .method = "POST",
	  .path = "/",
	  .field = { { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
		     { "Content-Length", "13" },
		     { "x-amz-content-sha256",
		       "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d"
		       "0b6e" } },
	  .body = "Param1=value1",
	  .want = "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f5"
		  "1422" },

};

static const struct suite_case of_s3[] = {
	{ .name = "get a range",
	  .method = "GET",
	  .path = "/test.txt",
	  .field = { { "Range", "bytes=0-9" } },
	  .want = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ .name = "put, with a sign in the path",
	  .method = "PUT",
	  .path = "/test%24file.text",
	  .field = { { "Date", "Fri, 24 May 2013 00:00:00 GMT" },
		     { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
	  .body = "Welcome to Amazon S3.",
	  .want = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ .name = "a parameter without a value",
	  .method = "GET",
	  .path = "/",
	  .query = { { "lifecycle", "" } },
	  .want = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ .name = "a list",
	  .method = "GET",
	  .path = "/",
	  .query = { { "prefix", "J" }, { "max-keys", "2" } },
	  .want = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

struct signer {
	struct sigv4_key key;
	const char *host;
	int64_t time_us;
	bool hash_field; /* X-Amz-Content-Sha256 is signed */
};

static size_t add_pairs(struct sigv4_pair *to, size_t n, const struct pair *from)
{
	for (size_t i = 0; i < PAIRS && from[i].name; i++)
		to[n++] = (struct sigv4_pair){ slice_z(from[i].name), slice_z(from[i].value) };
	return n;
}

static void check_case(const struct signer *s, const struct suite_case *c)
{
	struct sigv4_pair query[PAIRS], field[PAIRS + 3];
	char time[SIGV4_TIME_CHARS + 1], hash[SIGV4_PAYLOAD_CHARS + 1];
	size_t n = 0, n_query = add_pairs(query, 0, c->query);
	struct buf out = { 0 };
	const char *got;

	sigv4_time(s->time_us, time);
	sigv4_payload(c->body ? slice_z(c->body) : slice(NULL, 0), hash);
	field[n++] = (struct sigv4_pair){ slice_z("Host"), slice_z(s->host) };
	field[n++] = (struct sigv4_pair){ slice_z("X-Amz-Date"), slice_z(time) };
	if (s->hash_field)
		field[n++] = (struct sigv4_pair){ slice_z("x-amz-content-sha256"), slice_z(hash) };
	n = add_pairs(field, n, c->field);
	sigv4_sign(&s->key,
		   &(struct sigv4_ask){ .method = c->method,
					.path = slice_z(c->path),
					.query = query,
					.n_query = n_query,
					.field = field,
					.n_fields = n,
					.payload = hash,
					.time = time },
		   &out);
	got = strstr(buf_z(&out), "Signature=");
	is_str(got ? got + strlen("Signature=") : "none", c->want, c->name);
	buf_fini(&out);
}

static void test_suite(void)
{
	const struct signer s = { .key = { .id = "AKIDEXAMPLE",
					   .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
					   .region = "us-east-1",
					   .service = "service" },
				  .host = "example.amazonaws.com",
				  .time_us = 1440938160 * TM_S };

	for (size_t i = 0; i < sizeof(suite) / sizeof(*suite); i++)
		check_case(&s, &suite[i]);
}

static void test_s3(void)
{
	const struct signer s = { .key = { .id = "AKIAIOSFODNN7EXAMPLE",
					   .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
					   .region = "us-east-1",
					   .service = "s3",
					   .path_as_sent = true },
				  .host = "examplebucket.s3.amazonaws.com",
				  .time_us = 1369353600 * TM_S,
				  .hash_field = true };

	for (size_t i = 0; i < sizeof(of_s3) / sizeof(*of_s3); i++)
		check_case(&s, &of_s3[i]);
}

/* RFC 4231, cases 1, 2, 6. */
static void check_hmac(struct slice key, const char *text, const char *want)
{
	uint8_t hash[SHA256_BYTES];
	struct buf hex = { 0 };

	sha256_hmac(key.p, key.n, text, strlen(text), hash);
	buf_hex(&hex, hash, sizeof(hash));
	is_bytes(hex.p, hex.n, want, text);
	buf_fini(&hex);
}

static void test_hmac(void)
{
	char key[131];

	memset(key, 0x0b, 20);
	check_hmac(slice(key, 20), "Hi There",
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_hmac(slice_z("Jefe"), "what do ya want for nothing?",
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	check_hmac(slice(key, sizeof(key)),
		   "Test Using Larger Than Block-Size Key - Hash Key First",
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* Where the processor has instructions for it, both ways say the same. */
static void test_blocks(void)
{
	enum { BLOCKS = 33 };
	uint8_t text[BLOCKS * 64];
	uint32_t seed = 1, one[8], two[8];
	bool there = true, same = true;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
	for (size_t n = 0; n <= BLOCKS && there; n++) {
		for (uint32_t i = 0; i < 8; i++)
			one[i] = two[i] = seed ^ i * 0x9e3779b9;
		there = sha256_blocks_x86(one, text, n);
		sha256_blocks(two, text, n);
		same = !there || (same && memcmp(one, two, sizeof(one)) == 0);
	}
	ok(same, "blocks by the processor%s", there ? "" : ", which has none of these");
}

/* Names are compared before values, though '=' is more than what a name may go on with. */
static void test_query(void)
{
	const struct sigv4_pair query[] = {
		{ slice_z("a-b"), slice_z("1") },
		{ slice_z("uploads"), slice_z("") },
		{ slice_z("a"), slice_z("z z") },
		{ slice_z("a"), slice_z("b/+") },
	};
	struct buf out = { 0 };

	sigv4_query(query, 4, &out);
	is_bytes(out.p, out.n, "a=b%2F%2B&a=z%20z&a-b=1&uploads=", "a query, sorted");
	out.n = 0;
	sigv4_encode(slice("\xff/ ~*", 5), true, &out);
	is_bytes(out.p, out.n, "%FF/%20~%2A", "what is not unreserved is encoded");
	buf_fini(&out);
}

static void test_fields(void)
{
	const struct sigv4_pair field[] = {
		{ slice_z("X-Amz-Date"), slice_z("20150830T123600Z") },
		{ slice_z("Empty"), slice_z("") },
	};
	struct buf texts = { 0 };
	const char *text[2];

	buf_addz(&texts, "what was there before");
	sigv4_fields(field, 2, &texts, text);
	is_str(text[0], "X-Amz-Date: 20150830T123600Z", "a field as it is sent");
	is_str(text[1], "Empty: ", "one without a value");
	buf_fini(&texts);
}

int main(void)
{
	test_blocks();
	test_hmac();
	test_query();
	test_fields();
	test_suite();
	test_s3();
	return done();
}
