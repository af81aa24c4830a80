/* A line is put together from ready pieces by copies of fixed sizes, which run over and are
 * written over by what follows; digits and hex are made eight at a time in one word. No branch
 * depends on the dice, which a processor would have to guess, but the one for the hot customer.
 * Events repeat the shape of a web shop's log: a customer of Zipf weight or the hot one, 100
 * endpoints, 6 statuses, prices in cents. */
#include "app/gen_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/dec.h"
#include "app/gen_fields.h"
#include "base/mem.h"
#include "base/tm.h"

enum {
	USERS = 1000000,
	ENDPOINTS = 100,
	PRODUCTS = 5000,
	LATE_LEAST_US = 600 * 1000000,
	LATE_SPAN_S = 3000,
	GEN_BAD_BYTES = 128, /* what makes a line a bad one */
};

struct gen {
	struct gen_conf c;
	uint64_t s[4];                                /* xoshiro256** */
	uint64_t i;                                   /* events so far */
	uint64_t hot_cut, late_cut, dup_cut, bad_cut; /* probabilities in units of 2^-32 */
	struct gen_alias *zipf;
	size_t room;  /* bytes of a line at most */
	char *recent; /* GEN_RECENT of them */
	uint32_t recent_bytes[GEN_RECENT];
	int64_t minute;       /* of the cached text */
	char minute_text[16]; /* 2026-01-01T00:00 */
};

/* One of a list, as it stands in JSON. */
struct word {
	char text[15];
	uint8_t n;
};
struct long_word {
	char text[47];
	uint8_t n;
};
#define W(s)                     \
	{                        \
		s, sizeof(s) - 1 \
	}
static const struct word event_types[] = { W("page_view"), W("click"),  W("add_to_cart"),
					   W("purchase"),  W("search"), W("login"),
					   W("logout"),    W("error") };
static const struct word statuses[] = {
	W("200"), W("201"), W("304"), W("404"), W("429"), W("500"),
};
static const struct word regions[] = { W("eu-west-1"), W("us-east-1"), W("ap-south-1"),
				       W("sa-east-1") };
static const struct word resources[] = {
	W("orders"), W("users"),  W("carts"), W("items"), W("search"),
	W("login"),  W("prices"), W("stock"), W("media"), W("help"),
};
static const struct word order_states[] = { W("created"), W("paid"),      W("packed"),
					    W("shipped"), W("delivered"), W("cancelled") };
/* Some need escapes. */
static const struct long_word referrers[] = {
	W("https://shop.example/home"),
	W("https://search.example/?q=shoes"),
	W("https://news.example/a/1"),
	W("direct"),
	W("https://shop.example/cart"),
	W("https://mail.example/inbox"),
	W("https://shop.example/sale"),
	W("https://ads.example/c/77"),
	W("https://blog.example/post/9"),
	W("https://shop.example/?q=\\\"red \\\\ blue\\\""),
	W("caf\\u00e9 \\ud83d\\ude00\\tlist"),
	W("https://b\303\274cher.example/\346\227\245\346\234\254"),
};
#define PICK(list, dice) \
	(&(list)[(uint64_t)(uint32_t)(dice) * (sizeof(list) / sizeof(*(list))) >> 32])

/* Numbers below 1000, with leading zeros; n: their digits. */
static struct {
	char text[7];
	uint8_t n;
} three[1000];

