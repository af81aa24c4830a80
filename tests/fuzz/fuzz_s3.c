/* What a bucket answers, what its names and objects hold: the first byte says which of the readers
 * gets the rest. None reads beyond it; paths nest as elements do; a name that is read is the one
 * that is written; a stream in one piece and in two says the same. */
#include "fuzz.h"

#include "drv/s3/s3_key.h"
#include "drv/s3/s3_xml.h"
#include "io/pack.h"
#include "net/aws_credentials.h"

static void see_element(void *arg, const char *path, struct slice text)
{
	size_t *bytes = arg;

	MUST(*path && path[strlen(path) - 1] != '/' && strlen(path) < XML_PATH_BYTES);
	*bytes += text.n;
}

static void fuzz_xml(struct slice in)
{
	struct err err = ERR_INIT;
	size_t bytes = 0;
	int rc = xml_read(in, see_element, &bytes, &err);

	MUST(bytes <= in.n && (rc == 0) == (err.code == 0));
}

static void fuzz_key(struct slice in)
{
	struct s3_name name = { .partition = -1 };
	struct buf again = { 0 };

	if (s3_key_read(in, &name)) {
		MUST(name.topic.n && name.partition >= 0 && name.from >= 0);
		s3_key_place(buf_slice(&name.topic), name.partition, name.from, &again);
		buf_addz(&again, s3_key_suffix(name.kind));
		in = buf_slice(&again);
		MUST(s3_key_read(in, &name));
	}
	buf_fini(&name.topic);
	buf_fini(&again);
}

static void fuzz_offsets(struct slice in)
{
	struct s3_offsets o = { .next = 0 };
	int64_t offset, last = -1;

	for (unsigned n = 0; n < 100000 && s3_offsets_next(&o, &in, &offset); n++) {
		MUST(offset > last);
		last = offset;
	}
}

static void fuzz_credentials(struct slice in)
{
	struct aws_credentials c = { 0 };
	struct err err = ERR_INIT;

	if (aws_credentials_read(in, "default", &c) == 0)
		MUST(c.id && c.secret);
	aws_credentials_fini(&c);
	if (aws_credentials_of_json(in, &c, &err) == 0)
		MUST(c.id && c.secret);
	aws_credentials_fini(&c);
}

/* At most a MiB of it: damage may say that there is more. */
static int unpack(enum pack_kind kind, struct slice in, size_t cut, struct buf *text,
		  struct buf *note)
{
	struct parts *p = parts_new(kind);
	struct err err = ERR_INIT;
	struct slice piece[2] = { slice(in.p, cut), slice(in.p + cut, in.n - cut) };
	int rc = 0;

	for (int i = 0; i < 2; i++) {
		size_t before = SIZE_MAX;

		while (rc == 0 && text->n < 1 << 20 && (piece[i].n || text->n != before)) {
			size_t fed = piece[i].n;

			before = text->n;
			rc = parts_read(p, &piece[i], 4096, text, note, &err);
			if (rc == 0 && piece[i].n == fed && text->n == before)
				break;
		}
	}
	if (rc == 0)
		rc = parts_whole(p) ? 0 : 1;
	parts_free(p);
	return rc;
}

static void fuzz_parts(enum pack_kind kind, struct slice in)
{
	struct buf one = { 0 }, two = { 0 }, note_one = { 0 }, note_two = { 0 };
	size_t cut = in.n ? (unsigned char)in.p[0] % (in.n + 1) : 0;
	int a = unpack(kind, in, in.n, &one, &note_one), b = unpack(kind, in, cut, &two, &note_two);

	if (one.n < 1 << 20 && a == 0)
		MUST(b == 0 && slice_eq(buf_slice(&one), buf_slice(&two)) &&
		     slice_eq(buf_slice(&note_one), buf_slice(&note_two)));
	buf_fini(&one);
	buf_fini(&two);
	buf_fini(&note_one);
	buf_fini(&note_two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice((const char *)data, n);
	unsigned which = fuzz_byte(&in) % 6;
	char *copy = mem_alloc(in.n + 1);

	if (in.n)
		memcpy(copy, in.p, in.n);
	in.p = copy;
	if (which == 0)
		fuzz_xml(in);
	else if (which == 1)
		fuzz_key(in);
	else if (which == 2)
		fuzz_offsets(in);
	else if (which == 3)
		fuzz_credentials(in);
	else
		fuzz_parts(which == 4 ? PACK_ZSTD : PACK_GZIP, in);
	free(copy);
	return 0;
}
