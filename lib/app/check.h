/* hta-check: rules, before they run. The whole program but its main. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "read/stores.h"
#include "source/consume.h"

/* What --connect can try. */
struct check_servers {
	const struct read_stores *stores;
	const struct consume_driver *cluster; /* NULL: built without one */
};

int check_main(const struct check_servers *servers, int argc, char **argv); /* the exit code */

#endif
