#include "intake/idempotency.h"

#include "base/hash.h"

static void key_text(struct buf *b, struct slice key_id, struct slice key)
{
	buf_adds(b, key_id);
	buf_addc(b, '\0');
	buf_adds(b, key);
	buf_addc(b, '\0');
}

struct seen_entry idempotency_entry(struct slice key_id, struct slice key, struct slice body,
				    uint32_t ticket)
{
	struct seen_entry e = { .ticket = ticket };
	struct buf b = { 0 };

	key_text(&b, key_id, key);
	e.key = seen_key_other(buf_slice(&b));
	e.check = (uint32_t)hash_64(body.p, body.n) | 1;
	buf_fini(&b);
	return e;
}

void idempotency_event_id(struct slice key_id, struct slice key, uint32_t index,
			  char out[UUID_CHARS])
{
	struct buf b = { 0 };
	uint8_t hash[16];

	key_text(&b, key_id, key);
	buf_addu(&b, index);
	hash_128(b.p, b.n, hash);
	uuid_v8(hash, out);
	buf_fini(&b);
}

void idempotency_text(const struct seen_entry *e, char out[IDEMPOTENCY_CHARS])
{
	struct buf b = { 0 };

	buf_hex(&b, &e->key, sizeof(e->key));
	buf_hex(&b, &e->check, sizeof(e->check));
	memcpy(out, b.p, IDEMPOTENCY_CHARS);
	buf_fini(&b);
}

int idempotency_read(struct slice text, struct seen_entry *e)
{
	if (text.n != IDEMPOTENCY_CHARS)
		return -1;
	e->ticket = 0;
	return str_unhex(slice(text.p, 32), &e->key, 16) == 0 &&
			       str_unhex(slice(text.p + 32, 8), &e->check, 4) == 0 &&
			       (e->key.half[0] | e->key.half[1])
		       ? 0
		       : -1;
}