static void make_three(void)
{
	for (unsigned i = 0; i < 1000; i++) {
		three[i].text[0] = (char)('0' + i / 100);
		three[i].text[1] = (char)('0' + i / 10 % 10);
		three[i].text[2] = (char)('0' + i % 10);
		three[i].n = 1 + (i >= 10) + (i >= 100);
	}
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t dice(struct gen *g)
{
	uint64_t *s = g->s, r = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return r;
}

uint64_t gen_dice(struct gen *g)
{
	return dice(g);
}

/* splitmix64, as the authors of xoshiro seed it. */
static void seed(struct gen *g)
{
	uint64_t x = g->c.seed;

	for (int i = 0; i < 4; i++) {
		uint64_t z = x += 0x9e3779b97f4a7c15ULL;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		g->s[i] = z ^ (z >> 31);
	}
}

uint64_t gen_cut(double p)
{
	return (uint64_t)(p * 4294967296.0);
}

struct gen *gen_new(const struct gen_conf *conf)
{
	struct gen *g = mem_zalloc(sizeof(*g));

	g->c = *conf;
	make_three();
	seed(g);
	g->zipf = gen_alias_new(conf->keys, conf->zipf);
	g->room = GEN_LINE_BYTES;
	if (conf->fields)
		g->room = gen_fields_bytes(conf->fields) + GEN_BAD_BYTES + GEN_SLACK;
	g->recent = mem_array(GEN_RECENT, g->room);
	g->hot_cut = gen_cut(conf->hot_prob);
	g->late_cut = gen_cut(conf->late_prob);
	g->dup_cut = gen_cut(conf->dup_prob);
	g->bad_cut = gen_cut(conf->bad_prob);
	g->minute = INT64_MIN;
	return g;
}

void gen_free(struct gen *g)
{
	if (!g)
		return;
	free(g->zipf);
	free(g->recent);
	free(g);
}

size_t gen_room(const struct gen *g)
{
	return g->room;
}

int64_t gen_next_us(const struct gen *g)
{
	int64_t past;

	if (__builtin_mul_overflow((int64_t)g->i, g->c.step_num, &past))
		return g->c.start_us + (int64_t)((dec)g->i * g->c.step_num / g->c.step_den);
	return g->c.start_us + past / g->c.step_den;
}

/* ---- pieces of a line */

static char *put_piece(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}
#define LIT(p, text) put_piece(p, text, sizeof(text) - 1)

static char *putz(char *p, const char *text)
{
	return put_piece(p, text, strlen(text));
}

static char *put_word(char *p, const struct word *w)
{
	memcpy(p, w->text, sizeof(w->text));
	return p + w->n;
}

static char *put_long_word(char *p, const struct long_word *w)
{
	memcpy(p, w->text, sizeof(w->text));
	return p + w->n;
}

/* Eight characters, the first in the lowest byte. */
static void put8(char *p, uint64_t text)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	text = __builtin_bswap64(text);
#endif
	memcpy(p, &text, sizeof(text));
}

/* n <= 8 digits of v: three at a time. */
static inline char *gen_digits(char *p, uint64_t v, unsigned n)
{
	if (n > 6) {
		memcpy(p, three[v / 1000000].text + (9 - n), 4);
		p += n - 6;
		v %= 1000000;
		n = 6;
	}
	if (n > 3) {
		memcpy(p, three[v / 1000].text + (6 - n), 4);
		p += n - 3;
		v %= 1000;
		n = 3;
	}
	memcpy(p, three[v].text + (3 - n), 4);
	return p + n;
}

/* v < 10^8, without leading zeros. */
static inline char *gen_number(char *p, uint64_t v)
{
	if (v < 1000)
		return gen_digits(p, v, three[v].n);
	return gen_digits(p, v,
			  4u + (v >= 10000) + (v >= 100000) + (v >= 1000000) + (v >= 10000000));
}

/* The eight hex digits of v. */
static uint64_t hex(uint32_t v)
{
	uint64_t x = v;

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	x += 0x3030303030303030 +
	     ((x + 0x0606060606060606) >> 4 & 0x0101010101010101) * ('a' - '9' - 1);
	return __builtin_bswap64(x);
}

/* aaaaaaaa-aaaa-4aaa-[89ab]bbb-bbbbbbbbbbbb */
static char *uuid(struct gen *g, char *p)
{
	uint64_t a = dice(g), b = dice(g), a_low = hex((uint32_t)a),
		 b_high = hex((uint32_t)(b >> 32));

	put8(p, hex((uint32_t)(a >> 32)));
	put8(p + 8, a_low << 8 | '-');
	put8(p + 13, a_low >> 32 << 8 | '-');
	p[14] = '4';
	put8(p + 18, b_high << 8 | '-');
	p[19] = "89ab"[b >> 62];
	put8(p + 23, b_high >> 32 << 8 | '-');
	put8(p + 28, hex((uint32_t)b));
	return p + 36;
}

