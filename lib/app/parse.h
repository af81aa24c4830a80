/* hta-parse: lines of text, in a format that others write, into records of JSON. */
#ifndef APP_PARSE_H
#define APP_PARSE_H

int parse_main(int argc, char **argv);

#endif
