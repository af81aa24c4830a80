/* hta-dlq: dead letters of a table, a file or a topic: listed, counted, shown, sent again. */
#ifndef APP_DLQ_H
#define APP_DLQ_H

#include "read/letters.h"
#include "read/stores.h"

struct dlq_program {
	const struct read_stores *stores;
	const struct letters_driver *topic;    /* letters in a topic; NULL: not built in */
	const struct letters_cluster *cluster; /* where to they are sent; NULL: not built in */
};

int dlq_main(const struct dlq_program *program, int argc, char **argv);

#endif
