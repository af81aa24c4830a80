/* The program hta-ingest: takes events over HTTP, answers when they are durable in a local log. */
#ifndef APP_INGEST_H
#define APP_INGEST_H

int ingest_main(int argc, char **argv); /* the exit code */

#endif
