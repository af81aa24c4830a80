/* Which file is which: by content, since a path or an inode says nothing after a rotation, a copy
 * or a compression.
 *
 *	a name by -t                          that one
 *	a name that a sink holds              the longest whose HASH its first LEN bytes have
 *	else                                  that of the first min(size, 4 KiB) it has now
 * Whoever reads on behind a position checks the record before it too: a file that is long enough,
 * and begins like another one, is found out there. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/files/files_internal.h"

/* ---- names */

void files_name(const void *head, size_t n, struct buf *out)
{
	buf_printf(out, FILES_NAME_START "%zu:%016llx", n, (unsigned long long)hash_64(head, n));
}

bool files_name_read(struct slice name, size_t *len, uint64_t *hash)
{
	const size_t start = sizeof(FILES_NAME_START) - 1;
	const char *colon = name.n > start ? memchr(name.p + start, ':', name.n - start) : NULL;
	uint8_t bytes[8];

	if (!colon || memcmp(name.p, FILES_NAME_START, start) != 0)
		return false;
	if (str_unhex(slice(colon + 1, (size_t)(name.p + name.n - colon - 1)), bytes,
		      sizeof(bytes)))
		return false;
	*len = 0;
	for (const char *p = name.p + start; p < colon; p++) {
		if (*p < '0' || *p > '9' || *len > FILES_HEAD_BYTES)
			return false;
		*len = *len * 10 + (size_t)(*p - '0');
	}
	*hash = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*hash = *hash << 8 | bytes[i];
	return *len > 0 && *len <= FILES_HEAD_BYTES;
}

/* ---- what can not be known */

/* When the file was made, POS_NONE where its filesystem does not say. */
static int64_t born_us(const struct file *f)
{
	struct statx x;

	if (statx(f->fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) || !(x.stx_mask & STATX_BTIME))
		return POS_NONE;
	return (int64_t)x.stx_btime.tv_sec * TM_S + x.stx_btime.tv_nsec / 1000;
}

/* The file that the job knows by this name was short when it was first seen, and no more than what
 * it had then was read of it. Any longer file that begins with those bytes looks like it, grown,
 * and nothing that is stored tells them apart. A file that was there already at the time of the
 * last event read is believed; of another one it is said, once: when more was read, the record
 * before the position tells. */
static void doubt(const struct file *f, const struct position *held, size_t len)
{
	int64_t born = born_us(f), next = held->next;

	if (len == FILES_HEAD_BYTES || next == 0)
		return;
	if (next > (int64_t)len || next >= (int64_t)f->head_n)
		return;
	if (born != POS_NONE && held->watermark_us != POS_NONE && born <= held->watermark_us)
		return;
	log_warn("%s: begins with the %lld bytes that this job has read as %s, so it is taken for "
		 "that file, grown; if it is another one, those bytes of it are missing: "
		 "head -c %lld %s >PART, and give -t NAME PART",
		 f->path, (long long)next, held->topic, (long long)next, f->path);
}

/* A file that was left in the middle and is none of this run's, as after a rotation by copy. */
static void miss(const struct files *fs, const struct positions *held)
{
	for (size_t i = 0; i < held->n; i++)
		if (!held->v[i].idle && !files_find(fs, held->v[i].topic))
			log_warn("%s was read to byte %lld and not to its end, and is none of "
				 "these files: give it too, or its copy",
				 held->v[i].topic, (long long)held->v[i].next);
}

/* ---- identity */

static bool is_file(const struct file *f, const char *name, size_t *len)
{
	uint64_t hash;

	return files_name_read(slice_z(name), len, &hash) && *len <= f->head_n &&
	       hash_64(f->head, *len) == hash;
}

/* The longest known name that fits; else one of its own. */
static void name_file(struct file *f, const struct positions *held)
{
	const struct position *best = NULL;
	size_t len, best_len = 0;

	for (size_t i = 0; i < held->n; i++)
		if (is_file(f, held->v[i].topic, &len) && len > best_len) {
			best = &held->v[i];
			best_len = len;
		}
	if (best) {
		f->part.topic = mem_strdup(best->topic);
		doubt(f, best, best_len);
	} else {
		struct buf b = { 0 };

		files_name(f->head, f->head_n, &b);
		f->part.topic = mem_dup(b.p, b.n);
		buf_fini(&b);
	}
}

static int alike(const struct file *a, const struct file *b, struct err *err)
{
	const char *name = a->part.topic;

	if (!name || !b->part.topic || strcmp(name, b->part.topic) != 0)
		return 0;
	return err_set(err, EX_USAGE,
		       "%s and %s look like one file (%s): give each a name of its own with -t "
		       "NAME before it, and the one that this job has read before -t %s",
		       a->path, b->path, name, name);
}

int files_known(void *self, const struct positions *held, struct err *err)
{
	struct files *fs = self;

	for (size_t i = 0; i < fs->n; i++) {
		struct file *f = &fs->v[i];

		/* another process of the job may have read on, behind what was there at open() */
		if (files_look_again(f, err))
			return -1;
		if (f->head_n == 0 || f->part.topic)
			continue;
		name_file(f, held);
	}
	for (size_t i = 0; i < fs->n; i++)
		for (size_t k = 0; k < i; k++)
			if (alike(&fs->v[k], &fs->v[i], err))
				return -1;
	miss(fs, held);
	return 0;
}