static inline char *stamp(struct gen *g, char *p, int64_t us)
{
	int64_t minute = us / 60000000 - (us % 60000000 < 0);
	uint64_t ms = (uint64_t)(us - minute * 60000000) / 1000;

	if (minute != g->minute) {
		char text[TM_TEXT_BYTES];

		tm_text_ms(minute * 60000000, text);
		memcpy(g->minute_text, text, sizeof(g->minute_text));
		g->minute = minute;
	}
	p = put_piece(p, g->minute_text, sizeof(g->minute_text));
	*p++ = ':';
	p = gen_digits(p, ms / 1000, 2);
	*p++ = '.';
	p = gen_digits(p, ms % 1000, 3);
	*p++ = 'Z';
	return p;
}

static char *money(char *p, uint64_t cents)
{
	p = gen_number(p, cents / 100);
	*p++ = '.';
	return gen_digits(p, cents % 100, 2);
}

static inline char *customer(struct gen *g, char *p)
{
	uint64_t d = dice(g), k;

	if ((uint32_t)d < g->hot_cut) {
		k = 0;
	} else {
		k = 1 + gen_alias_draw(g->zipf, (uint32_t)g->c.keys, dice(g), d);
	}
	p = LIT(p, "c-");
	return gen_digits(p, k, k < 100000 ? 5 : 8);
}

char *gen_uuid(struct gen *g, char *p)
{
	return uuid(g, p);
}

char *gen_stamp(struct gen *g, char *p, int64_t us)
{
	return stamp(g, p, us);
}

char *gen_customer(struct gen *g, char *p)
{
	return customer(g, p);
}

static char *common_member(struct gen *g, char *p, int64_t us, const char *id)
{
	p = LIT(p, "{\"");
	p = putz(p, id);
	p = LIT(p, "\":\"");
	p = uuid(g, p);
	p = LIT(p, "\",\"ts\":\"");
	return stamp(g, p, us);
}

static inline char *shopper(struct gen *g, char *p, uint64_t d)
{
	p = LIT(p, "\",\"user_id\":\"u-");
	p = gen_digits(p, gen_below(d, USERS), 7);
	p = LIT(p, "\",\"customer\":\"");
	return customer(g, p);
}

static char *event(struct gen *g, char *p, int64_t us)
{
	uint64_t a = dice(g), b = dice(g), c = dice(g), latency = (a >> 40) * (a >> 40) >> 31;
	uint32_t endpoint = gen_below(b << 32, ENDPOINTS);

	p = common_member(g, p, us, "event_id");
	p = LIT(p, "\",\"event_type\":\"");
	p = put_word(p, PICK(event_types, a));
	p = shopper(g, p, b);
	p = LIT(p, "\",\"endpoint\":\"/api/v1/");
	p = put_word(p, &resources[endpoint % 10]);
	*p++ = '/';
	p = gen_digits(p, endpoint / 10, 1);
	p = LIT(p, "\",\"status\":");
	p = put_word(p, &statuses[(c & 15) < 10 ? 0 : PICK(statuses, c) - statuses]);
	p = LIT(p, ",\"latency_ms\":");
	p = gen_number(p, latency / 1000);
	*p++ = '.';
	p = gen_digits(p, latency % 1000, 3);
	p = LIT(p, ",\"region\":\"");
	p = put_word(p, PICK(regions, c >> 8));
	p = LIT(p, "\",\"payload\":{\"product_id\":\"p-");
	p = gen_digits(p, gen_below(c, PRODUCTS), 4);
	p = LIT(p, "\",\"price\":");
	p = money(p, 99 + gen_below(a, 50000));
	p = LIT(p, ",\"referrer\":\"");
	p = put_long_word(p, PICK(referrers, b >> 20));
	return LIT(p, "\"}}");
}

