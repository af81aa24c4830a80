/* The end of an acknowledged stream: the other side of the ack channel (job/ack.h). A filter
 * that writes no stream.
 *   hello    the finished one goes back to the source
 *   probe    so does it, with what the sinks added
 *   bar      the account is checked (EX_SOFTWARE where the books do not balance), then acknowledged
 *   fail     is told to the source
 * A stage that reads behind it would get nothing: EX_USAGE.
 * A lost channel does not end the reading: a `fail` that comes later tells the cause; without
 * one 75 after `end`, else 76. */
#ifndef JOB_COMMIT_H
#define JOB_COMMIT_H

int commit_main(int argc, char **argv);

#endif
