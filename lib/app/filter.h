/* hta-filter: a program of jq over each record, or a condition at the scanner's speed. */
#ifndef APP_FILTER_H
#define APP_FILTER_H

int filter_main(int argc, char **argv);

#endif
