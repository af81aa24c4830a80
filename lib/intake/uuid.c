#include "intake/uuid.h"

static void uuid_text(const uint8_t bytes[16], char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*out++ = '-';
	}
}

void uuid_v7(int64_t now_us, uint32_t counter, uint64_t random, char out[UUID_CHARS])
{
	uint64_t ms = (uint64_t)now_us / 1000;
	uint8_t b[16];

	for (int i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> 8 * (5 - i));
	b[6] = (uint8_t)(0x70 | (counter >> 20 & 15));
	b[7] = (uint8_t)(counter >> 12);
	b[8] = (uint8_t)(0x80 | (counter >> 6 & 63));
	b[9] = (uint8_t)((counter & 63) << 2 | (random & 3));
	random >>= 2;
	for (int i = 10; i < 16; i++)
		b[i] = (uint8_t)(random >> 8 * (15 - i));
	uuid_text(b, out);
}

void uuid_v8(const uint8_t hash[16], char out[UUID_CHARS])
{
	uint8_t b[16];

	for (int i = 0; i < 16; i++)
		b[i] = hash[i];
	b[6] = (uint8_t)(0x80 | (b[6] & 15));
	b[8] = (uint8_t)(0x80 | (b[8] & 63));
	uuid_text(b, out);
}
