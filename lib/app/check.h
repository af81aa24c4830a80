/* hta-check: rules, before they run. The whole program but its main. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

int check_main(int argc, char **argv); /* the exit code */

#endif
