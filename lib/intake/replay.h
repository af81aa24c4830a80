/* The table of seen events made again from the lines of the log (intake.h), at a start. */
#ifndef INTAKE_REPLAY_H
#define INTAKE_REPLAY_H

#include "intake/seen.h"
#include "scan/scan.h"

struct replay;

/* seen is borrowed. */
struct replay *replay_new(struct seen *seen);
void replay_free(struct replay *r);

/* Who is told the topic of each event; one topic may be told often. Valid during the call. */
void replay_topics(struct replay *r, void (*topic)(void *arg, struct slice topic), void *arg);

/* Lines of one group, in the order of the log, each of which ends in \n; SCAN_PAD readable bytes
 * stand around. us: when they were appended. They get the ticket, which is durable. Dead letters,
 * and what is no event, are passed over. Returns how many keys were new. */
size_t replay_lines(struct replay *r, struct slice lines, int64_t us, uint32_t ticket);

#endif
