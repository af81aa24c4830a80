/* FILE.retried: which letters of FILE were taken and retried. Lines, appended:
 *   take CALL/BATCH OFFSET HASH   a letter: the byte at which its line begins, and hash_64 of it
 *   settle CALL SENT TIME         the call's batches 1 .. SENT are sent, its others free again
 * Lines that do not read so are passed over: one may be torn by a full disk. The hash tells
 * letters of a file that was begun anew under the same name from those that were there before. */
#ifndef READ_LETTERS_MARKS_H
#define READ_LETTERS_MARKS_H

#include "read/letters.h"

struct letters_marks;

/* write: makes the file (mode 0600) and locks it; EX_TEMPFAIL: another call has. Else a file
 * that is not there has no marks. */
struct letters_marks *letters_marks_open(const char *file, bool write, struct err *err);
void letters_marks_free(struct letters_marks *m); /* NULL is fine */
/* Fills in retried_us, retries and taken (valid until letters_marks_free). */
void letters_marks_find(const struct letters_marks *m, int64_t offset, uint64_t hash,
			struct letter *l);
/* On the disk before they return. */
int letters_marks_take(struct letters_marks *m, const int64_t *offset, const uint64_t *hash,
		       size_t n, const char *call, uint64_t batch, struct err *err);
int letters_marks_settle(struct letters_marks *m, const char *call, uint64_t sent, struct err *err);
int letters_marks_calls(struct letters_marks *m, letters_call_fn *fn, void *arg, struct err *err);

#endif