static char *order(struct gen *g, char *p, int64_t us)
{
	uint64_t a = dice(g), b = dice(g);

	p = common_member(g, p, us, "order_id");
	p = shopper(g, p, a);
	p = LIT(p, "\",\"status\":\"");
	p = put_word(p, PICK(order_states, a));
	p = LIT(p, "\",\"region\":\"");
	p = put_word(p, PICK(regions, b));
	p = LIT(p, "\",\"items\":");
	p = gen_number(p, 1 + gen_below(b, 9));
	p = LIT(p, ",\"amount\":");
	p = money(p, 99 + gen_below(b << 20, 1000000));
	return LIT(p, ",\"currency\":\"EUR\"}");
}

static char *view(struct gen *g, char *p, int64_t us)
{
	uint64_t a = dice(g), b = dice(g);

	p = common_member(g, p, us, "view_id");
	p = shopper(g, p, a);
	p = LIT(p, "\",\"product_id\":\"p-");
	p = gen_digits(p, gen_below(b, PRODUCTS), 4);
	p = LIT(p, "\",\"region\":\"");
	p = put_word(p, PICK(regions, b));
	p = LIT(p, "\",\"seconds\":");
	p = gen_number(p, gen_below(a << 20, 600));
	p = LIT(p, ",\"referrer\":\"");
	p = put_long_word(p, PICK(referrers, a));
	return LIT(p, "\"}");
}

static char *whole_number(struct gen *g, char *p, int64_t us)
{
	if (g->c.fields)
		return gen_fields_write(g->c.fields, g, p, us);
	switch (g->c.schema) {
	case GEN_ORDERS:
		return order(g, p, us);
	case GEN_VIEWS:
		return view(g, p, us);
	default:
		return event(g, p, us);
	}
}

static char *bad_record(struct gen *g, char *out, int64_t us)
{
	char *p = whole_number(g, out, us);

	switch (gen_below(dice(g), GEN_BAD_KINDS)) {
	case 0:
		return out + (p - out) / 2;
	case 1:
		return LIT(out, "Traceback (most recent call last):");
	case 2:
		return LIT(out,
			   "{\"event_id\":\"no-time\",\"customer\":\"c-00001\",\"latency_ms\":1}");
	case 3:
		return putz(p - 1, ",\"latency_ms\":\"fast\",\"amount\":\"much\"}");
	case 4:
		return putz(p - 1, ",\"latency_ms\":1e400,\"amount\":-9e99}");
	default:
		return putz(p - 1, ",\"note\":\"\xff\xfe\"}");
	}
}

size_t gen_line(struct gen *g, char *out)
{
	uint64_t d = dice(g), e = dice(g);
	int64_t us = gen_next_us(g);
	char *p;
	size_t n;

	if ((uint32_t)d < g->dup_cut && g->i) {
		uint64_t k = gen_below(e, g->i < GEN_RECENT ? (uint32_t)g->i : GEN_RECENT);

		g->i++;
		memcpy(out, g->recent + k * g->room, g->recent_bytes[k]);
		return g->recent_bytes[k];
	}
	if (g->c.jitter_us)
		us -= (int64_t)(dice(g) % (uint64_t)g->c.jitter_us);
	if ((uint32_t)(d >> 32) < g->late_cut)
		us -= LATE_LEAST_US + (int64_t)gen_below(e, LATE_SPAN_S) * TM_S;
	p = (uint32_t)e < g->bad_cut ? bad_record(g, out, us) : whole_number(g, out, us);
	*p++ = '\n';
	n = (size_t)(p - out);
	if (g->dup_cut) {
		memcpy(g->recent + g->i % GEN_RECENT * g->room, out, n);
		g->recent_bytes[g->i % GEN_RECENT] = (uint32_t)n;
	}
	g->i++;
	return n;
}
