/* TZif (RFC 9636): a header and a body with times of 32 bits, then, from version 2 on, another
 * header and body with 64 bits and a line of text, the rule for the time behind the last shift.
 * Of a body is read:
 *
 *   times (8 or 4 bytes each, big endian) | the rule from then on (1 byte each) |
 *   rules: seconds east (4), daylight saving (1), place of the name (1) | names, each with a NUL
 *
 * What follows (leap seconds, and what the times were made from) does not matter; leap seconds
 * that are counted do: such a file's times are not POSIX times. */
#include "base/zone_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BYTES = 44, FILE_BYTES_MAX = 1 << 20 };

#define FOLDER "/usr/share/zoneinfo"

struct header {
	bool wide;
	uint64_t ut, standard, leaps, shifts, rules, name_bytes;
};

/* ---- TZif */

static uint64_t zone_file_number(const char *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static bool read_header(struct slice file, struct header *h)
{
	if (file.n < HEADER_BYTES || memcmp(file.p, "TZif", 4) != 0)
		return false;
	h->wide = file.p[4] != 0;
	h->ut = zone_file_number(file.p + 20, 4);
	h->standard = zone_file_number(file.p + 24, 4);
	h->leaps = zone_file_number(file.p + 28, 4);
	h->shifts = zone_file_number(file.p + 32, 4);
	h->rules = zone_file_number(file.p + 36, 4);
	h->name_bytes = zone_file_number(file.p + 40, 4);
	return true;
}

static uint64_t body_bytes(const struct header *h, unsigned word)
{
	return h->shifts * (word + 1) + h->rules * 6 + h->name_bytes + h->leaps * (word + 4) +
	       h->standard + h->ut;
}

static int damaged_zone_file(struct err *err)
{
	return err_set(err, EX_CONFIG, "the file is damaged, install tzdata anew");
}

static int read_rules(const char *p, const struct header *h, struct zone_table *t, struct err *err)
{
	const char *names = p + h->rules * 6;

	for (uint64_t i = 0; i < h->rules; i++, p += 6) {
		int32_t east_s = (int32_t)(uint32_t)zone_file_number(p, 4);
		uint64_t at = (unsigned char)p[5];
		const char *end = at < h->name_bytes ? memchr(names + at, 0, h->name_bytes - at)
						     : NULL;

		if (!end || east_s <= -25 * 3600 || east_s >= 26 * 3600)
			return damaged_zone_file(err);
		zone_table_rule(t, east_s, slice(names + at, (size_t)(end - names) - at));
	}
	return 0;
}

/* *last_s: the last shift's time, INT64_MIN where there is none. */
static int read_body(const char *p, const struct header *h, unsigned word, struct zone_table *t,
		     int64_t *last_s, struct err *err)
{
	const char *kind = p + h->shifts * word;

	*last_s = INT64_MIN;
	if (h->leaps)
		return err_set(
			err, EX_USAGE,
			"it counts leap seconds, take the zone without \"right/\" before its name");
	if (!h->rules)
		return damaged_zone_file(err);
	if (read_rules(kind + h->shifts, h, t, err))
		return -1;
	for (uint64_t i = 0; i < h->shifts; i++, p += word) {
		int64_t at_s = word == 8 ? (int64_t)zone_file_number(p, 8)
					 : (int32_t)(uint32_t)zone_file_number(p, 4);

		if ((unsigned char)kind[i] >= h->rules || (i && at_s <= *last_s))
			return damaged_zone_file(err);
		zone_table_shift(t, at_s, (unsigned char)kind[i]);
		*last_s = at_s;
	}
	return 0;
}

int zone_tzif(struct slice file, struct zone_table *t, struct err *err)
{
	struct header h;
	unsigned word = 4;
	int64_t last_s;
	uint64_t bytes;

	if (!read_header(file, &h))
		return damaged_zone_file(err);
	if (h.wide) {
		bytes = HEADER_BYTES + body_bytes(&h, 4);
		if (bytes > file.n)
			return damaged_zone_file(err);
		file = slice(file.p + bytes, file.n - bytes);
		if (!read_header(file, &h))
			return damaged_zone_file(err);
		word = 8;
	}
	bytes = HEADER_BYTES + body_bytes(&h, word);
	if (bytes > file.n)
		return damaged_zone_file(err);
	if (read_body(file.p + HEADER_BYTES, &h, word, t, &last_s, err))
		return -1;
	file = slice(file.p + bytes, file.n - bytes);
	if (word == 4 || (file.n == 2 && memcmp(file.p, "\n\n", 2) == 0))
		return 0;
	if (file.n < 2 || file.p[0] != '\n' || file.p[file.n - 1] != '\n' ||
	    zone_posix(slice(file.p + 1, file.n - 2), last_s, t))
		return damaged_zone_file(err);
	return 0;
}

/* ---- the file */

static bool is_name_char(char c)
{
	bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

	return letter || (c >= '0' && c <= '9') || (c && strchr("_+-/", c));
}

/* As IANA names them: no way out of the folder. */
static bool is_name(const char *name)
{
	size_t n = 0;

	while (is_name_char(name[n]))
		n++;
	return n && n < 200 && !name[n] && name[0] != '/' && name[n - 1] != '/' &&
	       strcmp(name, "localtime") != 0;
}

static int unknown_zone_file(const char *name, const char *why, const char *folder, struct err *err)
{
	return err_set(err, EX_USAGE, "\"%s\" is no time zone (Europe/Berlin, UTC, +01:00)%s%s",
		       name, why, folder);
}

static int read_file(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	if (fd < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	while (n > 0 && out->n <= FILE_BYTES_MAX) {
		n = read(fd, buf_room(out, 1 << 14), 1 << 14);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->n += (size_t)n;
	}
	if (n < 0)
		err_errno(err, EX_CONFIG, "%s", path);
	close(fd);
	return n < 0 ? -1 : 0;
}

int zone_file(const char *name, struct buf *out, struct err *err)
{
	const char *folder = getenv("TZDIR");
	struct buf path = { 0 };
	struct stat sb;
	bool is_there;
	int rc;

	if (!is_name(name))
		return unknown_zone_file(name, "", "", err);
	if (!folder || !*folder)
		folder = FOLDER;
	if (stat(folder, &sb) || !S_ISDIR(sb.st_mode))
		return err_set(
			err, EX_CONFIG,
			"there is no folder %s to look up zone %s: install tzdata, or give an "
			"offset (+01:00)",
			folder, name);
	buf_printf(&path, "%s/%s", folder, name);
	if (stat(buf_z(&path), &sb) == 0)
		is_there = S_ISREG(sb.st_mode);
	else
		is_there = errno != ENOENT && errno != ENOTDIR;
	if (!is_there)
		rc = unknown_zone_file(name, ": none of that name in ", folder, err);
	else
		rc = read_file(path.p, out, err);
	if (rc == 0 && (out->n < 4 || memcmp(out->p, "TZif", 4) != 0))
		rc = unknown_zone_file(name, ": not a zone's file in ", folder, err);
	buf_fini(&path);
	return rc;
}
